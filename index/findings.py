"""Findings: what was found of bad cases, and what became of it. Kept in journals, read by every stage above.

``findings`` holds :class:`Finding` records: a finding that is diagnosed or proven again is written again, and the last
record of an id counts. ``loop`` holds :class:`LoopEvent` records: what the loop did and why, in the order it happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from index.environment import Environment
from index.repairs.records import Repair
from ragpress.storage.journal_entry import Entry, RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.record_ids import new_record_id

FINDINGS, LOOP = "findings", "loop"
"""Names of the journals."""

BY_LOOP = "ragpress loop"
"""Who signs what the loop does by itself."""


class Cause(StrEnum):
    """Why an answer was bad."""

    MISSING_DOCUMENT = "missing_document"
    QUARANTINED_DOCUMENT = "quarantined_document"
    PARSE_FAULT = "parse_fault"
    STALE_DOCUMENT = "stale_document"
    CONFLICTING_DOCUMENTS = "conflicting_documents"
    DUPLICATE_DOCUMENTS = "duplicate_documents"
    POISONED_DOCUMENT = "poisoned_document"
    CHUNK_FAULT = "chunk_fault"
    RETRIEVAL_MISS = "retrieval_miss"
    ACCESS_DENIED = "access_denied"
    GENERATION_FAULT = "generation_fault"
    PROMPT_FAULT = "prompt_fault"
    NOT_ANSWERABLE = "not_answerable"
    FEEDBACK_DISPUTED = "feedback_disputed"


class BlamedDocument(msgspec.Struct, frozen=True):
    """A document at fault: its id, its source path, and why in words."""

    document_id: str
    source: str
    why: str


class FindingEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a person can check.

    Attributes:
        kind: ``replay``, ``claim``, ``holder``, ``rank``, ``conflict``, ``copies``, ``audit``, ``access``, ``history``,
            ``prompt``, ``whatif``, ``proof``, ``feedback``, ``model``.
        text: what was found, one plain sentence.
        source: source path of the document that it is about.
        quote: its words.
        release: the release that it was seen in.
    """

    kind: str
    text: str
    source: str = ""
    quote: str = ""
    release: str = ""


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of asking the case again with the repairs applied in a scratch release.

    Attributes:
        fixed: whether the answer became right.
        release: the scratch release, kept as a candidate; "" where none could be built.
        before: the answer without the repairs.
        after: the answer with them.
        sources: source paths that the new answer cites.
        reason: why it is, or is not, fixed, in words.
        embedded: texts that were embedded for it.
        seconds: wall-clock seconds it took.
    """

    fixed: bool
    release: str = ""
    before: str = ""
    after: str = ""
    sources: tuple[str, ...] = ()
    reason: str = ""
    embedded: int = 0
    seconds: float = 0.0


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The diagnosis of one bad case.

    Attributes:
        finding_id: id: the same for the same case, the same claim and the same release contents, so that a worker that
            was killed makes no second one.
        at: ISO time of this record.
        collection: the collection.
        case_id: the case.
        question: as it was asked.
        answer_id: the answer that was complained of; "" where there is none in the journal.
        feedback: ids of the feedback on it.
        release: the release that was diagnosed: the one that made the answer, or the live one where that still fails.
        cause: why the answer was bad.
        confidence: calibrated probability (0..1) that the cause is right.
        documents: documents at fault, the surest first.
        evidence: what a person can check.
        repairs: what is proposed; together they are one change. Empty where nothing can be proposed.
        expected: the right answer as far as it is known; "" where it is not.
        expected_from: where that comes from: ``correction``, ``source``, ``history``, ``case`` or "".
        others: other causes with their confidence, the likeliest first.
        proof: None until it was tried.
        groups: groups of the caller who asked; None for an operator.
        rule: name of the rule of the diagnosis that decided, by which its confidence was counted; "" of older records.
        standing: what the claim rests on: ``claimed`` by too few callers, ``agreed``, ``person``; else ``none`` or "".
    """

    finding_id: str
    at: str
    collection: str
    case_id: str
    question: str
    answer_id: str = ""
    feedback: tuple[str, ...] = ()
    release: str
    cause: Cause
    confidence: float
    documents: tuple[BlamedDocument, ...] = ()
    evidence: tuple[FindingEvidence, ...] = ()
    repairs: tuple[Repair, ...] = ()
    expected: str = ""
    expected_from: str = ""
    others: tuple[tuple[Cause, float], ...] = ()
    proof: Proof | None = None
    groups: tuple[str, ...] | None = None
    rule: str = ""
    standing: str = ""


EventKind: TypeAlias = Literal[
    "found",  # a finding was made
    "proven",  # its repairs were tried in a scratch release
    "waiting",  # a candidate waits for a person
    "approved",  # a person let it through
    "rejected",  # a person said no
    "applied",  # repair files were written
    "published",  # the candidate with the repairs went live
    "refused",  # the gate refused it
    "canary",  # a share of the conversations gets the candidate
    "replayed",  # recent questions were asked again on the release before and after a publish
    "watched",  # the watch ended well
    "rolled_back",  # the watch, or a person, went back
    "reverted",  # repair files were taken back
    "ingested",  # changed sources were ingested
    "disputed",  # feedback was set aside
    "budget",  # something was left for later because of the budget
    "failed",  # something went wrong; it is tried again
    "started",
    "stopped",
]


