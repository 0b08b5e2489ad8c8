"""What of the passages may be quoted: sentences, rows and items, each with the lines above it that say what it is on.

Headings, questions, lead-ins and the head of a table are not quoted: they answer nothing by themselves. Their words
count for what stands below them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

from ingest.injection import injection_phrases
from retrieval.context import Passage
from serving.evidence.sentences import Span, is_heading, readable, split_sentences, without_citations
from serving.evidence.terms import stems_of

# A longer sentence (a line without a full stop) is quoted in part, cut at a comma.
_LONGEST = 360
# Title lines: no longer than so many characters, a Han character counting as three.
_TITLE = 75
# A line break behind a line shorter than this share of the longest one was not made by wrapping.
_WRAPPED = 0.7
_CLAUSE = re.compile(r"[,;:，；：、](?:\s|(?<=[，；：、]))|\n|\s{2,}")
_ENDED = re.compile(r"[.!?…。！？｡;；,，][\"'”’)\]」』）】》*_]*$")
_ASKS = re.compile(r"[?？][\"'”’)\]」』）】》*_]*$")
_ITEM = re.compile(r"\s*(?:[-*+•·‣▪◦●○–]\s|\|)")
_RULE = re.compile(r"\s*\|?[\s|:\-=+]{3,}")
_HAN = re.compile("[\u3400-\u9fff]")


class Candidate(msgspec.Struct, kw_only=True):
    """A sentence that may be quoted.

    Attributes:
        passage: where it stands.
        order: its place among the passage's sentences.
        text: what would be said.
        stems: its content words.
        lead: content words of the heading, the question or the head of the table above it.
        led: what stands above it, as it stands there.
        opener: place of the first sentence of the list item that it stands in; its own where it is in none.
        asked: it is the first sentence below a question.
        title: it is a heading itself, to be quoted only where it holds what is asked for.
        outside: it stands beside the chunk that was found, in its neighbours.
        foreign: it is in another script than the question.
        held: share of the question's words in it, and in what stands above it for less.
        score: how much it bears on the question.
    """

    passage: Passage
    order: int
    text: str
    stems: frozenset[str]
    lead: frozenset[str] = frozenset()
    led: str = ""
    opener: int = 0
    asked: bool = False
    title: bool = False
    outside: bool = False
    foreign: bool = False
    held: float = 0.0
    score: float = 0.0


def candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """Every sentence that may be quoted, in order; none that speaks to a language model."""
    return [
        Candidate(passage=passage, **piece._asdict()) for passage in passages for piece in _pieces_of_passage(passage)
    ]


class _Quotable(NamedTuple):
    """What a text alone tells of a :class:`Candidate`; see there."""

    order: int
    text: str
    stems: frozenset[str]
    lead: frozenset[str]
    led: str
    opener: int
    asked: bool
    title: bool
    outside: bool


def _pieces_of_passage(passage: Passage) -> tuple[_Quotable, ...]:
    shift = passage.text_start
    return _read(passage.text, " ".join(passage.heading), Span(passage.start - shift, passage.end - shift))


@lru_cache(maxsize=256)
def _read(body: str, heading: str, chunk: Span) -> tuple[_Quotable, ...]:
    """Read a passage; the last ones stay in memory, as many questions find the same."""
    return tuple(_quotable(body, heading, chunk))


def _quotable(body: str, heading: str, chunk: Span) -> Iterator[_Quotable]:
    pieces = [piece for span in split_sentences(body) for row in _rows(body, span) for piece in _pieces(body, row)]
    flagged = _speaks_to_a_model(body, pieces)
    columns, item, opener, asked = "", "", 0, False
    for order, piece in enumerate(pieces):
        raw = body[piece.start : piece.end]
        text = without_citations(readable(raw))
        if flagged[order]:
            continue
        alone = len(pieces) == 1
        row = raw.lstrip().startswith("|")
        columns = columns if row or (columns and not _RULE.match(raw) and _in_block(body, piece)) else ""
        if _ITEM.match(raw) or not _in_item(body, piece):
            item, opener = "", order
        lead = " ".join(part for part in (heading, columns, item) if part)
        made = _Quotable(
            order=order, text=text, stems=frozenset(stems_of(text)), lead=frozenset(stems_of(lead)),
            led=lead, opener=opener if item else order, asked=asked, title=False,
            outside=not chunk.start <= piece.start < chunk.end,
        )  # fmt: skip
        if is_heading(raw) or _ASKS.search(text) or (not alone and _is_title(body, piece)):
            heading, columns, asked = text, "", _ASKS.search(text) is not None
            made = made._replace(title=not asked)
        elif text.endswith((":", "：")):
            heading = f"{heading} {text}"
            continue
        elif not alone and _heads_table(body, piece):
            columns = text
            continue
        else:
            asked = False
            item = item or (text if _ITEM.match(raw) and not row else "")
        if made.stems and (made.title or not _ASKS.search(text)):
            yield made


def _in_item(body: str, piece: Span) -> bool:
    """Whether a piece goes on with the line above: in the same line, or in one that is set further in."""
    before = body[: piece.start]
    margin = before[before.rfind("\n") + 1 :]
    return bool(margin) and _in_block(body, piece)


def _in_block(body: str, piece: Span) -> bool:
    """Whether no empty line stands right above."""
    return not re.search(r"\n[ \t]*\n\s*$", body[: piece.start][-80:])


def _is_title(body: str, piece: Span) -> bool:
    """Whether a piece is a short line by itself, without a full stop, with text below it."""
    raw = body[piece.start : piece.end]
    if "\n" in raw or _ENDED.search(raw) or _ITEM.match(raw) or len(raw) + 2 * len(_HAN.findall(raw)) > _TITLE:
        return False
    before, after = body[: piece.start], body[piece.end :]
    first = not before.strip() or re.search(r"\n[ \t]*\n[ \t]*$", before) is not None
    last = re.match(r"[ \t]*\n[ \t]*(?:\n|[=\-~^]{3,}[ \t]*\n)", after) is not None
    return first and last


def _heads_table(body: str, piece: Span) -> bool:
    """Whether a piece is the head of a table: a row above a rule, or in a PDF's text the line that names columns."""
    after = body[piece.end :].lstrip(" \t")
    if body[piece.start] == "|":
        return after.startswith("\n") and _RULE.match(after[1:].split("\n", 1)[0] + " ") is not None
    raw = body[piece.start : piece.end]
    below = after[1:].split("\n\n", 1)[0].split("\n") if after.startswith("\n") else []
    return (
        len([line for line in below if line.strip()]) > 1
        and "\n" not in raw
        and raw == raw.lower()
        and not re.search(r"\d", raw)
        and not any(_ENDED.search(line) for line in (raw, *below[:-1]))
        and not _in_block(body, piece)
    )


