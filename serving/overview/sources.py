"""Documents and releases as the dashboard needs them, each read once."""

from __future__ import annotations

import contextlib
import threading

import pyarrow as pa
import pyarrow.compute as pc

from index import documents
from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.release import Manifest, read_manifest, stored_releases
from ragpress.errors import NotFoundError, ReleaseError, StorageError
from serving.overview.records import QuarantinedDocument


class ReleaseShelf:
    """The releases of a workspace; they never change, so each is read once. Any thread may use it.

    Args:
        environment: the workspace.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._manifests: dict[str, Manifest | None] = {}
        self._documents: dict[str, tuple[str, pa.Table]] = {}
        self._lock = threading.Lock()

    def manifests(self, collection: str) -> list[Manifest]:
        """All releases of a collection that can be read, newest first.

        Raises:
            StorageError: the store cannot be read.
        """
        with self._lock:
            stored = stored_releases(self._environment.store)
            self._manifests = {name: self._manifests.get(name) or self._read(name) for name in stored}
            own = [one for one in self._manifests.values() if one is not None and one.collection == collection]
        return sorted(own, key=lambda one: (one.number, one.created, one.id), reverse=True)

    def documents(self, manifest: Manifest | None) -> pa.Table:
        """The document table of a release; empty for None. Of each collection the last one asked for is kept.

        Raises:
            StorageError: it cannot be read.
        """
        if manifest is None:
            return documents.empty()
        with self._lock:
            kept = self._documents.get(manifest.collection)
            if kept is None or kept[0] != manifest.id:
                kept = manifest.id, self._environment.open(manifest).documents
                self._documents[manifest.collection] = kept
            return kept[1]

    def _read(self, name: str) -> Manifest | None:
        # A damaged one is told of where it matters: as the live release, and by the doctor.
        with contextlib.suppress(NotFoundError, ReleaseError, StorageError):
            return read_manifest(self._environment.store, name)
        return None


def quarantined(table: pa.Table, by_person: frozenset[str], limit: int) -> tuple[list[QuarantinedDocument], int]:
    """Documents that are quarantined, by source, and how many there are.

    Args:
        table: schema ``index.documents.SCHEMA``.
        by_person: sources that a person's repair takes out.
        limit: the most to give.
    """
    found = table.filter(pc.equal(table["state"], "quarantined"))
    rows = to_rows(found.slice(0, limit))
    return [_quarantined(row, by_person) for row in rows], len(found)


def _quarantined(row: DocumentRow, by_person: frozenset[str]) -> QuarantinedDocument:
    return QuarantinedDocument(
        document_id=row.document_id,
        source=row.source,
        title=row.title,
        step=row.step,
        reason=row.reason,
        answers_from_older=row.chunks > 0,
        by_person=row.source in by_person,
    )
