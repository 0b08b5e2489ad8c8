"""Cuts one element that is too long for a chunk into pieces: rows, lines, sentences, clauses, words, tokens.

The cut points depend only on the element's own text, so a cut far from an edit stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ragpress.types import ElementKind


class Rank(IntEnum):
    """How strong a boundary between two neighbouring pieces is. Weak boundaries are closed first."""

    TITLE = 0
    TOKEN = 1
    WORD = 2
    CLAUSE = 3
    SENTENCE = 4
    BLANK_LINE = 5
    INTRODUCTION = 6
    ELEMENT = 7
    SECTION = 8
    WALL = 9


class Piece(NamedTuple):
    """A run of text that is never cut again.

    Attributes:
        start: first code point.
        end: one past the last code point.
        rank: strength of the boundary before it.
    """

    start: int
    end: int
    rank: Rank


class TokenIndex:
    """Counts tokens of spans of one text from the offsets at which its tokens start.

    A token that begins before a span and reaches into it is counted, so a count is never too small
    for spans that begin and end at word boundaries.
    """

    def __init__(self, starts: npt.NDArray[np.int64]) -> None:
        self._starts = starts

    def bounds(self, start: list[int], end: list[int]) -> tuple[list[int], list[int]]:
        """Token index of the first token and one past the last token of each span."""
        first = np.searchsorted(self._starts, np.asarray(start, dtype=np.int64), side="right") - 1
        last = np.searchsorted(self._starts, np.asarray(end, dtype=np.int64), side="left")
        return np.maximum(first, 0).tolist(), last.tolist()

    def count(self, start: int, end: int) -> int:
        """Number of tokens of one span."""
        first, last = self.bounds([start], [end])
        return max(last[0] - first[0], 0)

    def cuts(self, start: int, end: int, step: int) -> list[int]:
        """Offsets strictly inside the span at which every ``step``-th token starts."""
        inside = self._starts[np.searchsorted(self._starts, start, "right") : np.searchsorted(self._starts, end)]
        distinct: list[int] = np.unique(inside).tolist()
        return distinct[step - 1 :: step]


_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]+[\"'”’)\]*_]*(?=\s)"  # Latin: the mark must stand before white space
    r"|[。！？｡…]+[”’」』）】》\"')]*"  # Chinese and Japanese: no space follows
    r"|[।॥؟۔։።]+"  # Devanagari, Arabic, Urdu, Armenian, Ethiopic
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[A-Za-z]|e\.g|i\.e|cf|vs|etc|al|ca|approx|no|nos|fig|figs|eq|eqs|sec|vol|pp|ed|eds|"
    r"dr|mr|mrs|ms|prof|st|jr|sr|inc|ltd|co|corp|dept|est|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|"
    r"[A-Z](?:\.[A-Z])+)\.$",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[,;:]+(?=\s)|[，；：、،؛]+|\n")
_WORD_END = re.compile(r"\s+")
_LINE_END = re.compile(r"\n")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")

_LINES = (ElementKind.CODE, ElementKind.TABLE, ElementKind.LIST)
# Tokens are grouped when not even a word fits, so that a megabyte without a space stays affordable.
_HARD_GROUP = 8


def split_element(text: str, start: int, end: int, kind: ElementKind, fits: Callable[[int, int], bool]) -> list[Piece]:
    """Cut an element by the weakest means that makes every piece fit.

    Args:
        text: the document's text.
        start: the element's first code point.
        end: one past the element's last code point.
        kind: decides whether lines or sentences come first.
        fits: whether the span of text is short enough.

    Returns:
        Pieces, ascending; one that still does not fit is a single word (see :func:`split_word`).
        The first piece's rank means nothing.
    """
    levels = _LINE_LEVELS if kind in _LINES else _PROSE_LEVELS
    return _split(text, Piece(start, end, Rank.ELEMENT), levels, fits)


def split_word(piece: Piece, tokens: TokenIndex, size: int) -> list[Piece]:
    """Cut a piece without white space every few tokens.

    Args:
        piece: what does not fit.
        tokens: token offsets of the text.
        size: most tokens of a chunk; pieces get about an eighth of it.
    """
    cuts = tokens.cuts(piece.start, piece.end, max(1, size // _HARD_GROUP))
    edges = [piece.start, *cuts, piece.end]
    ranks = [piece.rank] + [Rank.TOKEN] * len(cuts)
    return [Piece(left, right, rank) for left, right, rank in zip(edges, edges[1:], ranks, strict=False)]


def _split(text: str, piece: Piece, levels: tuple[_Level, ...], fits: Callable[[int, int], bool]) -> list[Piece]:
    if not levels or fits(piece.start, piece.end):
        return [piece]
    level, *rest = levels
    parts: list[Piece] = []
    left = piece.start
    rank = piece.rank
    for cut in level.cuts(text, piece.start, piece.end):
        if text[left:cut].strip():
            parts += _split(text, Piece(left, cut, rank), tuple(rest), fits)
            left, rank = cut, level.rank
    if text[left : piece.end].strip():
        parts += _split(text, Piece(left, piece.end, rank), tuple(rest), fits)
    return parts


def _after(pattern: re.Pattern[str]) -> Callable[[str, int, int], Iterator[int]]:
    def cuts(text: str, start: int, end: int) -> Iterator[int]:
        return (match.end() for match in pattern.finditer(text, start, end) if match.end() < end)

    return cuts


def sentence_cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Offsets inside a span of prose at which a sentence ends; white space after it belongs to the next one."""
    for match in _SENTENCE_END.finditer(text, start, end):
        cut = match.end()
        if cut < end and not (match.group() == "." and _ABBREVIATION.search(text[max(start, cut - 12) : cut])):
            yield cut


class _Level(NamedTuple):
    rank: Rank
    cuts: Callable[[str, int, int], Iterator[int]]


_PROSE_LEVELS = (
    _Level(Rank.BLANK_LINE, _after(_BLANK_LINE)),
    _Level(Rank.SENTENCE, sentence_cuts),
    _Level(Rank.CLAUSE, _after(_CLAUSE_END)),
    _Level(Rank.WORD, _after(_WORD_END)),
)
_LINE_LEVELS = (
    _Level(Rank.BLANK_LINE, _after(_BLANK_LINE)),
    _Level(Rank.SENTENCE, _after(_LINE_END)),
    *_PROSE_LEVELS[1:],
)
