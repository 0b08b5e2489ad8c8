"""Near matches of a short text in a long one: pieces that stand there as they are, then the edit distance around them.

A text of m characters with k errors holds at least one of k + 1 pieces of the pattern unchanged; the distance of the
pattern to the best part of a slice is Sellers' ("The theory and computation of evolutionary distances", 1980), each
row of its table computed at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.cases.folding import FoldedText, fold, weight

MOST_NOISE = 0.34
"""Share of a pattern's characters that may differ."""

_NUMBER = re.compile(r"\d[\d.,]{0,18}\d%?")
_WORD = re.compile(r"[0-9A-Za-z]")
_LOOKS_LIKE = {"0": "[0oqd]", "1": "[1li|!]", "2": "[2z]", "5": "[5s]", "6": "[6bg]", "8": "[8b]", "9": "[9gq]"}
_LEAST_WEIGHT = 5.0
_LONGEST = 120
_HITS = 64
_TRIED = 6


class NearPlace(NamedTuple):
    """Where a text nearly says something: its span there, and the share of characters that differ."""

    start: int
    end: int
    noise: float


def near_places(text: FoldedText, pattern: str) -> Iterator[NearPlace]:
    """Places of a text that say a pattern with up to a third of its characters differing, best votes first.

    Args:
        text: the text.
        pattern: what to look for; a shorter one than five letters is near to too much, and found nowhere.

    Yields:
        Places with noise above 0; where the pattern stands word for word nothing is given.
    """
    needle = fold(pattern)[:_LONGEST]
    if weight(pattern) < _LEAST_WEIGHT:
        return
    size = 2 if not needle.isascii() else 4 if len(needle) >= 12 else 3
    given: list[tuple[int, int]] = []
    for at in _votes(text.folded, needle, size):
        left = max(0, at - len(needle) // 3 - 2)
        start, end, errors = closest(text.folded[left : at + len(needle) + len(needle) // 3 + 2], needle)
        first, last = left + start, left + end
        noise = errors / len(needle)
        taken = any(one < last and first < two for one, two in given)
        if not errors or noise > MOST_NOISE or end <= start or taken or _other_number(needle, text.folded[first:last]):
            continue
        given.append((first, last))
        places = text.offsets(first, last)
        yield NearPlace(places.start, places.end, noise)


def _other_number(one: str, other: str) -> bool:
    """Whether two texts state other figures: noise makes letters of digits, or loses them; it makes no new number."""
    own, found = (re.sub(r"\D", "", text) for text in (one, other))
    return own != found and len(found) >= len(own)


def confused_places(text: FoldedText, digits: str) -> Iterator[NearPlace]:
    """Places where a number stands with letters that look like its digits, as character recognition leaves them.

    Args:
        text: the text.
        digits: a number in figures.
    """
    needle = fold(digits)
    if not _NUMBER.fullmatch(needle):
        return
    body = "".join(_LOOKS_LIKE.get(digit, re.escape(digit)) for digit in needle)
    for match in re.finditer(body, text.folded):
        errors = sum(one != other for one, other in zip(match.group(), needle, strict=True))
        start, end = text.offsets(match.start(), match.end())
        apart = not _WORD.search(text.text[max(0, start - 1) : start] + " " + text.text[end : end + 1])
        if apart and 0 < errors < sum(map(str.isdigit, needle)):
            yield NearPlace(start, end, errors / len(needle))


def _votes(text: str, needle: str, size: int) -> list[int]:
    """Where the pattern may begin: the places that most of its pieces agree on."""
    votes: Counter[int] = Counter()
    bin_size = max(2, len(needle) // 4)
    pieces = [(at, needle[at : at + size]) for at in range(0, len(needle) - size + 1, max(1, size // 2))]
    for at, piece in pieces:
        found = text.find(piece)
        for _ in range(_HITS):
            if found < 0:
                break
            votes[(found - at) // bin_size] += 1
            found = text.find(piece, found + 1)
    least = 1 if len(pieces) <= 3 else 2
    likely = [(count + votes[bucket + 1], bucket) for bucket, count in votes.items()]
    likely = sorted((item for item in likely if item[0] >= least), reverse=True)[:_TRIED]
    return [max(0, bucket * bin_size) for _, bucket in likely]


def closest(text: str, pattern: str) -> tuple[int, int, int]:
    """The part of a text nearest to a pattern: start, end, and the edit distance."""
    row, origins = _table(_codes(text), _codes(pattern))
    end = int(np.argmin(row))
    return int(origins[end]), end, int(row[end])


def _table(text: npt.NDArray[np.uint32], pattern: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int32], ...]:
    """Last row of Sellers' table, and where the best alignment that ends in each column begins; shapes (n + 1,)."""
    columns = np.arange(len(text) + 1, dtype=np.int32)
    row, origins = np.zeros(len(text) + 1, np.int32), columns.copy()
    for number, code in enumerate(pattern.tolist(), start=1):
        diagonal = np.empty_like(row)
        diagonal[0] = number
        diagonal[1:] = row[:-1] + (text != code)
        came = np.empty_like(origins)
        came[0] = 0
        came[1:] = origins[:-1]
        above = row + 1
        better = above < diagonal
        best, came = np.where(better, above, diagonal), np.where(better, origins, came)
        # A step to the right costs one: the best of all columns to the left, each less its distance.
        shifted = best - columns
        running = np.minimum.accumulate(shifted)
        holders = np.maximum.accumulate(np.where(shifted == running, columns, 0))
        row, origins = running + columns, came[holders]
    return row, origins


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
