"""The records of an evaluation: cases, results per case, metrics, comparisons. All are frozen.

``Case`` → ``CaseResult`` (one per case and release) → ``MetricSummary`` / ``MetricDelta`` → ``GateVerdict`` → report.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from index.evaluations import MetricSummary
from ragpress.fingerprint import hexdigest
from retrieval.context import Passage
from serving.types import Citation, GeneratorName, SentenceCheck, Turn

MUST = "must"
"""Tag of a case that no candidate may newly fail."""

CaseState: TypeAlias = Literal["accepted", "proposed", "rejected"]
"""Only accepted cases are evaluated. What was generated, or grown from feedback, is proposed until a person looks."""


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the right answer stands: a quote in a source. It refers to no chunk, so it survives re-chunking.

    Attributes:
        source: source path, as ``ragpress documents list`` shows it.
        quote: words of the source's text; white space and width of characters do not matter.
    """

    source: str
    quote: str


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A question with what is known of the right answer: one line of a file in ``cases/``.

    Attributes:
        id: unique in the workspace.
        question: as a user asks it.
        answer: the reference answer; None where none is known.
        must_abstain: whether the right answer is that the documents do not say.
        evidence: where the answer stands; every item is needed.
        principal: groups that ask; None asks as the operator, who may read everything.
        tags: for slices; ``must`` marks a case that no candidate may newly fail.
        origin: where it comes from: ``person``, ``import:squad:FILE``, ``feedback:ID``, ``generated:templates``, …
        answers: further answers that are right as well.
        history: earlier turns of the conversation, oldest first.
        state: accepted, proposed or rejected.
        collection: the collection that is asked.
        note: for people.
    """

    id: str
    question: str
    answer: str | None = None
    must_abstain: bool = False
    evidence: tuple[Evidence, ...] = ()
    principal: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    origin: str = "person"
    answers: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    state: CaseState = "accepted"
    collection: str = "default"
    note: str = ""

    @property
    def references(self) -> tuple[str, ...]:
        """Every answer that is right."""
        return (*(() if self.answer is None else (self.answer,)), *self.answers)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal characters of all that decides how it is asked and judged."""
        evidence = [[item.source, item.quote] for item in self.evidence]
        turns = [[turn.role, turn.content] for turn in self.history]
        groups = None if self.principal is None else sorted(self.principal)
        return hexdigest("case", self.question, self.references, self.must_abstain, evidence, groups, turns)


class EvidenceState(StrEnum):
    """What became of a case's evidence in a release."""

    FOUND = "found"
    """The source's text holds the quote."""
    MOVED = "moved"
    """The source is gone under this path; another document holds the quote, and counts."""
    CHANGED = "changed"
    """The source is there and no longer says it: the case must be looked at again."""
    GONE = "gone"
    """The release does not have the source, and no other document says it."""


class LocatedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a case's evidence, looked up in a release.

    Attributes:
        index: its place in ``Case.evidence``, from 0.
        state: what became of it.
        source: the document that holds it; for one that is changed or gone, the source that was named.
        document_id: that document; "" where it is gone.
        version: hexadecimal SHA-256 of that document's searchable bytes; "" where it is gone.
        start: first code point of the quote in the version's text; None unless it was found.
        end: one past its last.
        copies: sources of further documents that hold the same quote.
        reason: why it must be looked at, in words; "" where all is well.
        values: what the reason says beside the state and the source: ``now``, the nearest words; ``holder``, a document
            that holds the quote; ``named``, the source that the case names; ``became``, its state; ``why`` of that
            state; ``alike``, a document with the same file name. "" where there is none.
    """

    index: int
    state: EvidenceState
    source: str
    document_id: str = ""
    version: str = ""
    start: int | None = None
    end: int | None = None
    copies: tuple[str, ...] = ()
    reason: str = ""
    values: dict[str, str] = {}

    @property
    def found(self) -> bool:
        """Whether the release holds it."""
        return self.start is not None


class RankedHit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was retrieved for a case.

    Attributes:
        rank: from 1.
        chunk_id: the chunk.
        document_id: its document.
        source: the document's source path.
        start: first code point in the version's text.
        end: one past the last.
        score: fused score.
        covers: places (from 0) of the case's evidence that the chunk holds, at least half of the quote.
    """

    rank: int
    chunk_id: str
    document_id: str
    source: str
    start: int
    end: int
    score: float
    covers: tuple[int, ...] = ()


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one case cost when it was computed.

    Attributes:
        prompt_tokens: tokens the generator read; None where it does not count them, or nothing was generated.
        completion_tokens: tokens it wrote.
        retrieve_seconds: until the passages were there.
        first_token_seconds: until the first token; None where there was none.
        total_seconds: until the answer was checked.
        embedded: texts that were embedded.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    retrieve_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    embedded: int = 0


class CaseError(msgspec.Struct, frozen=True):
    """Why a case has no result: the step (``retrieve``, ``generate``, ``score``), the error's class and message."""

    step: str
    kind: str
    message: str


