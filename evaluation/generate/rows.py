"""Templates for what is set out as rows: tables with headers, lists of ``key: value``, headings that are questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evaluation.generate.naming import is_entity, is_noun_header, is_plural
from evaluation.generate.records import CHINESE, Reading
from ragpress.types import Element, ElementKind
from serving.evidence.sentences import readable, split_sentences

_RULE = re.compile(r"^\|?[\s:|-]+\|?$")
_EMPTY = re.compile(
    r"^(?:[-–—/.]*|n/?a|none|nothing|not applicable|any|无|同上|不适用|yes|no|是|否|x|✓|✗)$", re.IGNORECASE
)
_VAGUE = re.compile(
    r"^(?:#|no\.?|number|notes?|remarks?|comments?|description|value|link|url|name|example|"
    r"说明|备注|描述|注|值|序号|编号|链接|名称|例子|示例)$",
    re.IGNORECASE,
)
_WHO = re.compile(r"^(?:who|person|owner|contact|responsible|负责人|联系人)$", re.IGNORECASE)
_WHERE = re.compile(r"^(?:where|place|location|地点|位置)$", re.IGNORECASE)
_CLAUSE = re.compile(r"^(?:what|when|until|why|how|if|which)\b", re.IGNORECASE)
_MARKUP = re.compile(r"[<>{}\[\]`*|\\]|https?:|\w+\.md\b")
_CURRENCY = re.compile(r"^(.+?),? \(?(EUR|USD|CNY|GBP|RMB)\)?$")
_LONGEST_CELL, _LONGEST_KEY = 80, 40
_SHORTEST_ANSWER, _LONGEST_ANSWER = 6, 300
_KEY_VALUE = re.compile(
    r"^(?P<key>[^:：。.!?！？，,;；=()（）]{2,40})(?:: |：)\s*(?P<value>[^\s(（/].{1,160})$", re.DOTALL
)
_VERSION = re.compile(r"^v?\d+(?:\.\d+)+\b|^(?:Docs|Fixes|Features|Internal|Refactors|Upgrades|Added|Changed|Fixed)$")
_LONGEST_TERM = 5
_NO_VALUE = re.compile(
    r"^(?:because|since|if|when|and|or|but|see|is|are|you|it|they|here|因为|如果|参见|见|是\s)|^是|=|app --"
)
_CODE = re.compile(r"\b(?:error|code|light|status|alarm|E\d+|M\d+)\b|灯|代码|错误|状态", re.IGNORECASE)


class RowFact(NamedTuple):
    """A fact out of rows.

    Attributes:
        start: first code point of the evidence in the document's text.
        end: one past its last.
        about: the question without the document's title.
        answer: the value.
        kind: ``table``, ``entry`` or ``faq``.
        subject: the row's name.
        attribute: the column's name.
        columns: headers of the table.
        section: the heading that the question must name, or "".
        whole: whether the question is asked in the document's own words.
    """

    start: int
    end: int
    about: str
    answer: str
    kind: str
    subject: str = ""
    attribute: str = ""
    columns: tuple[str, ...] = ()
    section: str = ""
    whole: bool = False


def row_facts(reading: Reading) -> Iterator[RowFact]:
    """Facts in the tables, lists and question headings of a document."""
    for at, element in enumerate(reading.elements):
        if element.kind is ElementKind.TABLE:
            yield from _table(reading, element)
        elif element.kind is ElementKind.LIST:
            yield from _entries(reading, element)
        elif element.kind is ElementKind.TITLE:
            yield from _asked_heading(reading, element, reading.elements[at + 1 : at + 2])


def section_of(element: Element) -> str:
    """The heading right above an element, without its number and anchor; "" where it has none."""
    return heading_text(element.heading[-1]) if len(element.heading) > 1 else ""


def heading_text(heading: str) -> str:
    """A heading as a question may name it."""
    bare = re.sub(r"\s*\{\s*#[^}]*\}\s*$", "", readable(heading))
    bare = re.sub(r"^(?:\d+(?:\.\d+)*[.、]?\s+|[一二三四五六七八九十]+、\s*)", "", bare).strip()
    return "" if _MARKUP.search(bare) or len(bare) > 60 else bare


def _table(reading: Reading, element: Element) -> Iterator[RowFact]:
    lines = list(_lines(reading.text, element))
    if len(lines) < 3 or not _RULE.match(lines[1][2]):
        return
    header = _cells(lines[0][2])
    rows = [(start, end, _cells(line)) for start, end, line in lines[2:]]
    keys = [row[0] for _, _, row in rows if row]
    for start, end, cells in rows:
        if len(cells) != len(header) or keys.count(cells[0]) != 1 or not _is_key(cells[0]):
            continue
        for column, cell in zip(header[1:], cells[1:], strict=True):
            about = about_cell(reading.language, header[0], cells[0], column, cell)
            if about:
                yield RowFact(start, end, about, cell, "table", cells[0], column, tuple(header), section_of(element))


def about_cell(language: str, first: str, key: str, column: str, cell: str) -> str:
    """A question about a cell of a table, without the document's title; "" where none would be natural.

    Args:
        language: ``en`` or ``zh``.
        first: header of the first column.
        key: the row's name.
        column: header of the cell's column.
        cell: the cell.
    """
    if not _fits(cell, _LONGEST_CELL) or not _fits(column, _LONGEST_KEY) or _VAGUE.match(column):
        return ""
    if language == CHINESE:
        asked = "谁" if _WHO.match(column) else ("多少" if re.match(r"^[约±]?\d", cell) else "什么")
        return f"“{key}”的{column}是{asked}？"
    return _about_english(first, key, column, cell)


def _about_english(first: str, key: str, column: str, cell: str) -> str:
    named = _WHO.match(column) or _WHERE.match(column)
    if not is_entity(key) or (not named and not is_noun_header(_CURRENCY.sub(r"\1", column))):
        return ""
    if _WHO.match(column):
        return f"who is listed for “{key}”?"
    if _WHERE.match(column):
        asked = f"where is the {key}?" if key.islower() else f"where is {key}?"
        return "" if re.search(r"@|,| and ", key + cell.partition(",")[0]) else asked
    if any(map(_CLAUSE.match, (column, first))) or "," in column:
        return f"what stands under “{column}” for “{key}”?"
    if column.strip().lower() == "meaning":
        return f"what does “{key}” mean?"
    column = _CURRENCY.sub(r"\1 in \2", column)
    return f"what {'are' if is_plural(column) else 'is'} the {_lower(column)} for {key}?"


def _entries(reading: Reading, element: Element) -> Iterator[RowFact]:
    body = reading.text[element.start : element.end]
    section = section_of(element)
    found = [(span, _KEY_VALUE.match(readable(body[span.start : span.end]))) for span in _items(body)]
    if sum(match is not None for _, match in found) < 2 or not section or _VERSION.match(section):
        return
    for span, match in found:
        if match is None or not _is_term(match["key"]) or not _says_enough(match["value"]):
            continue
        about = _about_entry(reading.language, match["key"].strip(), section)
        yield RowFact(
            element.start + span.start, element.start + span.end, about, match["value"].strip().rstrip("。."), "entry",
            match["key"].strip(), "", (), section,
        )  # fmt: skip


def _says_enough(value: str) -> bool:
    said = len(value.split()) > 2 or re.search(r"[\d@\u3400-\u9fff]", value) is not None
    return said and _fits(value, 160) and not _NO_VALUE.search(value)


class _Item(NamedTuple):
    start: int
    end: int


def _items(body: str) -> Iterator[_Item]:
    """Items of a list, with the lines that were wrapped."""
    starts = [match.start() for match in re.finditer(r"^(?:[-*+•]|\d{1,3}[.)])\s+", body, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        yield _Item(start, start + len(body[start:end].rstrip()))


def _about_entry(language: str, key: str, section: str) -> str:
    if language == CHINESE:
        return f"“{key}”表示什么？" if _CODE.search(key) else f"关于“{key}”，“{section}”部分是怎么说的？"
    if _CODE.search(key):
        return f"what does “{key}” mean?"
    return f"what does the section “{section}” say about “{key}”?"


def _asked_heading(reading: Reading, title: Element, following: Sequence[Element]) -> Iterator[RowFact]:
    asked = heading_text(title.heading[-1]) if title.heading else ""
    if not asked.endswith(("?", "？")) or len(asked) < _SHORTEST_ANSWER * (1 + (reading.language != CHINESE)):
        return
    for element in following:
        if element.kind is not ElementKind.PARAGRAPH or element.heading != title.heading:
            continue
        body = reading.text[element.start : element.end]
        spans = split_sentences(body)
        last = len(spans)
        while last > 1 and spans[last - 1].end - spans[0].start > _LONGEST_ANSWER:
            last -= 1
        if not spans or body[: spans[last - 1].end].rstrip().endswith((":", "：", "?", "？")):
            continue
        start, end = spans[0].start, spans[last - 1].end
        answer = readable(body[start:end])
        if _fits(answer, _LONGEST_ANSWER) and len(answer) > _SHORTEST_ANSWER:
            yield RowFact(element.start + start, element.start + end, asked, answer, "faq", whole=True)


def _lines(text: str, element: Element) -> Iterator[tuple[int, int, str]]:
    start = element.start
    for line in text[element.start : element.end].split("\n"):
        if line.strip():
            yield start, start + len(line), line.strip()
        start += len(line) + 1


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [" ".join(re.sub(r"[*`]", "", cell).split()) for cell in line.strip("|").split("|")]


def _is_key(key: str) -> bool:
    return _fits(key, _LONGEST_KEY) and len(key) > 1 and not re.fullmatch(r"[\d\s.,%-]+", key)


def _is_term(key: str) -> bool:
    """Whether the word before a colon is a term that can be asked about: no phrase, no decoration, no option."""
    key = key.strip()
    return _is_key(key) and len(key.split()) <= _LONGEST_TERM and key[0].isalnum() and "PR" not in key.split()


def _fits(text: str, limit: int) -> bool:
    return bool(text) and len(text) <= limit and not _EMPTY.match(text) and not _MARKUP.search(text)


def _lower(column: str) -> str:
    first, _, rest = column.partition(" ")
    return f"{first.lower() if first[1:].islower() else first} {rest}".strip()