def iso(moment: datetime) -> str:
    """A time as records of the loop have it: ISO, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


class LoopEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the loop, or a person on its behalf, did.

    Attributes:
        id: id of the record; records sort by it in the order of their time.
        at: ISO time (UTC, milliseconds).
        collection: the collection.
        kind: what happened.
        text: what happened and why, one or two plain sentences in the language of ``[loop] language``.
        findings: ids of the findings that it is about.
        repairs: ids of the repairs that it is about.
        release: the release that it is about; of ``rolled_back`` the one that was left.
        to: of ``published`` and ``rolled_back`` the release before or after, as the kind says.
        by: who: ``ragpress loop`` or a person.
        model_tokens: tokens of a served model that were spent.
        embeddings: texts that were embedded.
        basis: fingerprint of what it was decided from; what was done or failed once is not done again from the same.
    """

    id: str = msgspec.field(default_factory=new_record_id)
    at: str
    collection: str
    kind: EventKind
    text: str
    findings: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    release: str = ""
    to: str = ""
    by: str = BY_LOOP
    model_tokens: int = 0
    embeddings: int = 0
    basis: str = ""


FindingState: TypeAlias = Literal[
    "open", "proven", "unproven", "waiting", "approved", "rejected", "published", "refused", "rolled_back", "disputed"
]
"""What became of a finding. ``open``: diagnosed, nothing tried yet, or nothing can be tried."""

_STATES: dict[str, FindingState] = {
    "waiting": "waiting",
    "approved": "approved",
    "rejected": "rejected",
    "published": "published",
    "canary": "approved",
    "refused": "refused",
    "rolled_back": "rolled_back",
    "disputed": "disputed",
}
CLOSED: frozenset[FindingState] = frozenset({"published", "rejected", "disputed"})
"""States of findings about which nothing is left to do."""


def finding_states(findings: Sequence[Finding], events: Sequence[LoopEvent]) -> dict[str, FindingState]:
    """What became of findings, by id.

    Args:
        findings: the findings.
        events: of the loop, in any order.
    """
    states = {finding.finding_id: _tried(finding) for finding in findings}
    for event in sorted(events, key=lambda event: event.id):
        state = _STATES.get(event.kind)
        for name in event.findings:
            if state is not None and name in states:
                states[name] = state
    return states


def newest_of_cases(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The newest finding of every case, newest first.

    Args:
        findings: newest first, as :func:`list_findings` gives them.
    """
    newest: dict[str, Finding] = {}
    for finding in findings:
        newest.setdefault(finding.case_id, finding)
    return tuple(newest.values())


def _tried(finding: Finding) -> FindingState:
    if finding.proof is None:
        return "open"
    return "proven" if finding.proof.fixed else "unproven"


class _KeptFinding(msgspec.Struct, frozen=True, kw_only=True):
    """How a finding lies in its journal: under an id of the record, as one finding has several records."""

    id: str
    finding: Finding


_encoder = msgspec.json.Encoder()
_finding = msgspec.json.Decoder(_KeptFinding)
_event = msgspec.json.Decoder(LoopEvent)


def record_findings(environment: Environment, findings: Sequence[Finding]) -> None:
    """Keep findings; they are on the disk when this returns.

    Raises:
        StorageError: the disk is full or refuses.
    """
    kept = [_KeptFinding(id=new_record_id(), finding=item) for item in findings]
    environment.append(FINDINGS, [_encoder.encode(item) for item in kept])


def list_findings(environment: Environment, collection: str | None = None, limit: int | None = None) -> list[Finding]:
    """The last record of every finding, newest first.

    Args:
        environment: the outside.
        collection: only of this collection; None takes all.
        limit: the most to give; None gives all.

    Raises:
        StorageError: a file of the journal cannot be read.
    """
    reader = JournalReader(environment.journal(FINDINGS), describe_finding)
    latest: dict[str, Finding] = {}
    for record in reader.select(RecordQuery(collection=collection)):
        finding = _finding.decode(record.line).finding
        latest.setdefault(finding.finding_id, finding)
    return list(latest.values())[:limit]


def find_finding(environment: Environment, finding_id: str) -> Finding | None:
    """A finding by its id; None where there is none.

    Raises:
        StorageError: a file of the journal cannot be read.
    """
    reader = JournalReader(environment.journal(FINDINGS), describe_finding)
    found = reader.select(RecordQuery(subject=finding_id, limit=1))
    return _finding.decode(found[0].line).finding if found else None


def record_event(environment: Environment, event: LoopEvent) -> None:
    """Keep what the loop did; it is on the disk when this returns.

    Raises:
        StorageError: the disk is full or refuses.
    """
    environment.append(LOOP, [_encoder.encode(event)])


def list_events(environment: Environment, collection: str | None = None, limit: int | None = 100) -> list[LoopEvent]:
    """What the loop did, newest first.

    Raises:
        StorageError: a file of the journal cannot be read.
    """
    reader = JournalReader(environment.journal(LOOP), describe_event)
    found = reader.select(RecordQuery(collection=collection, limit=limit))
    return [_event.decode(record.line) for record in found]


def describe_finding(line: bytes) -> Entry:
    """The columns of a finding: its subject is the finding's id, its status the cause.

    Raises:
        msgspec.DecodeError: it is no finding.
    """
    record = _finding.decode(line)
    finding = record.finding
    return Entry(
        id=record.id,
        at=finding.at,
        collection=finding.collection,
        release=finding.release,
        status=finding.cause,
        subject=finding.finding_id,
        documents=tuple(blamed.document_id for blamed in finding.documents),
    )


def describe_event(line: bytes) -> Entry:
    """The columns of an event: its status is its kind.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    event = _event.decode(line)
    return Entry(id=event.id, at=event.at, collection=event.collection, release=event.release, status=event.kind)
