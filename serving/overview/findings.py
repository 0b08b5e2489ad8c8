"""Findings, repairs and the loop as the dashboard and the endpoints tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, timedelta
from pathlib import Path

import msgspec

from index import approvals
from index.documents import DocumentRow
from index.environment import Environment
from index.findings import (
    CLOSED,
    Finding,
    FindingState,
    LoopEvent,
    Proof,
    finding_states,
    list_events,
    list_findings,
)
from index.loop_lease import worker_of
from index.repairs import files
from index.repairs.records import Erratum, Repair, SettingsChange, kind_of, repair_id, source_of
from ragpress.types import AuditMark
from serving.overview.finding_records import (
    BlamedEntry,
    EventEntry,
    EvidenceEntry,
    FindingDetail,
    FindingEntry,
    KeptRepair,
    LoopReport,
    OtherCause,
    ProofEntry,
    RepairEntry,
    SettingEntry,
    SpentEntry,
)
from serving.overview.records import BadCase, ReleaseEntry

_WINDOW = timedelta(hours=24)
_TEXT = 4_000
_LONG = 2_000


class FoundState(msgspec.Struct, frozen=True):
    """The findings of a collection and what became of them.

    Attributes:
        findings: newest first.
        states: by id.
        events: of the loop, newest first.
    """

    findings: Sequence[Finding]
    states: Mapping[str, FindingState]
    events: Sequence[LoopEvent]

    @property
    def open(self) -> int:
        """Findings about which something is left to do."""
        return sum(state not in CLOSED for state in self.states.values())

    @property
    def waiting(self) -> int:
        """Findings that wait for a person."""
        return sum(state == "waiting" for state in self.states.values())

    def without_trials(self, releases: Sequence[ReleaseEntry]) -> list[ReleaseEntry]:
        """Releases but for those that were only built to try a repair."""
        tried = {one.proof.release for one in self.findings if one.proof is not None}
        return [one for one in releases if one.state in ("live", "previous") or one.id not in tried]

    def about(self, answer: str, feedback: Sequence[str]) -> Finding | None:
        """The newest finding of an answer, or of what was said of it; None where there is none.

        Args:
            answer: id of the answer.
            feedback: ids of the feedback on it.
        """
        said = frozenset(feedback)
        fitting = (one for one in self.findings if one.answer_id == answer or said.intersection(one.feedback))
        return next(fitting, None)

    def of(self, finding: Finding) -> list[LoopEvent]:
        """What became of a finding, oldest first."""
        return [event for event in reversed(self.events) if finding.finding_id in event.findings]


def found_state(environment: Environment, collection: str) -> FoundState:
    """Read the findings of a collection.

    Raises:
        StorageError: a journal cannot be read.
    """
    findings = list_findings(environment, collection)
    events = list_events(environment, collection, limit=None)
    return FoundState(findings, finding_states(findings, events), events)


def with_findings(cases: Sequence[BadCase], said: Mapping[str, Sequence[str]], known: FoundState) -> list[BadCase]:
    """Bad cases with their diagnoses.

    Args:
        cases: the bad cases.
        said: ids of the feedback on each answer.
        known: the findings.
    """
    return [_with_finding(case, known.about(case.answer_id, said.get(case.answer_id, ())), known) for case in cases]


def _with_finding(case: BadCase, finding: Finding | None, known: FoundState) -> BadCase:
    if finding is None:
        return case
    state = known.states[finding.finding_id]
    return case.model_copy(update={"finding": finding.finding_id, "cause": finding.cause, "finding_state": state})


def finding_entry(known: FoundState, finding: Finding) -> FindingEntry:
    """A finding as it is told."""
    return FindingEntry.model_validate(_fields(known, finding, known.of(finding)))


def finding_detail(known: FoundState, finding: Finding) -> FindingDetail:
    """A finding with all that became of it."""
    events = known.of(finding)
    return FindingDetail.model_validate(
        _fields(known, finding, events) | {"events": [event_entry(one) for one in events]}
    )


def _fields(known: FoundState, finding: Finding, events: Sequence[LoopEvent]) -> dict[str, object]:
    state = known.states[finding.finding_id]
    published = next((event.release for event in reversed(events) if event.kind == "published"), "")
    return {
        "finding_id": finding.finding_id,
        "at": max([finding.at, *(event.at for event in events)]),
        "collection": finding.collection,
        "state": state,
        "case_id": finding.case_id,
        "question": finding.question[:_TEXT],
        "answer_id": finding.answer_id or None,
        "feedback": list(finding.feedback),
        "release": finding.release,
        "cause": finding.cause,
        "confidence": finding.confidence,
        "others": [OtherCause(cause=cause, confidence=sure) for cause, sure in finding.others],
        "documents": [
            BlamedEntry(document_id=one.document_id, source=one.source, why=one.why) for one in finding.documents
        ],
        "evidence": [
            EvidenceEntry(
                kind=one.kind,
                text=one.text[:_LONG],
                source=one.source or None,
                quote=one.quote[:_LONG] or None,
                release=one.release or None,
            )
            for one in finding.evidence
        ],
        "repairs": [repair_entry(repair) for repair in finding.repairs],
        "expected": finding.expected[:_TEXT] or None,
        "expected_from": finding.expected_from or None,
        "proof": None if finding.proof is None else _proof(finding.proof),
        "groups": None if finding.groups is None else list(finding.groups),
        "news": events[-1].text if events else "",
        "published": published or None,
        "can_approve": state != "approved" and not approvals.undecidable(finding, state, "approve"),
        "can_reject": state not in CLOSED and not approvals.undecidable(finding, state, "reject"),
        "closed": state in CLOSED,
    }


def _proof(proof: Proof) -> ProofEntry:
    return ProofEntry(
        fixed=proof.fixed,
        release=proof.release or None,
        before=proof.before[:_TEXT],
        after=proof.after[:_TEXT],
        sources=list(proof.sources),
        reason=proof.reason,
        embedded=proof.embedded,
        seconds=proof.seconds,
    )


def event_entry(event: LoopEvent) -> EventEntry:
    """An event as it is told."""
    return EventEntry(
        id=event.id,
        at=event.at,
        kind=event.kind,
        text=event.text,
        findings=list(event.findings),
        repairs=list(event.repairs),
        release=event.release or None,
        to=event.to or None,
        by=event.by,
        model_tokens=event.model_tokens,
        embeddings=event.embeddings,
    )


def repair_entry(repair: Repair) -> RepairEntry:
    """A repair as it is told."""
    return RepairEntry.model_validate(_repair_fields(repair))


def _repair_fields(repair: Repair) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(repair)
    if isinstance(repair, SettingsChange):
        fields["settings"] = tuple(
            SettingEntry(name=f"{section}.{name}", value=msgspec.json.encode(value).decode())
            for section, values in repair.settings.items()
            for name, value in values.items()
        )
    return fields | {
        "repair_id": repair_id(repair),
        "kind": kind_of(repair),
        "finding": repair.finding or None,
    }


def kept_repairs(
    workspace: Path, collection: str, in_force: Iterable[str], rows: Mapping[str, DocumentRow]
) -> list[KeptRepair]:
    """The repairs in ``repairs/``, the newest first.

    Args:
        workspace: folder of the workspace.
        collection: which collection.
        in_force: ids of the repairs that the live release was built with.
        rows: documents of the live release that repairs are about, by source.

    Raises:
        SettingsError: a file in ``repairs/`` is not a repair.
    """
    built = frozenset(in_force)
    repairs = sorted(files.load_all(workspace, collection), key=lambda one: (one.at, repair_id(one)), reverse=True)
    return [_kept(repair, built, rows.get(source_of(repair) or "")) for repair in repairs]


def _kept(repair: Repair, built: frozenset[str], row: DocumentRow | None) -> KeptRepair:
    flag = _flag(repair, row)
    if flag is not None:
        state, note = "flagged", flag.reason
    elif kind_of(repair) == "ask":
        state, note = "wanted", ""
    else:
        state, note = ("in_force" if repair_id(repair) in built else "next_release"), ""
    return KeptRepair.model_validate(_repair_fields(repair) | {"state": state, "note": note})


def _flag(repair: Repair, row: DocumentRow | None) -> AuditMark | None:
    """The mark of a document that says that a repair no longer fits it."""
    if row is None:
        return None
    stale = [mark for mark in row.all_marks if mark.audit == f"{kind_of(repair)}_stale"]
    # A document may have several errata: their marks name them.
    fitting = (mark for mark in stale if not isinstance(repair, Erratum) or repair_id(repair) in mark.reason)
    return next(fitting, None)


def loop_report(environment: Environment, collection: str, limit: int) -> LoopReport:
    """What the loop of a collection did, and how it stands.

    Raises:
        StorageError: a journal cannot be read.
    """
    known = found_state(environment, collection)
    settings = environment.workspace.collection(collection).loop
    since = (environment.now().astimezone(UTC) - _WINDOW).isoformat(timespec="milliseconds")
    recent = [event for event in known.events if event.at >= since]
    return LoopReport(
        collection=collection,
        worker=worker_of(environment, collection),
        publish=settings.publish,
        auto_repairs=list(settings.auto_repairs),
        min_confidence=settings.min_confidence,
        open_findings=known.open,
        waiting=known.waiting,
        spent=SpentEntry(
            model_tokens=sum(event.model_tokens for event in recent),
            most_model_tokens=settings.max_model_tokens,
            embeddings=sum(event.embeddings for event in recent),
            most_embeddings=settings.max_embeddings,
        ),
        total=len(known.events),
        events=[event_entry(one) for one in known.events[:limit]],
    )
