"""What happens to releases after they were built: rollback, diff and garbage collection."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index import gate
from index.canary import read_canary
from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.evaluations import drop_reports
from index.gate import Admission
from index.opened import OpenRelease
from index.release import LiveRecord, Manifest, Override
from index.repairs import files as repairs
from ingest.memo import Memo, drop_vectors
from ragpress.errors import GateRefusedError, ReleaseError
from ragpress.storage import scratch

_MOST_PACKS = 8
_MEMOS = ("steps", "evaluation", "evaluation-judge")
# Reports of evaluations that stay, newest first, whatever became of their releases.
_REPORTS = 20


class DocumentChange(msgspec.Struct, frozen=True):
    """One document that differs between two releases.

    Attributes:
        source: its source path.
        change: added, removed or changed.
        added: chunk texts that only the second release has.
        removed: chunk texts that only the first has.
    """

    source: str
    change: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


class ReleaseDiff(msgspec.Struct, frozen=True, kw_only=True):
    """The difference between two releases.

    Attributes:
        before: id of the first.
        after: id of the second.
        documents: documents that differ, by source.
        chunks_added: number of chunk texts that only the second has.
        chunks_removed: number of chunk texts that only the first has.
        settings: settings, step fingerprints and repairs that differ: name, before, after.
    """

    before: str
    after: str
    documents: tuple[DocumentChange, ...]
    chunks_added: int
    chunks_removed: int
    settings: tuple[tuple[str, str, str], ...]


class Collected(msgspec.Struct, frozen=True):
    """What a garbage collection removed, and what it kept for answers.

    Attributes:
        releases: ids of the removed releases.
        objects: number of removed objects.
        bytes: their size.
        kept_for_answers: ids of the releases that are only kept because answers need them.
        journal_files: sealed files of the journals that were removed with the answers in them.
        report_files: files of evaluations that were removed; their figures stay.
    """

    releases: tuple[str, ...]
    objects: int
    bytes: int
    kept_for_answers: tuple[str, ...] = ()
    journal_files: int = 0
    report_files: int = 0


def rollback(
    environment: Environment, collection: str, release: str | None, by: str = "", reason: str = ""
) -> LiveRecord:
    """Make an earlier release live again: the one named, or the one that was live before. One that is live stays so.

    Args:
        environment: the outside.
        collection: the collection.
        release: id of the release, or None.
        by: who does it, recorded in the live pointer; "" leaves it out.
        reason: why, recorded there as well; "" leaves it out.

    Raises:
        ReleaseError: there is no earlier release, or it is gone.
        ConflictError: another release went live meanwhile.
    """
    releases = environment.releases(collection)
    found = releases.pointer()
    if found is None:
        raise ReleaseError(f"Nothing is live in {collection!r}; there is nothing to roll back.")
    record, pointer = found
    target = release or record.previous
    if target is None:
        raise ReleaseError(f"{record.release} is the first release of {collection!r}; there is none before it.")
    manifest = releases.get(target)
    if manifest.id == record.release:
        return record  # swapping it with itself would make it the one that a rollback returns to
    why = f"rollback from {record.release}" + _signed(by, reason)
    return releases.publish(manifest.id, why, pointer.token, environment.now())


def publish(
    environment: Environment, collection: str, release: str, override: str | None, by: str = "", reason: str = ""
) -> LiveRecord:
    """Make a release live that was built before. One that is live already changes nothing.

    Args:
        environment: the outside.
        collection: the collection.
        release: id of the release.
        override: a person's reason to publish what the gate refused; recorded in the live pointer.
        by: who does it, recorded in the live pointer; "" leaves it out.
        reason: why, recorded there as well; "" leaves it out.

    One that never was live is judged again, unless it was compared with what is live now, by the same cases and rules.

    Raises:
        ReleaseError: there is no such release.
        GateRefusedError: the gate refused it and there is no override.
        ConflictError: another release went live meanwhile.
    """
    releases = environment.releases(collection)
    found = releases.pointer()
    manifest = releases.get(release)
    live = None if found is None else found[0]
    if live is not None and live.release == manifest.id and manifest.gate.lets_through:
        return live
    refusal = None if override is not None else _refusal(environment, manifest, live)
    if refusal is not None:
        raise GateRefusedError(refusal.record.reasons, manifest.id, refusal.evaluation)
    if override is not None:
        at = environment.now().isoformat(timespec="seconds")
        releases.record_override(manifest.id, Override(override, by or repairs.person(), at))
    if live is not None and live.release == manifest.id:
        return live
    why = ("publish" if override is None else f"publish, gate overridden: {override}") + _signed(by, reason)
    return releases.publish(manifest.id, why, None if found is None else found[1].token, environment.now())


def _refusal(environment: Environment, manifest: Manifest, live: LiveRecord | None) -> Admission | None:
    """Why the gate does not let a release through that was built before; None where it does."""
    if not manifest.gate.lets_through:
        return Admission(manifest.gate, manifest.evaluation)
    known = () if live is None else (live.release, *live.history)
    if live is None or manifest.id in known:
        return None
    if manifest.gate.override is not None and manifest.gate.baseline == live.release:
        return None
    baseline = environment.open(environment.releases(manifest.collection).get(live.release))
    admission = gate.admit(environment, environment.open(manifest), baseline, manifest.gate)
    return None if admission.record.lets_through else admission


def _signed(by: str, reason: str) -> str:
    return (f" (by {by})" if by else "") + (f": {reason}" if reason else "")


def diff(before: OpenRelease, after: OpenRelease) -> ReleaseDiff:
    """Documents and chunk texts that differ between two releases."""
    first, second = _live_rows(before), _live_rows(after)
    changes = []
    for source in sorted({*first, *second}):
        old, new = first.get(source), second.get(source)
        if old is not None and new is not None and old.indexed == new.indexed:
            continue
        change = "added" if old is None else "removed" if new is None else "changed"
        old_texts, new_texts = _texts(before, old), _texts(after, new)
        added = tuple(text for text in new_texts if text not in old_texts)
        removed = tuple(text for text in old_texts if text not in new_texts)
        changes.append(DocumentChange(source, change, added, removed))
    return ReleaseDiff(
        before=before.manifest.id,
        after=after.manifest.id,
        documents=tuple(changes),
        chunks_added=sum(len(change.added) for change in changes),
        chunks_removed=sum(len(change.removed) for change in changes),
        settings=setting_changes(before.manifest, after.manifest),
    )


def stored_collections(environment: Environment) -> list[str]:
    """Every collection that the store or the settings know, by name."""
    stored = {key.split("/")[1] for key, _ in environment.store.list("collections/")}
    return sorted(stored | set(environment.workspace.collections))


def collect_garbage(environment: Environment, collections: Iterable[str], needed: Set[str] = frozenset()) -> Collected:
    """Remove releases beyond the kept ones, every object that no kept release needs, and what killed processes left.

    The live release, the one before it and the newest ``[release] keep`` of every collection stay. Of a
    collection that the settings do not name everything stays.

    Args:
        environment: the outside.
        collections: :func:`stored_collections`; the caller holds the writer lock of every one.
        needed: ids of further releases that stay: answers were made from them.
    """
    store = environment.store
    kept: list[Manifest] = []
    dropped: list[Manifest] = []
    for_answers: list[str] = []
    reports = 0
    for collection in collections:
        keep, drop = _sort_out(environment, collection)
        still = {manifest.id for manifest in keep}
        reports += drop_reports(store, collection, still, max(_REPORTS, len(still)))
        kept += [*keep, *(manifest for manifest in drop if manifest.id in needed)]
        for_answers += [manifest.id for manifest in drop if manifest.id in needed]
        dropped += [manifest for manifest in drop if manifest.id not in needed]
    for manifest in dropped:
        # The manifest first: without it there is no release any more, whatever else is left of it.
        store.delete(f"releases/{manifest.id}/manifest.json")
        for key in [key for key, _ in store.list(f"releases/{manifest.id}/")]:
            store.delete(key)
    used = {file.key for manifest in kept for file in manifest.files()}
    unused = [(key, size) for key, size in store.list("objects/") if key not in used]
    for key, _ in unused:
        store.delete(key)
    embedders = {manifest.steps["embed"] for manifest in kept if "embed" in manifest.steps}
    drop_vectors(store, embedders)
    for name in (
        "steps",
        "evaluation",
        "evaluation-judge",
        *(f"vectors/{fingerprint}" for fingerprint in sorted(embedders)),
    ):
        Memo(store, name).merge_packs(_MOST_PACKS)
    scratch.remove_others(environment.checkouts, {manifest.id for manifest in kept})
    scratch.sweep_abandoned(environment.local, environment.now().timestamp())
    names = tuple(manifest.id for manifest in dropped)
    bytes_removed = sum(size for _, size in unused)
    return Collected(names, len(unused), bytes_removed, tuple(for_answers), report_files=reports)


def _sort_out(environment: Environment, collection: str) -> tuple[list[Manifest], list[Manifest]]:
    releases = environment.releases(collection)
    everything = releases.list()
    settings = environment.workspace.collections.get(collection)
    if settings is None:
        return everything, []
    found = releases.pointer()
    needed = set() if found is None else {found[0].release, found[0].previous}
    needed |= {manifest.id for manifest in everything[: settings.release.keep]}
    canary = read_canary(environment.store, collection)
    needed |= set() if canary is None else {canary.release}
    keep = [manifest for manifest in everything if manifest.id in needed]
    return keep, [manifest for manifest in everything if manifest.id not in needed]


def _live_rows(release: OpenRelease) -> dict[str, DocumentRow]:
    table: pa.Table = release.documents
    return {row.source: row for row in to_rows(table.filter(pc.greater(table["chunks"], 0)))}


def _texts(release: OpenRelease, row: DocumentRow | None) -> dict[str, None]:
    return {} if row is None else dict.fromkeys(release.chunk_rows(row)["text"].to_pylist())


def setting_changes(before: Manifest, after: Manifest) -> tuple[tuple[str, str, str], ...]:
    """Sealed settings, step fingerprints and repairs that differ: name, before, after."""
    steps = ((f"steps.{name}", before.steps.get(name, ""), value) for name, value in after.steps.items())
    old, new = _sealed_settings(before), _sealed_settings(after)
    sealed = ((name, old.get(name, ""), new.get(name, "")) for name in sorted({*old, *new}))
    repairs = ((f"repairs.{name}", *_in_force(name, before, after)) for name in {*before.repairs, *after.repairs})
    return tuple(pair for pair in (*steps, *sealed, *sorted(repairs)) if pair[1] != pair[2])


def _in_force(name: str, before: Manifest, after: Manifest) -> tuple[str, str]:
    return "in force" if name in before.repairs else "", "in force" if name in after.repairs else ""


def _sealed_settings(manifest: Manifest) -> dict[str, str]:
    """Every setting that a release seals, as text by ``section.name``; of the prompt its name and fingerprint."""
    sections: dict[str, Any] = {"retrieval": msgspec.to_builtins(manifest.retrieval)}
    if manifest.answering is not None:
        sections |= msgspec.to_builtins(manifest.answering)
        sections["prompt"].pop("prompt")
    return {f"{section}.{name}": str(value) for section, values in sections.items() for name, value in values.items()}


def drop_candidate(environment: Environment, collection: str, release: str) -> bool:
    """Remove a release that never was live. What it alone needs goes with the next garbage collection.

    Args:
        environment: the outside.
        collection: its collection.
        release: its id.

    Returns:
        Whether it is gone; False where it is live, was live, or is of another collection.
    """
    releases, store = environment.releases(collection), environment.store
    found = releases.pointer()
    if found is not None and release in (found[0].release, *found[0].history):
        return False
    manifest = f"releases/{release}/manifest.json"
    if not store.exists(manifest) or releases.get(release).id != release:
        return False
    for key in (manifest, *[key for key, _ in store.list(f"releases/{release}/")]):
        store.delete(key)
    return True
