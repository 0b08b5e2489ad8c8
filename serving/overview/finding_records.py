"""What is told of findings, repairs and the loop. Pydantic models: they are the schemas of the endpoints as well."""

from __future__ import annotations

from index.findings import Cause, EventKind, FindingState
from index.repairs.records import RepairKind
from serving.overview.records import Told


class SettingEntry(Told):
    """A setting and its new value."""

    name: str
    """`section.name`, as in `ragpress.toml`."""
    value: str
    """As JSON."""


class RepairEntry(Told):
    """A repair. What its kind does not have is null or empty."""

    repair_id: str
    kind: RepairKind
    collection: str
    reason: str
    by: str
    """Who made it: a person, or `ragpress loop`."""
    at: str
    """ISO time."""
    finding: str | None
    """The finding that it answers; null where a person made it on its own account."""
    source: str | None = None
    """Source path of the document that it is about."""
    newer: str | None = None
    """Of `supersede`: source path of the document that stands in its place."""
    version: str | None = None
    """SHA-256 of the version that it is about."""
    find: str | None = None
    """Of `erratum`: the wrong text."""
    replace: str | None = None
    """Of `erratum`: the right text."""
    parser: str | None = None
    """Of `reparse`: the parser that reads it."""
    family: str | None = None
    """Of `cleaning`: the documents that it is about, as a pattern."""
    drop: tuple[str, ...] = ()
    """Of `cleaning`: lines that are removed, as regular expressions."""
    keep: tuple[str, ...] = ()
    """Of `cleaning`: lines that no rule removes."""
    off: tuple[str, ...] = ()
    """Of `cleaning`: rules that do not run."""
    settings: tuple[SettingEntry, ...] = ()
    """Of `settings`: what is set."""
    prompt: str | None = None
    """Of `prompt`: name of the prompt version."""
    questions: tuple[str, ...] = ()
    """Of `ask`: the questions that no document answers."""
    wanted: str | None = None
    """Of `ask`: what the document should say, or where it was."""


class KeptRepair(RepairEntry):
    """A repair that stands in `repairs/`."""

    state: str
    """`in_force` (the live release was built with it), `next_release` (the next ingest takes it up), `flagged` (it no
    longer fits its document, and changes nothing) or `wanted` (it asks for a document)."""
    note: str
    """Why it is flagged; else empty."""


class BlamedEntry(Told):
    """A document at fault, and why."""

    document_id: str
    source: str
    why: str


class EvidenceEntry(Told):
    """One thing that a person can check."""

    kind: str
    text: str
    source: str | None
    """Source path of the document that it is about."""
    quote: str | None
    """Its words."""
    release: str | None
    """The release that it was seen in."""


class ProofEntry(Told):
    """What came of asking again with the repairs in place."""

    fixed: bool
    release: str | None
    """The release that was built to try it; null where none could be."""
    before: str
    """The answer without the repairs."""
    after: str
    """The answer with them."""
    sources: list[str]
    """Source paths that the new answer cites."""
    reason: str
    embedded: int
    """Texts that were embedded for it."""
    seconds: float


class OtherCause(Told):
    """A cause that is less likely."""

    cause: Cause
    confidence: float


class EventEntry(Told):
    """One thing that the loop, or a person on its behalf, did."""

    id: str
    at: str
    kind: EventKind
    text: str
    """What happened and why, in words."""
    findings: list[str]
    repairs: list[str]
    release: str | None
    to: str | None
    """Of what was published or rolled back: the release before or after."""
    by: str
    model_tokens: int
    embeddings: int


class FindingEntry(Told):
    """The diagnosis of one bad case."""

    finding_id: str
    at: str
    """ISO time of its last change."""
    collection: str
    state: FindingState
    case_id: str
    question: str
    answer_id: str | None
    """The answer that was complained of; null where none is in the journal."""
    feedback: list[str]
    """Ids of the feedback on it."""
    release: str
    """The release that was diagnosed."""
    cause: Cause
    confidence: float
    """How likely (0 to 1) it is that the cause is right."""
    others: list[OtherCause]
    documents: list[BlamedEntry]
    """Documents at fault, the surest first."""
    evidence: list[EvidenceEntry]
    repairs: list[RepairEntry]
    """What is proposed; together they are one change."""
    expected: str | None
    """The right answer, as far as it is known."""
    expected_from: str | None
    """Where that comes from: `correction`, `source`, `history` or `case`."""
    proof: ProofEntry | None
    """Null until its repairs were tried."""
    groups: list[str] | None
    """Groups of the caller who asked; null for an operator."""
    news: str
    """The last thing that became of it, in words; empty where nothing did."""
    published: str | None
    """The release that its repairs went live with."""
    can_approve: bool
    can_reject: bool
    closed: bool
    """Whether nothing is left to do about it."""


class FindingDetail(FindingEntry):
    """A finding with all that became of it."""

    events: list[EventEntry]
    """Oldest first."""


class SpentEntry(Told):
    """What the loop spent within 24 hours, and the most that it may."""

    model_tokens: int
    most_model_tokens: int
    embeddings: int
    most_embeddings: int


class LoopReport(Told):
    """What the loop did, and how it stands."""

    collection: str
    worker: str | None
    """Who runs the loop of this collection now; null where nobody does."""
    publish: str
    """What it may do by itself: `auto`, `approve` (everything waits for a person) or `off`."""
    auto_repairs: list[str]
    """Kinds of repairs that may go live without a person."""
    min_confidence: float
    open_findings: int
    waiting: int
    """Findings that wait for a person."""
    spent: SpentEntry
    total: int
    events: list[EventEntry]
    """Newest first."""
