"""Samples of cases from evaluated changes, and what the gate decides by each.

The rule is the product's. So that tens of thousands of samples can be decided, a permutation test is replaced by the
normal distribution of its statistic where many cases differ and the answer is far from the threshold;
:func:`disagreements` counts on how many samples that, and the whole of :func:`evaluation.gate.decide`, differ.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import cached_property
from statistics import NormalDist
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.gate_run import Outcome
from evaluation.gate import decide
from evaluation.permutation import Swaps, sign_test, two_sided_p
from evaluation.records import Case, CaseError, CaseResult
from evaluation.statistics import compare_metrics, holm
from ragpress.evaluation_settings import EvaluationSettings, GateSettings

Floats: TypeAlias = "npt.NDArray[np.float64]"

NOTHING, REGRESSION, BETWEEN = "nothing", "regression", "between"
TUNE, REPORT = "tune", "report"
TELLING = 0.05
SIZES = (50, 100, 150, 200, 300, 400, 600, 800, 1200)

_FEW = 40
_NEAR = 3.0
_RESAMPLES = 2_000


class Rule(msgspec.Struct, frozen=True):
    """A gate that is tried out.

    Attributes:
        margin: as in ``[gate]``.
        alpha: one-sided level of the test.
        corrected: whether p values are corrected for the number of metrics.
        metrics: the gated ones.
    """

    margin: float = GateSettings().margin
    alpha: float = 1 - EvaluationSettings().confidence
    corrected: bool = True
    metrics: tuple[str, ...] = GateSettings().metrics


class Effect:
    """An evaluated change as arrays.

    Args:
        outcome: what it did to every case.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.before = np.array(outcome.before, dtype=np.float64)
        self.after = np.array(outcome.after, dtype=np.float64)
        self.review = np.array(outcome.review, dtype=bool)
        self.failed = np.array(outcome.failed, dtype=bool)
        self.answerable = ~np.array(outcome.must_abstain, dtype=bool)

    @property
    def half(self) -> str:
        """``tune`` or ``report``."""
        name = f"{self.outcome.pool} {self.outcome.change}"
        return TUNE if zlib.crc32(name.encode()) % 2 == 0 else REPORT

    @cached_property
    def drop(self) -> float:
        """The true drop over the pool, the largest of all gated metrics.

        What must be looked at again counts as 0; a share of cases that lose the metric counts as a drop of that size.
        """
        columns = self._columns(Rule())
        after = np.where(self.review[:, None], 0.0, self.after)[:, columns]
        both = np.isfinite(after) & np.isfinite(self.before[:, columns])
        fell = np.where(both, self.before[:, columns] - after, 0.0).sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        sides = (self.before, self.after), (self.after, self.before)
        lost, gained = (self._went(*side, self.answerable, Rule()) for side in sides)
        return float(max(fell.max(), (lost - gained).max() / len(self.review)))

    @property
    def truth(self) -> str:
        """Whether the change does nothing that matters, is a regression, or lies between."""
        if self.drop >= TELLING:
            return REGRESSION
        return NOTHING if self.outcome.harmless and self.drop < Rule().margin else BETWEEN

    def verdicts(self, size: int, draws: int, rule: Rule, swapped: bool = False) -> npt.NDArray[np.str_]:
        """For each sample: the codes for which it is refused, joined; "" where it passes.

        Args:
            size: cases of a sample.
            draws: samples.
            rule: the gate.
            swapped: swap the two releases in every other case, at random: then nothing but chance tells them apart,
                and as many cases differ as before.
        """
        chance = np.random.default_rng(zlib.crc32(f"{self.outcome.pool} {self.outcome.change} {size}".encode()))
        chosen = chance.integers(0, len(self.review), size=(draws, size))
        flips = chance.random((draws, size)) < 0.5 if swapped else np.zeros((draws, size), dtype=bool)
        return np.array([self.verdict(*row, rule) for row in zip(chosen, flips, strict=True)])

    def verdict(self, places: npt.NDArray[np.int64], flips: npt.NDArray[np.bool_], rule: Rule) -> str:
        """The codes for which one sample is refused.

        Args:
            places: of its cases.
            flips: cases in which the two releases are swapped.
            rule: the gate.
        """
        gate, codes = GateSettings(), []
        swapped = bool(flips.any())
        if self.review[places].mean() > gate.max_review and not swapped:
            codes.append("review")
        if self.failed[places].mean() > gate.max_errors and not swapped:
            codes.append("errors")
        judged = ~self.review[places] & ~self.failed[places]
        kept, turned = places[judged], flips[judged][:, None]
        before = np.where(turned, self.after[kept], self.before[kept])
        after = np.where(turned, self.before[kept], self.after[kept])
        if self._worse(before, after, rule):
            codes.append("worse")
        lost = self._went(before, after, self.answerable[kept], rule)
        gained = self._went(after, before, self.answerable[kept], rule)
        if _lost(lost, gained, len(places), rule):
            codes.append("lost")
        return "+".join(codes)

    def _columns(self, rule: Rule) -> list[int]:
        return [self.outcome.metrics.index(name) for name in rule.metrics if name in self.outcome.metrics]

    def _worse(self, before: Floats, after: Floats, rule: Rule) -> bool:
        columns = self._columns(rule)
        both = np.isfinite(before[:, columns]) & np.isfinite(after[:, columns])
        deltas = np.where(both, after[:, columns] - before[:, columns], 0.0)
        counts = both.sum(axis=0)
        beyond = deltas.sum(axis=0) < -rule.margin * counts
        if not beyond.any():
            return False
        chances = {str(at): _one_sided(deltas[both[:, at], at], rule) for at in range(len(columns)) if counts[at]}
        corrected = holm(chances) if rule.corrected else chances
        return any(beyond[int(at)] and chance < rule.alpha for at, chance in corrected.items())

    def _went(
        self, before: Floats, after: Floats, answerable: npt.NDArray[np.bool_], rule: Rule
    ) -> npt.NDArray[np.int64]:
        """By metric: cases that lost their value, as the gate counts them."""
        columns = self._columns(rule)
        had, has = np.isfinite(before[:, columns]), np.isfinite(after[:, columns])
        wrong = before[:, self.outcome.metrics.index("passed")] < 1
        excused = self._abstained(after) & (~answerable | wrong)
        found: npt.NDArray[np.int64] = (had & ~has & ~excused[:, None]).sum(axis=0)
        return found

    def _abstained(self, scores: Floats) -> npt.NDArray[np.bool_]:
        """Abstention precision is there where a case was abstained from, and only there."""
        names = self.outcome.metrics
        known = "abstention_precision" in names
        found: npt.NDArray[np.bool_] = (
            np.isfinite(scores[:, names.index("abstention_precision")]) if known else np.zeros(len(scores), dtype=bool)
        )
        return found


