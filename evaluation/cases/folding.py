"""Quotes in texts: found whatever white space, width, case and marks differ, and mapped back to exact offsets.

Every code point is folded by itself (compatibility decomposition, case folding; white space, format characters and
emphasis marks vanish), so a place in the folded text has exactly one place in the text. White space counts nowhere,
as no two parsers agree on it and Chinese has none; in its stead a quote may not begin or end within a number, nor a
short one within a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_QUOTES = dict.fromkeys("“”„‟«»〝〞＂", '"') | dict.fromkeys("‘’‚‛′´`＇", "'")
_DASHES = dict.fromkeys("‐‑‒–—―−﹣－", "-")
_EMPHASIS = frozenset("*_|")
_WORDLESS = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp"})
_VARIATION = range(0xFE00, 0xFE10)
# So long a quote is not found by chance: whoever marked it may have begun within a word.
_LONG = 40
# Alphabets that set spaces between words; no other script tells where a word begins.
_SPACED = 0x0590
TELLING = 20.0
"""Letters (see :func:`weight`) from which on a quote hardly stands anywhere by chance."""
_ELLIPSIS = re.compile(r"\s*[\[(（]?\s*(?:…+|\.{3,})\s*[\])）]?\s*")
# Folded characters that an ellipsis may stand for, and the fewest that each part must have.
_GAP = 2000
_PART = 4
_TRIES = 50
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*%?")


class Span(NamedTuple):
    """A run of text: its first code point, and one past its last."""

    start: int
    end: int


class _Table(dict[int, str]):
    """Folds a code point; each is reckoned once.

    Args:
        words_only: whether all but letters, digits and their marks vanishes.
    """

    def __init__(self, *, words_only: bool) -> None:
        super().__init__()
        self._words_only = words_only

    def __missing__(self, code: int) -> str:
        folded = "".join(
            kept for kept in _fold(chr(code)) if not self._words_only or unicodedata.category(kept)[0] in "LNM"
        )
        self[code] = folded
        return folded


def _fold(character: str) -> str:
    named = _QUOTES.get(character) or _DASHES.get(character)
    if named is not None:
        return named
    if ord(character) in _VARIATION:
        return ""
    wide = unicodedata.normalize("NFKD", character).casefold()
    return "".join(kept for kept in unicodedata.normalize("NFKD", wide) if not _vanishes(kept))


def _vanishes(character: str) -> bool:
    return character in _EMPHASIS or unicodedata.category(character) in _WORDLESS


_EXACT = _Table(words_only=False)
_WORDS = _Table(words_only=True)


def fold(text: str) -> str:
    """A text as it is compared."""
    return text.translate(_EXACT)


class FoldedText:
    """A text, ready to be searched for quotes.

    Args:
        text: the text; spans refer to it.
        words_only: compare nothing but letters and digits.
    """

    def __init__(self, text: str, *, words_only: bool = False) -> None:
        self.text = text
        self._table = _WORDS if words_only else _EXACT
        self.folded = text.translate(self._table)

    def find(self, quote: str) -> Span | None:
        """Where the text first says a quote; an ellipsis in it may stand for some text. None where it does not."""
        return next(self.find_all(quote), None)

    def find_all(self, quote: str) -> Iterator[Span]:
        """Every place at which the text says a quote, in order, none overlapping the one before."""
        needle = quote.translate(self._table)
        if not needle:
            return
        found = False
        for span in self._places(needle):
            found = True
            yield span
        if not found:
            yield from self._in_parts(quote)

    def _places(self, needle: str, start: int = 0) -> Iterator[Span]:
        at = self.folded.find(needle, start)
        while at >= 0:
            span = self._standing(at, at + len(needle))
            if span is not None:
                yield span
            at = self.folded.find(needle, at + (1 if span is None else len(needle)))

    def _in_parts(self, quote: str) -> Iterator[Span]:
        parts = [part.translate(self._table) for part in _ELLIPSIS.split(quote)]
        parts = [part for part in parts if part]
        if len(parts) == 1 and _ELLIPSIS.search(quote):
            yield from self._places(parts[0])
        if len(parts) < 2 or min(map(len, parts)) < _PART:
            return
        at = self.folded.find(parts[0])
        for _ in range(_TRIES):
            if at < 0:
                return
            end = self._follow(parts, at)
            if end is not None:
                yield self.offsets(at, end)
                return
            at = self.folded.find(parts[0], at + 1)

    def _follow(self, parts: list[str], at: int) -> int | None:
        end = at + len(parts[0])
        if self._standing(at, end) is None:
            return None
        for part in parts[1:]:
            following = self.folded.find(part, end, end + _GAP + len(part))
            if following < 0 or self._standing(following, following + len(part)) is None:
                return None
            end = following + len(part)
        return end

    def _standing(self, start: int, end: int) -> Span | None:
        """The span of a folded run; None where it begins or ends within a word, a number or a letter with its marks."""
        span = self.offsets(start, end)
        if any(map(unicodedata.combining, self.text[span.end : span.end + 1])):
            return None
        whole = self.text[span.start : span.end].translate(self._table) == self.folded[start:end]
        return span if whole and _stands_alone(self.text, span) else None

    def offsets(self, start: int, end: int) -> Span:
        """The span in the text of a run of folded code points that is not empty."""
        first, last = np.searchsorted(self._ends, [start, end - 1], "right").tolist()
        return Span(first, last + 1)

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        """For each code point of the text, how many folded ones there are up to its end; shape (len(text),)."""
        codes = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), np.uint32)
        distinct, places = np.unique(codes, return_inverse=True)
        lengths = np.array([len(self._table[code]) for code in distinct.tolist()], np.int64)
        return np.cumsum(lengths[places])


def find_loosely(text: str, quote: str) -> Span | None:
    """Where a text says the words of a quote with the same numbers, whatever punctuation and markup stand between."""
    span = FoldedText(text, words_only=True).find(quote)
    if span is None or _NUMBER.findall(fold(quote)) != _NUMBER.findall(fold(text[span.start : span.end])):
        return None
    return span


def longest_part(quote: str) -> str:
    """The longest folded part of a quote between its ellipses: every text that holds the quote holds it."""
    return max((fold(part) for part in _ELLIPSIS.split(quote)), key=len)


def weight(quote: str) -> float:
    """How much a quote says, in letters of an alphabet: an ideograph says as much as two and a half."""
    return sum(2.5 if ord(character) >= 0x2E80 else 1.0 for character in fold(quote))


def _stands_alone(text: str, span: Span) -> bool:
    """Whether a span begins and ends where words and numbers do."""
    start, end = span
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before and _is_cut(before[-1], text[start], end - start):
        return False
    if after and _is_cut(text[end - 1], after[0], end - start):
        return False
    return not (_is_decimal(before + text[start]) or _is_decimal(text[end - 1] + after))


def _is_cut(left: str, right: str, length: int) -> bool:
    """Whether a quote may not end between two characters: never within a number, and within a word only a long one."""
    if not (_is_letter(left) and _is_letter(right)):
        return False
    return length < _LONG or left.isdigit() or right.isdigit()


def _is_letter(character: str) -> bool:
    return character.isalnum() and ord(character) < _SPACED


def _is_decimal(three: str) -> bool:
    return len(three) == 3 and three[1] in ".," and three[0].isdigit() and three[2].isdigit()
