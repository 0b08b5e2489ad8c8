"""What so many cases can show: the smallest true drop that the gate would see, and the cases that a drop takes.

By the normal approximation of the paired test. A drop of x is taken to come from cases that lose all they had, so it
brings a variance of x(1 - x) of its own beside the variation that there is from case to case already.
"""

from __future__ import annotations

from math import ceil, sqrt
from statistics import NormalDist

POWER = 0.95
"""A drop is called visible when so many samples of 100 show it."""

_STEPS = 60
_MOST_CASES = 1_000_000


def smallest_drop(cases: int, variance: float, tail: float, margin: float) -> float:
    """The smallest true drop (0..1) that is seen in :data:`POWER` of all samples; 1 where none is sure to be.

    Args:
        cases: number of paired cases.
        variance: of the difference from case to case, as it is without the drop.
        tail: one-sided level of the test.
        margin: drops of the sample up to this are let through.
    """
    if cases < 1 or not _visible(1.0, cases, variance, tail, margin):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _visible(middle, cases, variance, tail, margin) else (middle, high)
    return round(high, 6)


def cases_needed(drop: float, variance: float, tail: float, margin: float) -> int | None:
    """The cases that it takes to see a true drop; None where no number is enough, for it is within the margin.

    Args:
        drop: 0..1.
        variance: as for :func:`smallest_drop`.
        tail: as for :func:`smallest_drop`.
        margin: as for :func:`smallest_drop`.
    """
    if drop <= margin:
        return None
    spread = variance + drop * (1 - drop)
    needed = ceil(max((_test(tail) / drop) ** 2, (_power() / (drop - margin)) ** 2) * spread)
    return min(max(1, needed), _MOST_CASES)


def _visible(drop: float, cases: int, variance: float, tail: float, margin: float) -> bool:
    error = sqrt((variance + drop * (1 - drop)) / cases)
    # A test of so few cases that their signs alone cannot fall below its level shows nothing.
    possible = 0.5**cases < tail
    return possible and drop >= _test(tail) * error and drop >= margin + _power() * error


def _test(tail: float) -> float:
    return NormalDist().inv_cdf(1 - tail) + _power()


def _power() -> float:
    return NormalDist().inv_cdf(POWER)