def _rows(text: str, span: Span) -> list[Span]:
    """A sentence, or the rows of a table that a PDF gave as lines without full stops."""
    raw = text[span.start : span.end]
    if "\n" not in raw:
        return [span]
    longest = max(map(len, text.split("\n")))
    cuts = []
    for match in re.finditer(r"\n(?=\S)", raw):
        line = raw[: match.start()].rsplit("\n", 1)[-1]
        if len(line) < _WRAPPED * longest and not _ENDED.search(line):
            cuts.append(span.start + match.end())
    if len(cuts) < 2:
        return [span]
    edges = [span.start, *cuts, span.end]
    return [Span(left, right - (right != span.end)) for left, right in pairwise(edges)]


def _pieces(text: str, span: Span) -> list[Span]:
    """A sentence, or its parts where it is too long to be quoted whole."""
    if span.end - span.start <= _LONGEST:
        return [span]
    pieces, left, last = [], span.start, span.start
    for clause in _CLAUSE.finditer(text, span.start, span.end):
        if clause.end() - left > _LONGEST and last > left:
            pieces.append(Span(left, last))
            left = last
        last = clause.end()
    return [*pieces, Span(left, span.end)]


def _speaks_to_a_model(text: str, pieces: Sequence[Span]) -> list[bool]:
    """Which sentences have a phrase that is addressed to a language model, or have one together with the next.

    So does the next one of the same paragraph, where such a phrase is followed by what it orders.
    """
    alone = [bool(injection_phrases(text[piece.start : piece.end])) for piece in pieces]
    found = list(alone)
    for at, (one, other) in enumerate(pairwise(pieces)):
        if alone[at] and "\n" not in text[one.end : other.start]:
            found[at + 1] = True
        elif not (alone[at] or alone[at + 1]) and injection_phrases(text[one.start : other.end]):
            found[at] = found[at + 1] = True
    return found
