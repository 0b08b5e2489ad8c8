"""Two texts, word by word."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence

from evaluation.comparing.records import DiffPiece

# Han, kana and hangul have no spaces between words: each character stands by itself.
_WORD = re.compile(r"\s+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|\w+|[^\w\s]")
_SENTENCE = re.compile(r"[^\n.!?。！？]*[\n.!?。！？]+\s*|[^\n.!?。！？]+")
_MOST_STEPS = 400_000
"""Pairs of words that are compared at most: less than a tenth of a second."""


def word_diff(before: str, after: str) -> tuple[DiffPiece, ...]:
    """The runs of words that both texts have, and those that only one has, in order.

    The pieces that are ``same`` or ``removed`` joined are the first text; ``same`` or ``added`` the second. Long texts
    are compared by sentences, and very long ones only at both ends, so the time is bounded whatever the texts are.
    """
    if before == after:
        return (DiffPiece("same", before),) if before else ()
    for unit in (_WORD, _SENTENCE):
        old, new = unit.findall(before), unit.findall(after)
        start, end = _common_ends(old, new)
        middle = old[start : len(old) - end], new[start : len(new) - end]
        if len(middle[0]) * len(middle[1]) <= _MOST_STEPS:
            break
    else:
        middle = ["".join(middle[0])], ["".join(middle[1])]
    return tuple(_joined([*_same(old[:start]), *_compared(*middle), *_same(old[len(old) - end :])]))


def _common_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Words that both begin with, and words that both end with."""
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    end = next((at for at in range(shorter - start) if old[-1 - at] != new[-1 - at]), shorter - start)
    return start, end


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffPiece]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, begin, finish in matcher.get_opcodes():
        if kind == "equal":
            yield from _same(old[first:last])
            continue
        if last > first:
            yield DiffPiece("removed", "".join(old[first:last]))
        if finish > begin:
            yield DiffPiece("added", "".join(new[begin:finish]))


def _same(words: Sequence[str]) -> list[DiffPiece]:
    return [DiffPiece("same", "".join(words))] if words else []


def _joined(pieces: Sequence[DiffPiece]) -> Iterator[DiffPiece]:
    """The pieces, those of one kind that follow one another made one."""
    for kind, run in itertools.groupby(pieces, key=lambda piece: piece.kind):
        yield DiffPiece(kind, "".join(piece.text for piece in run))
