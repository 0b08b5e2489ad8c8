"""Sentences of answers and passages, in English and Chinese, and the citation marks in them.

Spans count code points of the text they were asked for. A citation mark belongs to the sentence it follows, also
after the full stop, as models write it: ``It is so. [1] Next`` are two sentences, the first one cites 1. Rows of a
table, items of a list, headings and lines of code stand by themselves. The rules for where prose ends a sentence are
those of chunking (:func:`ingest.split.sentence_cuts`); libraries that split sentences (pysbd, BlingFire) were last
released in 2021, and none can tell a stream which of its sentences no later character will change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ingest.split import sentence_cuts


class Span(NamedTuple):
    """A run of text: its first code point, and one past its last."""

    start: int
    end: int


class CitationMark(NamedTuple):
    """A citation mark in a text.

    Attributes:
        start: first code point, the bracket.
        end: one past the closing bracket.
        numbers: what it cites, in the order written; a range is spelled out.
    """

    start: int
    end: int
    numbers: tuple[int, ...]


_NUMBERS = r"\d{1,4}(?:\s{0,2}[,，、;；\-–—~]\s{0,2}\d{1,4}){0,20}"
_MARK = re.compile(rf"\[\s?({_NUMBERS})\s?\]|【\s?({_NUMBERS})\s?】|［\s?({_NUMBERS})\s?］")
_MARKS_AFTER = re.compile(rf"(?:[ \t]{{0,3}}(?:{_MARK.pattern}))+[ \t]?[.。]?")
_UNFINISHED_MARK = re.compile(r"[\[【［][\d\s,，、;；\-–—~]{0,40}$")
_PART = re.compile(r"(\d+)(?:\s*[\-–—~]\s*(\d+))?")
# A longer range is a year span or an interval, not a list of passages.
_LONGEST_RANGE = 20

_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•·‣▪◦●○–][ \t]+|(?:\d{1,3}|[a-zA-Z])[.)][ \t]+|[（(]\d{1,3}[)）][ \t]*|\d{1,3}[、．][ \t]*)"
)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|`)(\S(?:.*?\S)?)\1")
# No space stands between Chinese characters: a line break there was made by wrapping.
_HAN_BREAK = re.compile("(?<=[\u3001-\u9fff\uff00-\uffef])[ \t]*\n[ \t]*(?=[\u3001-\u9fff\uff00-\uffef])")
_HAN = re.compile("[\u3400-\u9fff]")
# A line of a Chinese page that was wrapped has at least so many Chinese characters; or is so wide, in the width of one,
# and ends with one, where numbers and Latin words stand in it.
_HAN_WRAPPED = 28
_WIDE_WRAPPED = 34
_HAN_MOSTLY = 20
_WIDE = re.compile("[\u3001-\u9fff\uff00-\uffef]")
# A long line that ends so goes on, whatever the next one begins with.
_WRAPPED = 50
_UNENDED = re.compile(
    r"(?:,|\b(?:an?|the|in|of|on|at|to|for|and|or|with|by|from|than|is|are|was|were|as|its|their|our|your|up|that))$"
)
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_ROW = re.compile(r"[ \t]*\|")
_RULE = re.compile(r"[\s|:\-=+_*]+")
_ENDED = re.compile(r"[.!?…。！？｡:：;；][\"'”’)\]」』）】》*_]*\s*$")
_SPACE = " \t\r\n\f\v\u3000\xa0"


def parse_citations(text: str) -> list[CitationMark]:
    """Citation marks ``[1]``, ``[1, 2]``, ``[1-3]``, ``【1】`` and ``［1］``, in order; ``[1][2]`` are two marks."""
    return [CitationMark(match.start(), match.end(), _numbers(match)) for match in _MARK.finditer(text)]


def without_citations(text: str) -> str:
    """The text without its citation marks and the spaces before them."""
    return re.sub(rf"[ \t]{{0,3}}(?:{_MARK.pattern})", "", text).strip()


def split_sentences(text: str) -> list[Span]:
    """Sentences, table rows, list items and lines of code, in order; white space between them is in none."""
    bare = _MARK.sub(lambda match: " " * len(match.group()), text)
    found: list[Span] = []
    for block in _blocks(text, bare):
        if block.whole:
            found += _trimmed(text, block.start, block.end)
        else:
            found += _sentences(text, bare, block)
    return found


def complete_until(text: str) -> int:
    """One past the last sentence of an unfinished text that no further character will change; 0 when there is none."""
    spans = split_sentences(text)
    if spans and _UNFINISHED_MARK.fullmatch(text[spans[-1].start :].rstrip()):
        spans.pop()
    return spans[-2].end if len(spans) > 1 else 0


def readable(text: str) -> str:
    """One sentence of a passage as a person reads it: no bullet, heading marks, emphasis, table pipes, links' targets.

    The words stay what they are.
    """
    marker = _HEADING.match(text) or _ITEM.match(text)
    line = text[marker.end() :] if marker else text
    line = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", unwrapped(line)))
    if _ROW.match(line):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        line = "; ".join(cell for cell in cells if cell)
    return _BLANKS.sub(" ", line).strip()


def unwrapped(text: str) -> str:
    """The text without the line breaks that wrapping made between Chinese characters."""
    return _HAN_BREAK.sub("", text)


def is_heading(text: str) -> bool:
    """Whether a sentence is marked as a heading."""
    return _HEADING.match(text) is not None


class _Block(NamedTuple):
    start: int
    end: int
    whole: bool


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    found: list[int] = []
    for part in _PART.finditer(next(group for group in match.groups() if group)):
        first, last = int(part[1]), int(part[2] or part[1])
        found += range(first, last + 1) if first <= last < first + _LONGEST_RANGE else (first, last)
    return tuple(dict.fromkeys(found))


def _blocks(text: str, bare: str) -> Iterator[_Block]:
    """Runs of lines that belong together: prose that was wrapped, or one line by itself."""
    waiting: _Block | None = None
    in_code = False
    for start, end in _lines(text):
        line = text[start:end]
        fence = _FENCE.match(line) is not None
        whole = in_code or fence or _ROW.match(line) is not None or _HEADING.match(line) is not None
        in_code ^= fence
        if waiting is not None and not whole and _continues(bare[waiting.start : waiting.end], line):
            waiting = _Block(waiting.start, end, whole=False)
            continue
        if waiting is not None:
            yield waiting
        waiting = None
        if whole:
            yield from (_Block(start, end, whole=True) for _ in range(not fence and not _RULE.fullmatch(line)))
        elif line.strip():
            waiting = _Block(start, end, whole=False)
    if waiting is not None:
        yield waiting


def _lines(text: str) -> Iterator[Span]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield Span(start, end)
        start = end


def _continues(before: str, line: str) -> bool:
    """Whether a line goes on with a sentence that was wrapped: a small letter follows, or the line before it is full
    (Chinese) or ends in the middle of a phrase."""
    first = line.lstrip(_SPACE)[:1]
    if not first or _ITEM.match(line) or _ENDED.search(before):
        return False
    last = before.rstrip().rsplit("\n", 1)[-1]
    if first.islower() or _is_full(last, first):
        return True
    return len(last) >= _WRAPPED and _UNENDED.search(last) is not None


def _is_full(line: str, following: str) -> bool:
    """Whether a line of Chinese is as wide as lines are that were wrapped."""
    han = len(_HAN.findall(line))
    if han >= _HAN_WRAPPED:
        return True
    wide = len(_WIDE.findall(line))
    inside = _HAN.match(line[-1:]) is not None and _HAN.match(following) is not None
    return inside and han >= _HAN_MOSTLY and wide + (len(line) - wide) / 2 >= _WIDE_WRAPPED


def _sentences(text: str, bare: str, block: _Block) -> Iterator[Span]:
    item = _ITEM.match(text, block.start, block.end)
    left, first = block.start, item.end() if item else block.start
    for cut in sentence_cuts(bare, first, block.end):
        marks = _MARKS_AFTER.match(text, cut, block.end)
        if cut <= left or not (marks or _ends_here(bare, cut, block.end)):
            continue
        right = marks.end() if marks else cut
        yield from _trimmed(text, left, right)
        left = right
    yield from _trimmed(text, left, block.end)


def _ends_here(bare: str, cut: int, end: int) -> bool:
    """A small Latin letter after the mark goes on with the sentence (an abbreviation, a quoted question)."""
    following = bare[cut : min(end, cut + 80)].lstrip(_SPACE)[:1]
    return not ("a" <= following <= "z") or bare[cut - 1] in "。！？｡"


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    body = text[start:end]
    left = len(body) - len(body.lstrip(_SPACE))
    right = len(body.rstrip(_SPACE))
    if left < right:
        yield Span(start + left, start + right)
