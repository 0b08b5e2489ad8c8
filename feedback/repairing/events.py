"""What repairing did, kept in the loop's journal."""

from __future__ import annotations

import msgspec

from feedback.workbench import Workbench
from index.findings import BY_LOOP, EventKind, LoopEvent, iso, list_events, record_event

_STATES = frozenset({"waiting", "approved", "rejected", "published", "canary", "refused", "rolled_back", "disputed"})


def now(bench: Workbench) -> str:
    """The time, ISO, UTC, milliseconds."""
    return iso(bench.environment.now())


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about; see :class:`index.findings.LoopEvent`."""

    findings: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    release: str = ""
    to: str = ""
    by: str = BY_LOOP


def record(bench: Workbench, kind: EventKind, text: str, about: About) -> None:
    """Keep an event.

    Args:
        bench: the outside.
        kind: what happened.
        text: in words.
        about: what it is about.

    Raises:
        StorageError: the disk is full or refuses.
    """
    event = LoopEvent(
        at=now(bench),
        collection=bench.collection,
        kind=kind,
        text=text,
        findings=about.findings,
        repairs=about.repairs,
        release=about.release,
        to=about.to,
        by=about.by,
    )
    record_event(bench.environment, event)


def state_of(bench: Workbench, finding_id: str) -> tuple[str, str]:
    """What was last said of a finding, and of which release; ("", "") where nothing was."""
    events = list_events(bench.environment, bench.collection, limit=None)
    newest = sorted((event for event in events if finding_id in event.findings), key=lambda event: event.id)
    last = next((event for event in reversed(newest) if event.kind in _STATES), None)
    return ("", "") if last is None else (last.kind, last.release)
