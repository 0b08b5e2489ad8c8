"""An opened release: what a reader needs, each part checked and loaded when it is first used."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pyarrow as pa

from index.documents import DocumentRow, merge, read, to_rows
from index.lexical import LexicalIndex
from index.release import Manifest, check_out_lexical
from index.segment import CHUNK_SCHEMA, Segment
from ragpress.errors import ReleaseError
from ragpress.storage.integrity import foreign_reads
from ragpress.storage.store import Store


class OpenRelease:
    """A release, ready to read. It stays readable whatever is published meanwhile, and once it was
    loaded (:meth:`load`) can be searched also when it is collected.

    Args:
        store: where its files are.
        manifest: the release.
        checkouts: local folder for lexical indexes, one per release.
    """

    def __init__(self, store: Store, manifest: Manifest, checkouts: Path) -> None:
        self.manifest = manifest
        self.store = store
        self._checkouts = checkouts
        self.segments = {record.number: Segment(store, record) for record in manifest.segments}

    def load(self) -> None:
        """Open every file that a search reads.

        Raises:
            NotFoundError: one is gone, with a release that was collected.
            IntegrityError: one is damaged.
        """
        for segment in self.segments.values():
            segment.load()
        self.lexical  # noqa: B018 - opens it

    @cached_property
    def lexical(self) -> LexicalIndex:
        """The lexical index."""
        return LexicalIndex(check_out_lexical(self.store, self.manifest, self._checkouts))

    @cached_property
    def documents(self) -> pa.Table:
        """The document table, sorted by source; schema ``index.documents.SCHEMA``."""
        tables = []
        for file in self.manifest.documents:
            with foreign_reads(file):
                tables.append(read(self.store.fetch(file)))
        return merge(tables)

    def document(self, document_id: str) -> DocumentRow:
        """One document.

        Raises:
            ReleaseError: the release has none with this id or source.
        """
        import pyarrow.compute as pc  # noqa: PLC0415 - searching needs it not

        table = self.documents
        match = pc.or_(pc.equal(table["document_id"], document_id), pc.equal(table["source"], document_id))
        rows = to_rows(table.filter(match))
        if not rows:
            raise ReleaseError(
                f"Release {self.manifest.id} has no document {document_id!r}; give its id or its source path "
                "as `ragpress documents list` shows them."
            )
        return rows[0]

    def chunk_rows(self, row: DocumentRow) -> pa.Table:
        """The chunk rows of one document, in order; schema ``index.segment.CHUNK_SCHEMA``."""
        if row.segment not in self.segments:
            return CHUNK_SCHEMA.empty_table()
        return self.segments[row.segment].chunks.slice(row.first_row, row.chunks)
