"""Where the loop stands, as read from its journals: nothing of it is kept in memory from one round to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from feedback.records import BadCase
from index.environment import Environment
from index.findings import (
    EventKind,
    Finding,
    FindingState,
    LoopEvent,
    finding_states,
    list_events,
    list_findings,
    newest_of_cases,
)
from index.release import Manifest
from index.repairs.records import Repair, repair_id
from ragpress.fingerprint import hexdigest
from ragpress.settings import CollectionSettings

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
_FORGOTTEN = timedelta(days=1)
_FOUND = frozenset({"found", "disputed"})
_TAKEN_BACK = frozenset({"rolled_back", "rejected", "reverted"})


class LoopState(msgspec.Struct, frozen=True):
    """What the journals say of a collection.

    Attributes:
        findings: the last record of every finding by its id, newest record first.
        events: what the loop and people did, oldest first.
        states: what became of the findings since they were last found.
    """

    findings: dict[str, Finding]
    events: tuple[LoopEvent, ...]
    states: dict[str, FindingState]

    def of_case(self, case_id: str) -> Finding | None:
        """The newest finding of a case."""
        return next((finding for finding in self.findings.values() if finding.case_id == case_id), None)

    def newest(self) -> tuple[Finding, ...]:
        """The newest finding of every case, newest first."""
        return newest_of_cases(self.findings.values())

    def last(self, finding_id: str, *kinds: EventKind) -> LoopEvent | None:
        """The last event about a finding, of some kinds where any are given."""
        return next(
            (event for event in reversed(self.events) if finding_id in event.findings and _is(event, kinds)), None
        )

    def with_basis(self, basis: str, *kinds: EventKind) -> tuple[LoopEvent, ...]:
        """The events that were decided from a basis, oldest first."""
        return tuple(event for event in self.events if event.basis == basis and _is(event, kinds))

    def of_release(self, release: str, *kinds: EventKind) -> tuple[LoopEvent, ...]:
        """The events about a release, oldest first."""
        return tuple(event for event in self.events if event.release == release and _is(event, kinds))

    def may_try(self, basis: str, now: datetime) -> bool:
        """Whether something that failed may be tried again: after a minute, then two, four, … at most six hours."""
        due = self._due(basis, now)
        return due is None or now >= due

    def taken_back(self, repairs: Iterable[Repair]) -> LoopEvent | None:
        """The event by which all of these repairs were taken back or turned down before; None where they were not."""
        wanted = {repair_id(repair) for repair in repairs}
        if not wanted:
            return None
        return next((event for event in reversed(self.events) if self._took_back(event, wanted)), None)

    def _took_back(self, event: LoopEvent, wanted: set[str]) -> bool:
        if event.kind not in _TAKEN_BACK:
            return False
        found = (self.findings[name] for name in event.findings if name in self.findings)
        proposed = ({repair_id(repair) for repair in finding.repairs} for finding in found)
        return wanted <= set(event.repairs) or any(wanted <= one for one in proposed)

    def _due(self, basis: str, now: datetime) -> datetime | None:
        failures = [event for event in self.with_basis(basis, "failed") if moment(event.at) > now - _FORGOTTEN]
        if not failures:
            return None
        pause = _FIRST_PAUSE.total_seconds() * 2.0 ** min(len(failures) - 1, 20)
        return moment(failures[-1].at) + min(_LONGEST_PAUSE, timedelta(seconds=pause))


def read_state(environment: Environment, collection: str) -> LoopState:
    """Read where the loop of a collection stands.

    Raises:
        StorageError: a file of a journal cannot be read.
    """
    found = list_findings(environment, collection)
    events = tuple(reversed(list_events(environment, collection, limit=None)))
    states = finding_states(found, _since_found(events))
    return LoopState({finding.finding_id: finding for finding in found}, events, states)


def content_of(manifest: Manifest, settings: CollectionSettings) -> str:
    """Digest of all that decides what a release answers, and to whom; equal for equal contents.

    Args:
        manifest: the release.
        settings: of its collection: who may read what is decided by them as they are now.
    """
    parts = (manifest.retrieval, manifest.answering, manifest.embed, settings.access)
    return hexdigest("answers", manifest.content, *(msgspec.json.encode(part, order="sorted") for part in parts))


def basis_of(bad: BadCase, content: str) -> str:
    """Fingerprint of what a diagnosis is made from: the case, what is claimed or set aside, the contents."""
    claim = bad.claim
    said = (claim.answer, claim.abstain, sorted(claim.sources), claim.standing, sorted(claim.against))
    return hexdigest("diagnosis", bad.case_id, *said, bad.disputed, content)


def moment(at: str) -> datetime:
    """An ISO time of a record; UTC where it names no zone."""
    found = datetime.fromisoformat(at)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _since_found(events: Sequence[LoopEvent]) -> list[LoopEvent]:
    """The events without what was said of findings before they were last found: then they begin anew."""
    since = {name: event.id for event in events if event.kind in _FOUND for name in event.findings}
    return [
        replace(event, findings=tuple(name for name in event.findings if event.id >= since.get(name, "")))
        for event in events
    ]


def _is(event: LoopEvent, kinds: tuple[EventKind, ...]) -> bool:
    return not kinds or event.kind in kinds
