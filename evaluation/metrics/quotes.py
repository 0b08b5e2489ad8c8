"""Whether a text holds the words of a quote, white space and width of characters aside."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_BLANKS = re.compile(r"\s+")


class Held(NamedTuple):
    """Which part of a quote a text holds, as shares of its length: 0.0 to 1.0 is all of it."""

    start: float
    end: float


def find_quote(quote: str, text: str) -> Held | None:
    """The part of a quote that a text holds, half of it at least; None where it holds less.

    A text that was cut out of a longer one may hold the quote's beginning at its end, its end at its beginning, or
    nothing but a part of the quote.
    """
    wanted, held = _bare(quote), _bare(text)
    if not wanted:
        return None
    if wanted in held:
        return Held(0.0, 1.0)
    half = -(-len(wanted) // 2)
    for length in range(len(wanted) - 1, half - 1, -1):
        if held.endswith(wanted[:length]):
            return Held(0.0, length / len(wanted))
        if held.startswith(wanted[-length:]):
            return Held(1.0 - length / len(wanted), 1.0)
    place = wanted.find(held) if len(held) >= half else -1
    return Held(place / len(wanted), (place + len(held)) / len(wanted)) if place >= 0 else None


@lru_cache(maxsize=512)
def _bare(text: str) -> str:
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text)).casefold()
