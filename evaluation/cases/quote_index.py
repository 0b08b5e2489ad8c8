"""Which of many texts may hold a quote: an index of sampled runs of characters.

One in eight runs of eight characters is kept, chosen by its hash, so that a quote and a text that holds it keep the
same ones (fingerprints of Manber, "Finding similar files in a large file system", 1994).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_RUN = 8
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SAMPLE = np.uint64(7)
_LOW = np.uint64(32)
_Keys = npt.NDArray[np.uint64]


class QuoteIndex:
    """Sampled runs of many texts.

    Args:
        texts: folded texts; they are numbered from 0.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        kept = [_sampled(text) << _LOW | np.uint64(number) for number, text in enumerate(texts)]
        self._entries: _Keys = np.sort(np.concatenate(kept)) if kept else np.empty(0, np.uint64)

    def candidates(self, quote: str) -> list[int] | None:
        """Numbers of the texts that may hold a folded quote, ascending; None where it is too short to tell."""
        keys = np.unique(_sampled(quote))
        if not len(keys):
            return None
        first = np.searchsorted(self._entries, keys << _LOW)
        last = np.searchsorted(self._entries, keys << _LOW | np.uint64(0xFFFFFFFF), "right")
        rarest = int(np.argmin(last - first))
        found = self._entries[first[rarest] : last[rarest]] & np.uint64(0xFFFFFFFF)
        numbers: list[int] = np.unique(found).tolist()
        return numbers


def _sampled(text: str) -> _Keys:
    """32-bit keys of the runs of a text that are kept, in order, repeats included."""
    if len(text) < _RUN:
        return np.empty(0, np.uint64)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        hashes, factor = codes, _BASE
        for step in (1, 2, 4):
            hashes = hashes[:-step] * factor + hashes[step:]
            factor = factor * factor
        mixed = hashes * _MIX
    mixed ^= mixed >> _LOW
    kept: _Keys = (mixed[mixed & _SAMPLE == 0] >> np.uint64(3)) & np.uint64(0xFFFFFFFF)
    return kept
