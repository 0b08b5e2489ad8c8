"""Means with intervals and differences with tests: what a sample of questions lets one say of a release.

The case is the unit: every resample draws whole cases, and every permutation swaps the two releases in whole cases.
So a metric that is defined only for some cases, such as abstention precision, is a ratio whose denominator varies
from resample to resample as it would from sample to sample. Cases are taken in the order of their ids and the same
draws serve every metric: the same results give the same figures, whatever their order and whichever metrics are asked.

Sources: BCa intervals, Efron 1987; the paired permutation test for retrieval, Smucker, Allan and Carterette, CIKM 2007;
the correction for several metrics, Holm 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from evaluation.permutation import Swaps, two_sided_p
from evaluation.records import CaseResult, MetricDelta
from evaluation.resampling import Ratio, intervals
from index.evaluations import MetricSummary
from ragpress.evaluation_settings import EvaluationSettings

Floats: TypeAlias = "npt.NDArray[np.float64]"
Flags: TypeAlias = "npt.NDArray[np.bool_]"

UNPAIRED = frozenset({"abstention_precision"})
"""Metrics over the cases that the release itself picks: each side is averaged over its own cases."""


class Table(msgspec.Struct, frozen=True):
    """Scores of some results, rows in the order of the case ids.

    Attributes:
        cases: ids, ascending, shape (n,).
        names: metrics, ascending.
        values: shape (n, metrics), 0 where there is no value.
        present: shape (n, metrics): whether there is one.
        judged: shape (n,): whether the case ended neither in an error nor for review.
    """

    cases: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    present: Flags
    judged: Flags


def tabulate(results: Sequence[CaseResult], names: Sequence[str] | None = None) -> Table:
    """Bring scores into the shape of a table.

    Args:
        results: one per case, in any order.
        names: the metrics; None takes every metric that a result has, or says why it has not.

    Raises:
        ValueError: two results are of the same case.
    """
    ordered = sorted(results, key=lambda result: result.case)
    ids = tuple(result.case for result in ordered)
    if len(set(ids)) < len(ids):
        raise ValueError("Expected one result per case, found several of the same case.")
    found = tuple(sorted(names if names is not None else metric_names(results)))
    judged = np.array([not result.review and result.error is None for result in ordered], dtype=bool)
    raw = [[result.scores.get(name, np.nan) for name in found] for result in ordered]
    values = np.array(raw, dtype=np.float64).reshape(len(ordered), len(found))
    present = np.isfinite(values) & judged[:, None]
    return Table(ids, found, np.where(present, values, 0.0), present, judged)


def metric_names(results: Sequence[CaseResult]) -> set[str]:
    """Names of all metrics that some result has, or says why it has not."""
    return {name for result in results for name in (*result.scores, *result.missing)}


def mean_of(results: Sequence[CaseResult], name: str) -> float | None:
    """The mean of one metric, as :func:`summarise` gives it."""
    table = tabulate(results, (name,))
    return Ratio.of(table.values[:, 0], table.present[:, 0]).value


def summarise(results: Sequence[CaseResult], settings: EvaluationSettings) -> dict[str, MetricSummary]:
    """The mean of every metric over the cases that have a value, with its interval.

    Cases in review or error have no values. With one value, or none that differs, the interval is the mean itself: a
    sample without variation says nothing of how far off it may be.

    Args:
        results: of one release.
        settings: confidence, resamples and seed.
    """
    table = tabulate(results)
    ratios = [Ratio.of(table.values[:, at], table.present[:, at]) for at in range(len(table.names))]
    bounds = intervals([(ratio,) for ratio in ratios], settings)
    counts = table.present.sum(axis=0)
    return {
        name: MetricSummary(mean=ratio.value, ci=ci, n=int(n), missing=len(results) - int(n))
        for name, ratio, ci, n in zip(table.names, ratios, bounds, counts, strict=True)
    }


def compare_metrics(
    baseline: Sequence[CaseResult],
    candidate: Sequence[CaseResult],
    settings: EvaluationSettings,
    tested: Sequence[str],
) -> dict[str, MetricDelta]:
    """Every metric of two releases, paired by case.

    A case that is in review or error on one side counts on neither. A metric of :data:`UNPAIRED` is averaged, on each
    side, over the cases that have it there; every other one over the cases that have it on both sides.

    Args:
        baseline: results of the one.
        candidate: results of the other for the same cases, in any order.
        settings: confidence, resamples and seed.
        tested: the metrics that are looked at together: their p values are corrected for how many they are.

    Raises:
        ValueError: the two are not of the same cases.
    """
    names = sorted(metric_names(baseline) | metric_names(candidate))
    before, after = tabulate(baseline, names), tabulate(candidate, names)
    if before.cases != after.cases:
        raise ValueError("Expected results of the same cases on both sides, found different ones.")
    pairs = [_pair(name, at, before, after) for at, name in enumerate(names)]
    bounds = intervals([pair.terms for pair in pairs], settings)
    values = two_sided_p([pair.swaps for pair in pairs], settings)
    deltas = {
        pair.name: pair.delta(ci, p, len(before.cases)) for pair, ci, p in zip(pairs, bounds, values, strict=True)
    }
    return _corrected(deltas, tested)


def holm(values: dict[str, float]) -> dict[str, float]:
    """P values corrected for how many they are (Holm 1979), each at most 1."""
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, (name, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(values) - rank) * value))
        corrected[name] = highest
    return corrected


class _Pair(msgspec.Struct, frozen=True):
    """One metric on both sides, a value and whether it is there per case."""

    name: str
    before: Floats
    has_before: Flags
    after: Floats
    has_after: Flags

    @property
    def terms(self) -> tuple[Ratio, ...]:
        if self.name not in UNPAIRED:
            return (Ratio.of(self.after - self.before, self.has_before),)
        return Ratio.of(self.after, self.has_after), Ratio.of(-self.before, self.has_before)

    @property
    def swaps(self) -> Swaps:
        return Swaps(self.before, self.has_before, self.after, self.has_after)

    def delta(self, ci: tuple[float, float] | None, p: float | None, cases: int) -> MetricDelta:
        before = Ratio.of(self.before, self.has_before).value
        after = Ratio.of(self.after, self.has_after).value
        both = self.has_before & self.has_after
        n = int((self.has_before | self.has_after).sum())
        return MetricDelta(
            baseline=before,
            candidate=after,
            delta=None if before is None or after is None else sum(term.value or 0.0 for term in self.terms),
            ci=ci,
            p=p,
            p_adjusted=None,
            n=n,
            missing=cases - n,
            better=int((both & (self.after > self.before)).sum()),
            worse=int((both & (self.after < self.before)).sum()),
        )


def _pair(name: str, at: int, before: Table, after: Table) -> _Pair:
    judged = before.judged & after.judged
    has_before, has_after = before.present[:, at] & judged, after.present[:, at] & judged
    if name not in UNPAIRED:
        has_before = has_after = has_before & has_after
    return _Pair(
        name=name,
        before=np.where(has_before, before.values[:, at], 0.0),
        has_before=has_before,
        after=np.where(has_after, after.values[:, at], 0.0),
        has_after=has_after,
    )


def _corrected(deltas: dict[str, MetricDelta], tested: Sequence[str]) -> dict[str, MetricDelta]:
    values = {name: found.p for name in tested if (found := deltas.get(name)) is not None and found.p is not None}
    adjusted = holm({name: p for name, p in values.items() if p is not None})
    return {
        name: msgspec.structs.replace(delta, p_adjusted=adjusted[name]) if name in adjusted else delta
        for name, delta in deltas.items()
    }
