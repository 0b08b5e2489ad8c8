"""Listings for people: the documents of a release, one document, the releases of a collection."""

from __future__ import annotations

from typing import Any

import msgspec

from index.build import version_rows
from index.changes import read_changes
from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.opened import OpenRelease
from index.release import Manifest, Override, Releases
from index.repairs import files as repairs
from index.repairs import writing
from index.repairs.records import Quarantine
from index.repairs.writing import RepairNote
from ragpress.errors import UsageError
from ragpress.types import AuditMark, Removal

STATES = ("live", "quarantined", "superseded", "deleted")


class DocumentFilter(msgspec.Struct, frozen=True):
    """Which documents to list: of one state (None: all but deleted ones), and only marked ones."""

    state: str | None = None
    marked: bool = False


class DocumentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the document list.

    Attributes:
        document_id: its id.
        source: its source path.
        state: live, quarantined, superseded or deleted.
        reason: why it is not live, or what its audit marks say.
        version: SHA-256 of the searchable bytes, or None.
        chunks: chunks that can be found.
        updated: ISO time its version went into a release.
        title: its title.
        marks: names of the audits that marked it.
    """

    document_id: str
    source: str
    state: str
    reason: str
    version: str | None
    chunks: int
    updated: str
    title: str
    marks: tuple[str, ...]


class DocumentList(msgspec.Struct, frozen=True):
    """The documents of a release."""

    release: str
    documents: tuple[DocumentEntry, ...]


class DocumentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One document with everything a person asks about it.

    Attributes:
        entry: its line in the list.
        media_type: for example ``application/pdf``.
        parser: parser and version.
        language: ISO code.
        pages: pages, slides or sheets; None where the format has none.
        size: bytes of the version seen last.
        characters: code points of its text.
        metadata: its own metadata.
        marks: audit marks with measure, threshold and reason.
        removed: what cleaning removed.
        notes: what the parser noted.
        text: its text as indexed; None unless asked for.
    """

    entry: DocumentEntry
    media_type: str
    parser: str
    language: str
    pages: int | None
    size: int
    characters: int
    metadata: dict[str, str]
    marks: tuple[AuditMark, ...]
    removed: tuple[Removal, ...]
    notes: tuple[str, ...]
    text: str | None


class ReleaseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the release list: ``state`` is live, previous, candidate or refused."""

    id: str
    parent: str | None
    created: str
    state: str
    documents: int
    chunks: int
    evaluation: str | None
    reason: str


class ShownRelease(Manifest, frozen=True, kw_only=True):
    """A release with every time a person let it through against the gate, and its ``CHANGES.md`` if it has one."""

    overrides: tuple[Override, ...] = ()
    changes: str | None = None


class ReleaseList(msgspec.Struct, frozen=True):
    """The releases of a collection, newest first, and which is live."""

    live: str | None
    releases: tuple[ReleaseEntry, ...]


def show_release(environment: Environment, manifest: Manifest) -> ShownRelease:
    """A release as ``ragpress releases show`` shows it."""
    overrides = environment.releases(manifest.collection).overrides(manifest)
    changes = read_changes(environment, manifest.id)
    return ShownRelease(**msgspec.structs.asdict(manifest), overrides=overrides, changes=changes)


def list_documents(release: OpenRelease, chosen: DocumentFilter) -> DocumentList:
    """The documents of a release.

    Raises:
        UsageError: the state asked for does not exist.
    """
    if chosen.state is not None and chosen.state not in STATES:
        raise UsageError(f"There is no state {chosen.state!r}; expected one of: {', '.join(STATES)}.")
    rows = (row for row in to_rows(release.documents) if _is_chosen(row, chosen))
    return DocumentList(release.manifest.id, tuple(_entry(row) for row in rows))


def describe_document(release: OpenRelease, document: str, with_text: bool) -> DocumentDetail:
    """One document in detail.

    Raises:
        ReleaseError: the release does not have it.
    """
    row = release.document(document)
    stored: dict[str, Any] = {"text": None, "removed": "[]", "notes": "[]"}
    if row.segment in release.segments:
        stored = version_rows(release.segments[row.segment], row).to_pylist()[0]
    return DocumentDetail(
        entry=_entry(row),
        media_type=row.media_type,
        parser=row.parser,
        language=row.language,
        pages=row.pages,
        size=row.size,
        characters=row.characters,
        metadata=msgspec.json.decode(row.metadata, type=dict[str, str]),
        marks=row.all_marks,
        removed=msgspec.json.decode(stored["removed"], type=tuple[Removal, ...]),
        notes=msgspec.json.decode(stored["notes"], type=tuple[str, ...]),
        text=stored["text"] if with_text else None,
    )


def list_releases(releases: Releases) -> ReleaseList:
    """The releases of a collection."""
    found = releases.pointer()
    live = None if found is None else found[0].release
    history = () if found is None else found[0].history
    entries = (_release_entry(manifest, live, history) for manifest in releases.list())
    return ReleaseList(live, tuple(entries))


def quarantine(
    environment: Environment, collection: str, document: str, reason: str, by: str | None = None
) -> RepairNote:
    """Record a person's quarantine of a document.

    Args:
        environment: the outside.
        collection: the collection.
        document: a document id or a source.
        reason: why; people will read it.
        by: who does it; None takes the user who runs this process.

    Raises:
        UsageError: nothing is live yet.
        ReleaseError: the live release has no such document.
    """
    row = writing.live_document(environment, collection, document)
    repair = Quarantine(
        collection=collection,
        source=row.source,
        reason=reason,
        by=by or repairs.person(),
        at=environment.now().isoformat(timespec="seconds"),
    )
    root = environment.workspace.root
    path = repairs.save(root, repair)
    writing.give_way(root, repair)
    return RepairNote(row.source, path.relative_to(root).as_posix(), "quarantined", writing.NEXT)


def restore(environment: Environment, collection: str, document: str) -> RepairNote:
    """Take a person's quarantine back, or have a document used that an audit took out.

    Raises:
        UsageError: nothing took the document out that can be taken back or overridden.
    """
    return writing.restore(environment, collection, document)


def _is_chosen(row: DocumentRow, chosen: DocumentFilter) -> bool:
    if chosen.marked and not row.all_marks:
        return False
    return row.state != "deleted" if chosen.state is None else row.state == chosen.state


def _entry(row: DocumentRow) -> DocumentEntry:
    marks = row.all_marks
    return DocumentEntry(
        document_id=row.document_id,
        source=row.source,
        state=row.state,
        reason=row.reason or " ".join(mark.reason for mark in marks),
        version=row.version.hex() if row.version else None,
        chunks=row.chunks,
        updated=row.updated,
        title=row.title,
        marks=tuple(mark.audit for mark in marks),
    )


def _release_entry(manifest: Manifest, live: str | None, history: tuple[str, ...]) -> ReleaseEntry:
    if manifest.id == live:
        state = "live"
    elif manifest.id in history:
        state = "previous"
    else:
        state = "candidate" if manifest.gate.lets_through else "refused"
    return ReleaseEntry(
        id=manifest.id,
        parent=manifest.parent,
        created=manifest.created,
        state=state,
        documents=manifest.counts.documents,
        chunks=manifest.counts.chunks,
        evaluation=manifest.evaluation,
        reason=manifest.reason,
    )
