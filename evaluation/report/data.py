"""What a report is made of: the results of one release, or of two, with all that was reckoned from them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from evaluation.comparing.records import Comparison
from evaluation.model_judge.records import JudgeMetric, JudgeReport
from evaluation.records import Case, EvaluatedRelease, GateVerdict, MetricDelta, SliceSummary
from index.evaluations import EvaluationSummary, MetricSummary
from ragpress.evaluation_settings import EvaluationSettings, GateSettings

Kind: TypeAlias = Literal["run", "compare", "gate", "trend"]


class JudgeOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a served model says of the answers, beside the deterministic metrics and never mixed with them.

    Attributes:
        model: its name.
        prompt: name@fingerprint of its prompt.
        repeats: how often each answer was judged.
        temperature: of its sampling.
        candidate: its metrics of the candidate, each with the spread between repeated judgements.
        baseline: the same of the baseline; empty where nothing is compared.
        deltas: by metric, paired by case; empty where nothing is compared.
        judged: judgements that were made.
        reused: judgements that were known.
    """

    model: str
    prompt: str
    repeats: int
    temperature: float
    candidate: dict[str, JudgeMetric]
    baseline: dict[str, JudgeMetric] = {}
    deltas: dict[str, MetricDelta] = {}
    judged: int = 0
    reused: int = 0


def opinion_of(judged: JudgeReport) -> JudgeOpinion:
    """What a served model says of one release, as a report shows it."""
    return JudgeOpinion(
        model=judged.model,
        prompt=judged.prompt,
        repeats=judged.repeats,
        temperature=judged.temperature,
        candidate=judged.metrics,
        judged=judged.judged,
        reused=judged.reused,
    )


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report says.

    Attributes:
        id: id of the evaluation; also its folder in the store.
        collection: the collection.
        kind: ``run``, ``compare``, ``gate`` or ``trend``.
        created: ISO time, UTC.
        cases: the cases, in the order of the results.
        case_set: fingerprint of the cases.
        candidate: the release that is evaluated.
        metrics: of the candidate.
        slices: of the candidate.
        comparison: with the baseline; None where nothing is compared.
        alone: the gate's verdict on a release that nothing can be compared with; None where the gate was not asked.
        trend: earlier evaluations of the same cases, oldest first.
        judge: what a served model says of the answers; None where none was asked.
        gate: the rules of the verdict.
        settings: how it was reckoned.
    """

    id: str
    collection: str
    kind: Kind
    created: str
    cases: tuple[Case, ...]
    case_set: str
    candidate: EvaluatedRelease
    metrics: dict[str, MetricSummary]
    slices: tuple[SliceSummary, ...] = ()
    comparison: Comparison | None = None
    alone: GateVerdict | None = None
    trend: tuple[EvaluationSummary, ...] = ()
    judge: JudgeOpinion | None = None
    gate: GateSettings = GateSettings()
    settings: EvaluationSettings = EvaluationSettings()

    @property
    def baseline(self) -> EvaluatedRelease | None:
        """What it is compared with."""
        return None if self.comparison is None else self.comparison.baseline

    @property
    def deltas(self) -> dict[str, MetricDelta]:
        """Deltas by metric; empty where nothing is compared."""
        return {} if self.comparison is None else self.comparison.metrics

    @property
    def verdict(self) -> GateVerdict | None:
        """The gate's; None where nothing was judged."""
        return self.alone if self.comparison is None else self.comparison.verdict