class Scored(msgspec.Struct, frozen=True):
    """Metrics of one case.

    Attributes:
        scores: by metric name. A value is there or it is not: nothing stands for "unknown".
        missing: by metric name, why there is no value, in few words.
    """

    scores: dict[str, float]
    missing: dict[str, str]


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a release made of one case.

    Attributes:
        case: the case's id.
        fingerprint: the case's fingerprint when it was run.
        key: fingerprint of all that decided the answer and its scores: passages, prompt, generator, case, metrics.
        hits: what was retrieved, best first.
        evidence: where the case's evidence lies in this release.
        review: why the case must be looked at again, "" where it need not be. Its scores then count nowhere.
        answer: the text; None where the case ended in an error.
        abstained: whether it says that the documents do not answer.
        citations: what it cites.
        sentences: the check of every sentence.
        passages: what the generator read.
        generator: what wrote it.
        scores: metrics by name.
        missing: by metric name, why there is no value.
        cost: what it cost when it was computed.
        reused: whether answer and scores were known.
        error: why there is no result.
    """

    case: str
    fingerprint: str
    key: str
    hits: tuple[RankedHit, ...] = ()
    evidence: tuple[LocatedEvidence, ...] = ()
    review: str = ""
    answer: str | None = None
    abstained: bool = False
    citations: tuple[Citation, ...] = ()
    sentences: tuple[SentenceCheck, ...] = ()
    passages: tuple[Passage, ...] = ()
    generator: GeneratorName = GeneratorName("none", "")
    scores: dict[str, float] = {}
    missing: dict[str, str] = {}
    cost: Cost = Cost()
    reused: bool = False
    error: CaseError | None = None


class SubjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated.

    Attributes:
        label: what reports call it: ``live``, ``r00004-…``, ``prompt brief``, ``chunk.max_tokens=128``.
        release: id of the release; of a trial that no release keeps, the one it is made from.
        trial: whether it exists only for this evaluation.
        prompt: name@fingerprint of its prompt version.
        generator: kind and model.
        content: digest of what can be found in it.
        documents: number of documents.
        chunks: number of chunks.
        created: ISO time at which the release was built.
    """

    label: str
    release: str
    trial: bool
    prompt: str
    generator: str
    content: str
    documents: int
    chunks: int
    created: str


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did and what it cost.

    Attributes:
        judged: answers that were made and scored.
        reused: answers whose result was known by its fingerprint.
        saved_seconds: what the reused ones cost when they were computed, in seconds.
        saved_tokens: tokens that a model would have read and written for them.
        embedded: texts that were embedded.
        prompt_tokens: tokens that the generator read in this run.
        completion_tokens: tokens that it wrote in this run.
        seconds: wall-clock time.
        cpu_seconds: processor time of this process.
        outside_seconds: processor time spent outside retrieval and embedding.
    """

    judged: int = 0
    reused: int = 0
    saved_seconds: float = 0.0
    saved_tokens: int = 0
    embedded: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    outside_seconds: float = 0.0


class EvaluatedRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release with the results of every case, in the order of the cases."""

    subject: SubjectInfo
    results: tuple[CaseResult, ...]
    totals: Totals


class SliceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of the cases that share something.

    Attributes:
        kind: ``language``, ``tag`` or ``folder`` (of the evidence).
        value: which.
        cases: number of cases.
        metrics: by name.
    """

    kind: str
    value: str
    cases: int
    metrics: dict[str, MetricSummary]


class MetricDelta(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of two releases, paired by case.

    Attributes:
        baseline: mean over the paired cases.
        candidate: mean over the same cases.
        delta: candidate less baseline.
        ci: confidence interval of the delta (bootstrap over cases).
        p: of the paired permutation test that the delta is nothing but chance, two-sided.
        p_adjusted: the same, corrected for the number of metrics (Holm).
        n: cases with a value on both sides (for abstention precision: on either side).
        missing: cases left out.
        better: cases whose value rose.
        worse: cases whose value fell.
    """

    baseline: float | None
    candidate: float | None
    delta: float | None
    ci: tuple[float, float] | None
    p: float | None
    p_adjusted: float | None
    n: int
    missing: int = 0
    better: int = 0
    worse: int = 0


class SliceDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of two releases over the cases that share something; attributes as of :class:`SliceSummary`."""

    kind: str
    value: str
    cases: int
    metrics: dict[str, MetricDelta]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why the gate refuses, or what it warns of.

    Attributes:
        code: ``worse``, ``lost``, ``floor``, ``must``, ``review``, ``errors``, ``integrity``; of a warning
            ``undecided``, ``unmeasured``, ``few_cases``, ``new_evidence``, ``baseline_errors``, ``no_baseline``,
            ``cases_gone``, ``cases_changed``, ``must_gone`` or ``rules_looser``. Reports word it by this.
        message: in English, with the figures.
        metric: which, where it is about one.
        cases: ids of the cases it is about, at most 20.
        values: the figures of the message by name, for other languages.
    """

    code: str
    message: str
    metric: str = ""
    cases: tuple[str, ...] = ()
    values: dict[str, str] = {}


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of a candidate.

    Attributes:
        verdict: ``pass`` or ``refuse``.
        checks: names of the checks it ran.
        reasons: why it refuses.
        warnings: what a person should know of a verdict that they do not change, such as too few cases.
        sensitivity: by gated metric, the smallest true drop (0..1) that these cases show in 95 of 100 samples.
    """

    verdict: Literal["pass", "refuse"]
    checks: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    sensitivity: dict[str, float] = {}
