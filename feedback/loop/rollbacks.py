"""After a rollback, whoever did it: the repairs that the left release had brought are taken back as well.

Otherwise the next run would build them in again. What was rolled back is read from the live pointer's history, so
that a worker that was away, or was killed in the middle of its own rollback, still sees it.
"""

from __future__ import annotations

from feedback.loop.desk import Desk
from feedback.repairing.revert import revert_repairs
from index.findings import BY_LOOP, LoopEvent
from index.release import LiveRecord
from index.repairs import files
from index.repairs.records import repair_id
from ragpress.fingerprint import hexdigest


def settle_rollbacks(desk: Desk) -> None:
    """Take back the repairs of releases that were rolled back since the loop published them."""
    found = desk.bench.environment.releases(desk.bench.collection).pointer()
    if found is None:
        return
    for event in unsettled(desk):
        target = went_back_to(found[0], event.release)
        if target is not None:
            basis = hexdigest("rollback", event.id)
            if desk.state.may_try(basis, desk.now):
                with desk.trying(basis, "a rollback", release=event.release):
                    take_back(desk, event, target, found[0].why)


def unsettled(desk: Desk) -> tuple[LoopEvent, ...]:
    """Publications of the loop that nothing says were left again, oldest first."""
    left = {event.release for event in desk.state.events if event.kind == "rolled_back"}
    return tuple(event for event in desk.state.events if event.kind == "published" and event.release not in left)


def went_back_to(record: LiveRecord, release: str) -> str | None:
    """The release before one to which a rollback led; None where it is live, or was left for newer ones alone."""
    lived = [record.release, *record.history][::-1]
    if release not in lived:
        return None
    first, last = lived.index(release), len(lived) - 1 - lived[::-1].index(release)
    return next((later for later in lived[last + 1 :] if later in lived[:first]), None)


def take_back(desk: Desk, event: LoopEvent, target: str, why: str, text: str = "") -> None:
    """Take the repairs of a publication back, and note that its release was left.

    Args:
        desk: the round.
        event: the publication.
        target: the release that was gone back to.
        why: the reason, as the live pointer says it.
        text: what to tell; a sentence about a person's rollback when empty.
    """
    held = {repair_id(one) for one in files.load_all(desk.bench.environment.workspace.root, desk.bench.collection)}
    ids = tuple(name for name in event.repairs if name in held)
    before = desk.state
    if ids:
        revert_repairs(desk.bench, ids, BY_LOOP, why)
        desk.noted_elsewhere(before)
    told = text or desk.say("by a person", release=event.release, why=why)
    desk.note("rolled_back", told, findings=event.findings, repairs=event.repairs, release=event.release, to=target)