def _lost(lost: npt.NDArray[np.int64], gained: npt.NDArray[np.int64], cases: int, rule: Rule) -> bool:
    tests = len(rule.metrics) if rule.corrected else 1
    return any(
        gone - new > rule.margin * cases and sign_test(int(new), int(gone)) / 2 * tests < rule.alpha
        for gone, new in zip(lost, gained, strict=True)
    )


def _one_sided(deltas: Floats, rule: Rule) -> float:
    differing = deltas[np.abs(deltas) > 1e-12]
    if not len(differing):
        return 1.0
    if np.ptp(np.abs(differing)) <= 1e-9:
        p = sign_test(int((differing > 0).sum()), int((differing < 0).sum()))
    else:
        p = 2 * NormalDist().cdf(-abs(float(differing.sum())) / float(np.sqrt((differing**2).sum())))
        near = rule.alpha / len(rule.metrics) / _NEAR < p / 2 < rule.alpha * _NEAR
        if len(differing) < _FEW or near:
            everywhere = np.ones(len(differing), dtype=bool)
            swaps = Swaps(np.zeros(len(differing)), everywhere, differing, everywhere)
            p = two_sided_p([swaps], EvaluationSettings(resamples=_RESAMPLES))[0] or 1.0
    return p / 2 if differing.sum() < 0 else 1 - p / 2


def disagreements(effects: Sequence[Effect], samples: int, seed: int = 5) -> tuple[int, int]:
    """Samples that are decided otherwise here than by the product itself, and samples that were tried."""
    chance, differ = random.Random(seed), 0
    settings = EvaluationSettings(resamples=_RESAMPLES)
    for number in range(samples):
        effect, size = chance.choice(list(effects)), chance.choice((50, 100, 200, 400))
        places = np.random.default_rng(number).integers(0, len(effect.review), size=size)
        cases = tuple(_case(effect, place, at) for at, place in enumerate(places))
        before = [_result(effect, effect.before, place, at) for at, place in enumerate(places)]
        after = [_result(effect, effect.after, place, at, after=True) for at, place in enumerate(places)]
        deltas = compare_metrics(before, after, settings, GateSettings().metrics)
        whole = decide(cases, before, after, deltas, GateSettings(), settings).verdict == "refuse"
        differ += whole != bool(effect.verdict(places, np.zeros(size, dtype=bool), Rule()))
    return differ, samples


def _case(effect: Effect, place: int, at: int) -> Case:
    return Case(id=f"{at:05d}", question="?", must_abstain=not bool(effect.answerable[place]))


def _result(effect: Effect, scores: Floats, place: int, at: int, after: bool = False) -> CaseResult:
    values = zip(effect.outcome.metrics, scores[place], strict=True)
    found = {name: float(value) for name, value in values if np.isfinite(value)}
    return CaseResult(
        case=f"{at:05d}",
        fingerprint="",
        key="",
        scores=found,
        review="edited" if effect.review[place] else "",
        abstained="abstention_precision" in found,
        error=CaseError("generate", "GeneratorError", "") if after and effect.failed[place] else None,
    )
