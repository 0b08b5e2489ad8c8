"""What a model's judgement is. All records are frozen, and kept apart from the deterministic metrics."""

from __future__ import annotations

import msgspec

CORRECTNESS = "judge_correctness"
FAITHFULNESS = "judge_faithfulness"
METRICS = (CORRECTNESS, FAITHFULNESS)

DEFINITIONS = {
    CORRECTNESS: "A served model reads question, reference answers and answer, and says from 1 to 5 how right it is.",
    FAITHFULNESS: "A served model reads the passages and the answer, and says from 1 to 5 how far they support it.",
}


class JudgeScore(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one answer, judged several times.

    Attributes:
        mean: from 0 to 1; None where no judgement is valid.
        spread: sample standard deviation of the judgements; None for fewer than two.
        n: valid judgements.
        missing: why the others are not there, one entry each.
    """

    mean: float | None
    spread: float | None
    n: int
    missing: tuple[str, ...] = ()


class JudgeScores(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge says of one answer.

    Attributes:
        scores: by metric; a metric that does not apply to the case is in ``missing`` instead.
        missing: by metric, why it was not judged.
        notes: by metric, the judge's own words on its first valid judgement.
    """

    scores: dict[str, JudgeScore]
    missing: dict[str, str] = {}
    notes: dict[str, str] = {}


class JudgeMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over the cases.

    Attributes:
        mean: of the cases' means; None where no case has one.
        ci: its confidence interval over cases.
        spread: mean over the cases of the standard deviation between repeated judgements; None where none has any.
        n: cases with a value.
        missing: cases without one.
        reasons: cases without one, by reason.
    """

    mean: float | None
    ci: tuple[float, float] | None
    spread: float | None
    n: int
    missing: int
    reasons: dict[str, int] = {}


class JudgeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of the answers of one release.

    Attributes:
        model: its name.
        prompt: name@fingerprint of the judge's prompt.
        repeats: how often each answer was judged.
        temperature: of the sampling.
        metrics: by name.
        cases: by case id.
        judged: judgements that were made in this run.
        reused: judgements that were known.
        prompt_tokens: tokens the model read in this run.
        completion_tokens: tokens it wrote.
    """

    model: str
    prompt: str
    repeats: int
    temperature: float
    metrics: dict[str, JudgeMetric]
    cases: dict[str, JudgeScores]
    judged: int = 0
    reused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
