"""What the dashboard is told. Pydantic models: they are the schema of the endpoint as well."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from index.findings import Cause, FindingState

ReleaseState: TypeAlias = Literal["live", "previous", "candidate", "refused"]
Severity: TypeAlias = Literal["error", "warning", "note"]


class Told(BaseModel):
    """Base of everything that is told: immutable, its attributes' docstrings are the schema's descriptions."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class LiveRelease(Told):
    """The release that answers."""

    id: str
    created: str
    """ISO time (UTC) at which it was built."""
    age_seconds: float
    """Seconds since it was built."""
    since: str
    """ISO time (UTC) at which it went live."""
    why: str
    """`publish` or `rollback`, and the reason a person gave."""
    reason: str
    """Why it was built."""
    documents: int
    chunks: int
    quarantined: int
    prompt: str | None
    """Name of its prompt version; null in releases made before there were any."""
    generator: str | None
    """Kind and model of what writes answers, as it sealed them."""


class Quality(Told):
    """Figures of a set of answers."""

    answers: int
    """All questions: complete, failed and cancelled ones."""
    complete: int
    abstained: int
    failed: int
    cancelled: int
    up: int
    """Answers whose last rating is thumbs up."""
    down: int
    claims: int
    """Checked sentences that claim something."""
    unsupported: int
    """Those of them that their citations do not support."""
    first_token_p50: float | None
    """Seconds to the first token; null where no answer had one."""
    first_token_p95: float | None
    total_p50: float | None
    """Seconds to the end of the answer."""
    total_p95: float | None
    counted: int
    """Answers whose generator told its tokens."""
    prompt_tokens: int | None
    """Tokens read by the generator; null where none were counted."""
    completion_tokens: int | None
    cost: float | None
    """Cost of the counted tokens; null where none were counted, or no price is set."""


class Bucket(Quality):
    """Figures of the answers of one stretch of time."""

    start: str
    """ISO time (UTC)."""
    end: str
    index_age_seconds: float | None
    """Age that the release of the stretch's last answer had then; null without answers."""


class ReleaseQuality(Quality):
    """Figures of the answers of one release."""

    release: str


class ReleaseEntry(Told):
    """One release of the history."""

    id: str
    parent: str | None
    created: str
    state: ReleaseState
    documents: int
    chunks: int
    quarantined: int
    verdict: str
    """What the gate said: `pass` or `refuse`."""
    reasons: list[str]
    """Why it refused."""
    override: str | None
    """Why, and by whom, it was let through all the same as it was built."""
    reason: str
    """Why it was built."""
    prompt: str | None
    evaluation: str | None
    """Id of its evaluation, once there is one."""
    quality: ReleaseQuality | None
    """How it answered in the time looked at; null where it did not."""


class CitedDocument(Told):
    """A document that answers cite."""

    document_id: str
    source: str
    answers: int
    """Answers that cite it."""
    down: int
    """Those of them with thumbs down."""


class Mark(Told):
    """An audit that fired on a document."""

    audit: str
    reason: str


class Suspect(Told):
    """A document that a bad answer may be the fault of."""

    document_id: str | None
    """Null for one that nobody knows."""
    source: str
    title: str
    state: str
    """Its state now: live, quarantined, superseded, deleted; `unknown` where the live release has never seen it."""
    role: Literal["cited", "expected"]
    """Cited by the answer, or named by the user as the one that has the right answer."""
    reasons: list[
        Literal[
            "outdated",
            "superseded",
            "near_duplicate",
            "injection",
            "garbage",
            "truncated",
            "quarantined",
            "deleted",
            "marked",
            "unsupported",
            "expected_unknown",
            "expected_unused",
            "expected_uncited",
        ]
    ]
    """What speaks against it; empty where nothing does."""
    marks: list[Mark]


class BadCase(Told):
    """An answer that somebody put thumbs down on."""

    answer_id: str
    at: str
    """ISO time of the question."""
    release: str
    question: str
    answer: str
    abstained: bool
    comment: str
    correction: str
    expected_sources: list[str]
    given: str
    """ISO time of the feedback."""
    suspects: list[Suspect]
    """Documents that it cites or should have cited, those that something speaks against first."""
    finding: str | None = None
    """Id of its diagnosis; null until there is one."""
    cause: Cause | None = None
    """Why it was bad, as the diagnosis says."""
    finding_state: FindingState | None = None
    """What became of the diagnosis."""


class AnswerSummary(Told):
    """One line of the list of answers."""

    id: str
    at: str
    release: str
    status: str
    """complete, failed or cancelled."""
    question: str
    answer: str
    abstained: bool
    rating: str | None
    """The last rating: up, down, or null."""
    error: str | None
    """Why it is not complete."""
    generator: str | None
    seconds: float | None
    """Seconds to its end; null unless complete."""
    supported: int | None
    """Sentences that claim something and are supported; null unless complete."""
    claims: int | None


