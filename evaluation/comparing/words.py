"""Two texts, word by word."""

from __future__ import annotations

import difflib
import re

from evaluation.comparing.records import DiffPiece

# Han, kana and hangul have no spaces between words: each character stands by itself.
_WORD = re.compile(r"\s+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|\w+|[^\w\s]")


def word_diff(before: str, after: str) -> tuple[DiffPiece, ...]:
    """The runs of words that both texts have, and those that only one has, in order.

    The pieces that are ``same`` or ``removed`` joined are the first text; ``same`` or ``added`` the second.
    """
    if before == after:
        return (DiffPiece("same", before),) if before else ()
    old, new = _WORD.findall(before), _WORD.findall(after)
    pieces: list[DiffPiece] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(DiffPiece("same", "".join(old[first:last])))
            continue
        if last > first:
            pieces.append(DiffPiece("removed", "".join(old[first:last])))
        if end > start:
            pieces.append(DiffPiece("added", "".join(new[start:end])))
    return tuple(pieces)
