"""Sentences that read as noise: as mojibake, or as what a scanner makes of a page that it cannot read."""

from __future__ import annotations

import re

from ingest.garbage import noise_share
from serving.evidence.sentences import split_sentences

_NOISE = 0.15
_SHORTEST = 40
_HAN = re.compile("[\u3400-\u9fff]")
_LEAST_HAN = 15
# What character recognition makes of Chinese characters that it cannot read: an empty box, and strokes within one.
_BOXES = frozenset("口囗曰日目田由甲申白自皿吕昌")
_BOXED = 0.12
_FEW_BOXES, _SOME = 2, 0.06
# What is meant to hold marks within words.
_CODE = re.compile(r"\w[=(\[{]\S|://|</?\w|[\w\"']=[\w\"']|--+>|->|\\\w")
_MARKUP = re.compile(r"`[^`\n]{1,200}`|\{[^}\n]{1,200}\}|\b[A-Z]{2,6}s?\b|\d\s?日|[*`~]+|@[-,.]@|\\n|\S+@\S+\.\w+")
_MIXED = re.compile(r"[^\W\d_][|!¦~¬\ufffd][^\W\d_]|[a-z][0158][a-z]|\b\d*[lOSBZ]+\d[\dlOSBZ]*\b|\d[lOSBZ]\d|\ufffd")


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
    if letters >= _LEAST_HAN and sum(sign in _BOXES for sign in _MARKUP.sub(" ", piece)) >= _BOXED * letters + 1:
        return True
    plain = _MARKUP.sub(" ", piece)
    return len(plain) >= _SHORTEST and noise_share(plain) >= _NOISE and (_CODE.search(plain) is None)


def shows_noise(piece: str) -> bool:
    """Whether a text has a sign of noise at all: marks or figures within words, boxes among Chinese characters."""
    boxes = sum(sign in _BOXES for sign in _MARKUP.sub(" ", piece))
    letters = len(_HAN.findall(piece))
    return is_noisy(piece) or _MIXED.search(piece) is not None or (boxes >= _FEW_BOXES and boxes >= _SOME * letters)