class AnswerPage(Told):
    """A page of the list of answers, newest first."""

    answers: list[AnswerSummary]
    before: str | None
    """What to ask for as `before` for the next page; null on the last."""


class RunEntry(Told):
    """An ingestion run."""

    id: str
    started: str
    finished: str
    seconds: float | None
    """Null for one that failed."""
    release: str | None
    published: bool
    changes: dict[str, int]
    """Documents by kind of change: added, changed, moved, deleted, unchanged."""
    quarantined: int | None
    exit_code: int
    """0 done, 1 failed, 2 wrong settings, 3 done with quarantined documents, 4 refused by the gate."""
    error: str


class JobEntry(Told):
    """A change of documents that came over HTTP, and what became of it."""

    id: str
    created: str
    action: Literal["upload", "delete", "quarantine", "restore"]
    state: Literal["queued", "running", "done", "failed"]
    documents: list[str]
    """Names of the documents that it is about."""
    results: list[str]
    """What became of documents that are not live, and why."""
    release: str | None
    error: str


class QuarantinedDocument(Told):
    """A document that is not used, or whose newest version is not."""

    document_id: str
    source: str
    title: str
    step: str
    """The step that refused it: `person` where somebody took it out."""
    reason: str
    answers_from_older: bool
    """Whether an earlier version of it goes on answering."""
    by_person: bool
    """Whether a person quarantined it, so that it can be restored."""


class EvaluationMetric(Told):
    """One metric of an evaluation."""

    name: str
    mean: float | None
    """Over the cases that have a value; null where none has."""
    low: float | None
    """Lower end of the confidence interval."""
    high: float | None
    n: int
    """Cases with a value."""
    missing: int
    """Cases without one."""
    gated: bool
    """Whether the gate, as it is set now, refuses a candidate for it."""


class Evaluation(Told):
    """A release, evaluated on the workspace's cases."""

    id: str
    collection: str
    kind: Literal["run", "compare", "gate", "trend"]
    """`run`: one release. `compare`: a candidate against a baseline. `gate`: the same, before a candidate was to go
    live. `trend`: prompt versions one after another."""
    created: str
    """ISO time (UTC)."""
    release: str
    """What was evaluated; the candidate."""
    label: str
    """What it is called in its report."""
    prompt: str
    """Prompt version and its fingerprint."""
    baseline: str | None
    """The release that it was compared with."""
    cases: int
    case_set: str
    """Fingerprint of the cases: figures of equal sets can be compared."""
    review: int
    """Cases whose evidence the sources no longer say, so that a person must look at them."""
    errors: int
    """Cases that ended in an error."""
    metrics: list[EvaluationMetric]
    """Those of the gate first."""
    verdict: Literal["pass", "refuse"] | None
    """Null where nothing was compared."""
    reasons: list[str]
    """Why it was refused."""
    judged: int
    """Answers that were made or judged."""
    reused: int
    """Answers whose result was known."""
    seconds: float
    """How long it took."""
    report: bool
    """Whether its report is still there: `ragpress releases gc` removes old ones, and keeps the figures."""


class Problem(Told):
    """Something that an operator should look at."""

    code: str
    """For the page, which words it in the reader's language."""
    severity: Severity
    detail: str
    """The fault itself where there is one: an error, a reason."""
    count: int | None
    subject: str
    """What it is about: a release, a document."""


class GeneratorState(Told):
    """What writes answers now."""

    kind: str
    model: str
    ready: bool
    why: str
    advice: str


class ServiceState(Told):
    """The service itself."""

    version: str
    workers: int
    keys_required: bool
    """Whether callers need an API key."""
    generator: GeneratorState | None
    """Null while nothing is live."""
    writer: str | None
    """Who writes to the collection now."""


class Overview(Told):
    """All that the dashboard shows of a collection."""

    collection: str
    collections: list[str]
    at: str
    """ISO time (UTC) at which this was put together."""
    days: int
    zone: str
    """Time zone in which days begin."""
    bucket_hours: int
    """Length of a bucket; days are 24, also those on which the clocks change."""
    currency: str
    priced: bool
    """Whether a price of tokens is set."""
    live: LiveRelease | None
    releases: list[ReleaseEntry]
    releases_total: int
    totals: Quality
    buckets: list[Bucket]
    cited: list[CitedDocument]
    bad_cases: list[BadCase]
    bad_cases_total: int
    quarantined: list[QuarantinedDocument]
    quarantined_total: int
    runs: list[RunEntry]
    jobs: list[JobEntry]
    evaluations: list[Evaluation]
    """Newest first; empty until releases are evaluated."""
    evaluations_total: int
    case_files: int
    """Files of the workspace that hold cases; without cases nothing can be evaluated."""
    findings_total: int | None
    """Open findings; null until bad cases are diagnosed."""
    findings_waiting: int
    """Findings whose repairs wait for a person."""
    service: ServiceState
    problems: list[Problem]
    """The worst first."""
