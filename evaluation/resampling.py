"""Bootstrap intervals over cases: bias-corrected and accelerated (Efron, JASA 1987), whole cases drawn together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from ragpress.evaluation_settings import EvaluationSettings

Floats: TypeAlias = "npt.NDArray[np.float64]"

_NORMAL = NormalDist()
# Draws held at a time: 4 million of 4 bytes.
_BLOCK = 4_000_000
# Sums of the same numbers in another order differ by less.
_TIE = 1e-9
_DIGITS = 12


class Ratio(msgspec.Struct, frozen=True):
    """A sum over cases over a count of cases.

    Attributes:
        above: what each case adds to the sum, shape (n,); 0 where it has no value.
        below: what it adds to the count: 1 or 0.
    """

    above: Floats
    below: Floats

    @classmethod
    def of(cls, values: Floats, present: npt.NDArray[np.bool_]) -> Ratio:
        """The mean of the values that are there."""
        return cls(values, present.astype(np.float64))

    @property
    def value(self) -> float | None:
        """The ratio; None where nothing is counted."""
        count = float(self.below.sum())
        return round(float(self.above.sum()) / count, _DIGITS) if count else None

    @property
    def influence(self) -> Floats:
        """How far each case moves the ratio, to first order; shape (n,)."""
        count = float(self.below.sum())
        return (self.above - float(self.above.sum()) / count * self.below) / count


def intervals(
    statistics: Sequence[tuple[Ratio, ...]], settings: EvaluationSettings
) -> list[tuple[float, float] | None]:
    """An interval for each statistic: a sum of ratios over the same cases.

    Args:
        statistics: the ratios of each; all over the same number of cases, in the same order.
        settings: confidence, resamples and seed.

    Returns:
        low and high; the statistic itself twice where no case moves it; None where a ratio counts nothing.
    """
    found: list[tuple[float, float] | None] = [_fixed(terms) for terms in statistics]
    moving = [at for at, terms in enumerate(statistics) if found[at] is not None and _moves(terms)]
    terms = [term for at in moving for term in statistics[at]]
    if not terms:
        return found
    ratios = _resampled(terms, settings)
    column = 0
    for at in moving:
        width = len(statistics[at])
        draws = ratios[:, column : column + width].sum(axis=1)
        found[at] = _accelerated(statistics[at], draws[np.isfinite(draws)], settings.confidence)
        column += width
    return found


def draws_of_cases(cases: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each case is drawn, block by block: shape (some resamples, cases), each row sums to ``cases``."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _BLOCK // cases)
    for first in range(0, resamples, at_once):
        rows = min(at_once, resamples - first)
        drawn = generator.integers(0, cases, size=(rows, cases), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * cases
        yield np.bincount(drawn.ravel(), minlength=rows * cases).reshape(rows, cases).astype(np.float64)


def _fixed(terms: tuple[Ratio, ...]) -> tuple[float, float] | None:
    values = [term.value for term in terms]
    if any(value is None for value in values):
        return None
    total = round(sum(value or 0.0 for value in values), _DIGITS)
    return total, total


def _moves(terms: tuple[Ratio, ...]) -> bool:
    influence = sum((term.influence for term in terms), start=np.zeros_like(terms[0].above))
    return bool(np.abs(influence).max(initial=0.0) > _TIE / len(influence))


def _resampled(terms: Sequence[Ratio], settings: EvaluationSettings) -> Floats:
    """Every ratio in every resample, shape (resamples, ratios); not a number where it counts nothing."""
    above = np.stack([term.above for term in terms], axis=1)
    below = np.stack([term.below for term in terms], axis=1)
    columns = np.concatenate([above, below], axis=1)
    blocks = draws_of_cases(len(columns), settings.resamples, settings.seed)
    sums = np.concatenate([block @ columns for block in blocks])
    counts = sums[:, len(terms) :]
    ratios: Floats = np.divide(sums[:, : len(terms)], counts, out=np.full_like(counts, np.nan), where=counts > 0)
    return ratios


def _accelerated(terms: tuple[Ratio, ...], draws: Floats, confidence: float) -> tuple[float, float]:
    value = sum(term.value or 0.0 for term in terms)
    influence = np.sum([term.influence for term in terms], axis=0)
    spread = float((influence**2).sum())
    acceleration = float((influence**3).sum()) / (6 * spread**1.5)
    below = float((draws < value - _TIE).mean()) + 0.5 * float((np.abs(draws - value) <= _TIE).mean())
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / len(draws)), 1 - 0.5 / len(draws)))
    levels = [_level(bias, acceleration, tail) for tail in ((1 - confidence) / 2, (1 + confidence) / 2)]
    low, high = np.quantile(draws, levels)
    return round(float(low), _DIGITS), round(float(high), _DIGITS)


def _level(bias: float, acceleration: float, tail: float) -> float:
    shifted = bias + _NORMAL.inv_cdf(tail)
    scale = 1 - acceleration * shifted
    # Beyond its pole the acceleration says nothing: the plain level then stands.
    return _NORMAL.cdf(bias + shifted / scale) if scale > 0 else tail
