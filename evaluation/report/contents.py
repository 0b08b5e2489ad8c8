"""What stands in a report, as ``report.json`` has it and as the page shows it: records without any layout."""

from __future__ import annotations

import msgspec

from evaluation.comparing.records import DiffPiece, WhatChanged, Why
from evaluation.records import Cost, GateVerdict, MetricDelta, SubjectInfo, Totals
from evaluation.report.data import JudgeOpinion, Kind
from index.evaluations import EvaluationSummary, MetricSummary

BASELINE, CANDIDATE = "baseline", "candidate"
"""Names of the sides."""

FORMAT = 1
"""Raised when a field of ``report.json`` gets another meaning or goes; a further field raises nothing."""


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of the whole set.

    Attributes:
        group: ``retrieval``, ``answer``, ``abstention`` or ``cost``.
        unit: ``share`` for values from 0 to 1, else what they count.
        higher_is_better: False where less is better.
        gated: whether the gate refuses what is worse in it.
        summary: the candidate's mean over its own cases.
        delta: against the baseline, over the cases that both have.
    """

    group: str
    unit: str
    higher_is_better: bool
    gated: bool
    summary: MetricSummary | None = None
    delta: MetricDelta | None = None


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of the cases that share a language, a tag or a folder; what is compared is paired by case."""

    kind: str
    value: str
    cases: int
    metrics: dict[str, MetricSummary]
    deltas: dict[str, MetricDelta] = {}


class Span(msgspec.Struct, frozen=True):
    """A marked stretch of a text, in code points: ``evidence`` or ``cited``."""

    start: int
    end: int
    kind: str


class PassageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that the generator read, of one side or of both.

    Attributes:
        source: the document.
        heading: heading path above it.
        page: 1-based page.
        text: an excerpt, around what is marked in it.
        before: characters of the passage that were left out before the excerpt.
        after: the same after it.
        spans: what is marked in the excerpt.
        covers: places (from 0) of the case's evidence that lies in it.
        baseline_rank: its number in the baseline's prompt; None where it is not there.
        candidate_rank: its number in the candidate's.
        marks: marks of the audit on its document.
    """

    source: str
    heading: tuple[str, ...]
    page: int | None
    text: str
    before: int = 0
    after: int = 0
    spans: tuple[Span, ...] = ()
    covers: tuple[int, ...] = ()
    baseline_rank: int | None = None
    candidate_rank: int | None = None
    marks: tuple[str, ...] = ()


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a case's evidence.

    Attributes:
        source: as the case names it.
        quote: as the case has it.
        baseline: its state in the baseline; None where nothing is compared.
        candidate: its state in the candidate.
        found_in: the document that holds it in the candidate, where that is another one.
        baseline_rank: rank of the best hit that holds it in the baseline.
        candidate_rank: the same in the candidate.
        baseline_read: whether the baseline's generator read it.
        candidate_read: the same of the candidate's.
        reason: why it must be looked at.
    """

    source: str
    quote: str
    candidate: str
    baseline: str | None = None
    found_in: str = ""
    baseline_rank: int | None = None
    candidate_rank: int | None = None
    baseline_read: bool | None = None
    candidate_read: bool = False
    reason: str = ""


class CitationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A citation of an answer."""

    index: int
    source: str
    heading: tuple[str, ...]
    page: int | None
    quote: str
    score: float


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one release made of a case.

    Attributes:
        answer: the text; None where there is an error.
        abstained: whether it says that the documents do not answer.
        generator: what wrote it.
        citations: what it cites.
        unsupported: sentences that their sources do not support.
        scores: metrics by name.
        missing: by metric, why there is no value.
        cost: what it cost when it was computed.
        reused: whether it was known.
        review: why its case must be looked at.
        error: step, class and message of the error, "" where there is none.
    """

    answer: str | None
    abstained: bool
    generator: str
    citations: tuple[CitationRow, ...]
    unsupported: tuple[str, ...]
    scores: dict[str, float]
    missing: dict[str, str]
    cost: Cost
    reused: bool
    review: str
    error: str


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case with what became of it.

    Attributes:
        must: whether no candidate may newly fail it.
        change: ``worse``, ``better`` or ``other``; of a single run ``failing``.
        harm: what its metrics lost, in sum.
        newly_failed: whether it passed in the baseline and fails now.
        newly_passed: the other way round.
        same_answer: whether both answers are the same text.
        differences: the two answers word by word; empty where they are the same.
        why: causes, the likeliest first.
        candidate: the release that is evaluated.
        baseline: what it is compared with.
    """

    id: str
    question: str
    references: tuple[str, ...]
    must_abstain: bool
    must: bool
    tags: tuple[str, ...]
    origin: str
    note: str
    change: str
    harm: float = 0.0
    newly_failed: bool = False
    newly_passed: bool = False
    same_answer: bool = False
    differences: tuple[DiffPiece, ...] = ()
    why: tuple[Why, ...] = ()
    evidence: tuple[EvidenceRow, ...]
    passages: tuple[PassageRow, ...]
    candidate: Side
    baseline: Side | None = None


class ReviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case without a result: for review, or ended in an error, on which side, and why."""

    case: str
    question: str
    side: str
    reason: str


class MissingRow(msgspec.Struct, frozen=True):
    """Cases of a side without a value of a metric, by reason; ``metric`` is "" for cases that are in none."""

    metric: str
    side: str
    reason: str
    cases: int


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of a question on one side, over the cases that have an answer; None where none has.

    Attributes:
        retrieve: until the passages were there, median.
        first_token: until the first token, median.
        total: until the answer was checked, median.
        total_high: the same, 95th percentile.
    """

    retrieve: float | None
    first_token: float | None
    total: float | None
    total_high: float | None


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A report.

    Attributes:
        format: version of this shape.
        evaluation: its id.
        case_count: number of cases.
        gated: names of the metrics that the gate looks at.
        margin: by how much one may be worse.
        floors: the least that one must reach.
        confidence: of the intervals.
        counts: cases by what became of them.
        changed_cases: worst first; of a single run those that fail.
        judge: what a served model says of the answers, where one was asked.
        trend: evaluations of the same cases, oldest first; the last one is this.
        reasons_zh: why evidence must be looked at, in Chinese, by the English reason.
    """

    format: int
    evaluation: str
    collection: str
    kind: Kind
    created: str
    case_set: str
    case_count: int
    candidate: SubjectInfo
    baseline: SubjectInfo | None
    gate: GateVerdict | None
    gated: tuple[str, ...]
    margin: float
    floors: dict[str, float]
    confidence: float
    counts: dict[str, int]
    metrics: dict[str, MetricRow]
    slices: tuple[SliceRow, ...]
    changed_cases: tuple[CaseRow, ...]
    review: tuple[ReviewRow, ...]
    errors: tuple[ReviewRow, ...]
    missing: tuple[MissingRow, ...]
    totals: Totals
    baseline_totals: Totals | None
    latency: Latency
    baseline_latency: Latency | None
    trend: tuple[EvaluationSummary, ...]
    what_changed: WhatChanged | None
    judge: JudgeOpinion | None = None
    reasons_zh: dict[str, str] = {}
