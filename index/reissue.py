"""A new release of the same documents: another prompt, or other settings that no chunk depends on.

Nothing is read from the sources and nothing is embedded: segments, lexical index and document table are shared.
"""

from __future__ import annotations

import secrets

import msgspec

from index import gate
from index.answering import Answering, seal
from index.changes import keep_changes
from index.environment import Environment
from index.release import Manifest, publish_reason, release_id
from index.repairs.apply import settings_of
from ragpress.errors import GateRefusedError, ReleaseError
from ragpress.settings import RetrievalSettings


class Reissue(msgspec.Struct, frozen=True, kw_only=True):
    """What the new release has that the old one has not; None leaves a part as it is.

    Attributes:
        reason: why it is made, in words.
        answering: the prompt and what else makes an answer.
        retrieval: retrieval settings.
        publish: make it live when the gate passes it.
        override: a person's reason to publish what the gate refuses for its answers; recorded in the release.
        repairs: ids of the repairs that it is built with.
    """

    reason: str
    answering: Answering | None = None
    retrieval: RetrievalSettings | None = None
    publish: bool = True
    override: str | None = None
    repairs: tuple[str, ...] | None = None


def reissue(environment: Environment, collection: str, change: Reissue) -> Manifest:
    """Build a release from the live one with other answer or retrieval settings. The caller holds the writer lock.

    Returns:
        The new release; the live one where nothing differs.

    Raises:
        ReleaseError: nothing is live.
        GateRefusedError: the gate refused it; it stays a candidate.
        ConflictError: another release went live meanwhile.
    """
    releases = environment.releases(collection)
    found = releases.pointer()
    if found is None:
        raise ReleaseError(f"Nothing is live in {collection!r} yet. Publish a first release with: ragpress ingest")
    record, pointer = found
    live = releases.get(record.release)
    answering = change.answering or live.answering or seal_current(environment, collection)
    retrieval = change.retrieval or live.retrieval
    if (answering, retrieval) == (live.answering, live.retrieval):
        return live
    candidate = _stamped(environment, live, releases.next_number())
    in_force = live.repairs if change.repairs is None else change.repairs
    candidate = msgspec.structs.replace(
        candidate, reason=change.reason, answering=answering, retrieval=retrieval, repairs=in_force
    )
    opened = environment.open(candidate)
    integrity = gate.check(opened, opened.documents, ())
    admission = gate.admit(environment, opened, environment.open(live), integrity, change.override)
    candidate = admission.sealed(candidate)
    releases.save(candidate)
    keep_changes(environment, candidate, opened.documents, environment.open(live))
    if not candidate.gate.lets_through:
        raise GateRefusedError(candidate.gate.reasons, candidate.id, candidate.evaluation)
    if change.publish:
        releases.publish(candidate.id, publish_reason(candidate), pointer.token, environment.now())
    return candidate


def seal_current(environment: Environment, collection: str) -> Answering:
    """What a release of the collection seals of the settings as they are now."""
    return seal(environment.workspace.root, collection, settings_of(environment.workspace, collection))


def _stamped(environment: Environment, live: Manifest, number: int) -> Manifest:
    now = environment.now()
    run = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    return msgspec.structs.replace(
        live,
        id=release_id(number, run, live.files()),
        number=number,
        parent=live.id,
        created=now.isoformat(timespec="seconds"),
        run=run,
        evaluation=None,
    )
