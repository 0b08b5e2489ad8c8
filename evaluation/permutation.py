"""The paired permutation test: were the two releases swapped in some cases, would the difference be as large?

Where nothing but chance tells two releases apart, each case might as well have had its two results the other way
round. The p value is the share of all ways to swap that give a difference at least as large as the one seen. It is
exact where few cases differ, or where all that differ do so by the same amount (then it is the sign test); else it is
estimated from random swaps, counting the observed one (Phipson and Smyth 2010), so that it is never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from ragpress.evaluation_settings import EvaluationSettings

Floats: TypeAlias = "npt.NDArray[np.float64]"
Flags: TypeAlias = "npt.NDArray[np.bool_]"

EXACT_CASES = 12
"""So many differing cases are swapped in every way: 4,096 of them."""

_TIE = 1e-9
_BLOCK = 8_000_000


class Swaps(msgspec.Struct, frozen=True):
    """A metric of two releases: per case and side a value (0 where there is none) and whether it is there."""

    before: Floats
    has_before: Flags
    after: Floats
    has_after: Flags

    @property
    def differing(self) -> npt.NDArray[np.intp]:
        """Places of the cases in which a swap would change something."""
        return np.flatnonzero((self.before != self.after) | (self.has_before != self.has_after))

    @property
    def paired(self) -> bool:
        """Whether both sides have a value in the same cases."""
        return bool((self.has_before == self.has_after).all())

    def differences(self, flips: Floats) -> Floats:
        """Mean after less mean before when the cases are swapped where ``flips`` is 1.

        Args:
            flips: shape (ways, differing cases).

        Returns:
            shape (ways,); infinite where a side is left without any value, which counts as a large difference.
        """
        at = self.differing
        moved = flips @ (self.after - self.before)[at]
        counted = flips @ (self.has_after.astype(np.float64) - self.has_before)[at]
        after = _means(self.after.sum() - moved, self.has_after.sum() - counted)
        before = _means(self.before.sum() + moved, self.has_before.sum() + counted)
        # Infinite less infinite cannot be: some case has a value, so one side has one.
        return after - before


def two_sided_p(metrics: Sequence[Swaps], settings: EvaluationSettings) -> list[float | None]:
    """The p value of each metric, two-sided.

    Args:
        metrics: all over the same cases in the same order.
        settings: number of random swaps, and seed.

    Returns:
        1.0 where nothing differs; None where a side has no value at all.
    """
    found: list[float | None] = [_exact(swaps) for swaps in metrics]
    open_ = [at for at, swaps in enumerate(metrics) if found[at] is None and _comparable(swaps)]
    if not open_:
        return found
    wanted = [metrics[at] for at in open_]
    extreme = np.zeros(len(open_))
    limits = [_limit(swaps) for swaps in wanted]
    for flips in _random_flips(len(wanted[0].before), settings):
        for number, swaps in enumerate(wanted):
            drawn = flips[:, swaps.differing].astype(np.float64)
            extreme[number] += int((np.abs(swaps.differences(drawn)) >= limits[number]).sum())
    for number, at in enumerate(open_):
        found[at] = float((extreme[number] + 1) / (settings.resamples + 1))
    return found


def sign_test(better: int, worse: int) -> float:
    """Chance that a fair coin falls at least as unevenly, two-sided.

    Args:
        better: cases that rose.
        worse: cases that fell.
    """
    total, fewer = better + worse, min(better, worse)
    tail: int = sum(comb(total, count) for count in range(fewer + 1))
    return min(1.0, tail / 2 ** (total - 1)) if total else 1.0


def _comparable(swaps: Swaps) -> bool:
    return bool(swaps.has_before.any() and swaps.has_after.any())


def _exact(swaps: Swaps) -> float | None:
    if not _comparable(swaps):
        return None
    at = swaps.differing
    if not len(at):
        return 1.0
    if swaps.paired:
        deltas = (swaps.after - swaps.before)[at]
        if float(np.ptp(np.abs(deltas))) <= _TIE:
            return sign_test(int((deltas > 0).sum()), int((deltas < 0).sum()))
    if len(at) > EXACT_CASES:
        return None
    ways = np.arange(2 ** len(at))[:, None] >> np.arange(len(at)) & 1
    differences = swaps.differences(ways.astype(np.float64))
    return float((np.abs(differences) >= _limit(swaps)).mean())


def _limit(swaps: Swaps) -> float:
    observed = swaps.differences(np.zeros((1, len(swaps.differing))))
    return abs(float(observed[0])) - _TIE


def _means(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full_like(sums, np.inf), where=counts > 0)


def _random_flips(cases: int, settings: EvaluationSettings) -> Iterator[npt.NDArray[np.uint8]]:
    """Which cases are swapped, block by block: shape (some ways, cases), 0 or 1."""
    generator = np.random.default_rng(settings.seed)
    at_once = max(1, _BLOCK // cases)
    for first in range(0, settings.resamples, at_once):
        rows = min(at_once, settings.resamples - first)
        octets = np.frombuffer(generator.bytes(rows * -(-cases // 8)), dtype=np.uint8)
        yield np.unpackbits(octets.reshape(rows, -1), axis=1, count=cases)
