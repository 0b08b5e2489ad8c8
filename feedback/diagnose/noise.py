"""Sentences that read as noise: as mojibake, or as what a scanner makes of a page that it cannot read."""

from __future__ import annotations

import re

from ingest.garbage import noise_share
from serving.evidence.sentences import split_sentences

_NOISE = 0.12
_SHORTEST = 40
_HAN = re.compile("[\u3400-\u9fff]")
_LEAST_HAN = 15
# What character recognition makes of Chinese characters that it cannot read: an empty box, and strokes within one.
_BOXES = frozenset("口囗曰日目田由甲申白自皿吕昌")
_BOXED = 0.12


def noisy_piece(text: str) -> str:
    """The first sentence of a text that reads as noise; "" where none does."""
    for start, end in split_sentences(text):
        piece = text[start:end]
        if is_noisy(piece):
            return piece
    return ""


def is_noisy(piece: str) -> bool:
    """Whether a sentence reads as noise: as mojibake, or as what a scanner makes of a page that it cannot read."""
    letters = len(_HAN.findall(piece))
    if letters >= _LEAST_HAN and sum(sign in _BOXES for sign in piece) >= _BOXED * letters + 1:
        return True
    return len(piece) >= _SHORTEST and noise_share(piece) >= _NOISE
