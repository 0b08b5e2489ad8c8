"""Building a candidate: new rows are added, replaced rows are marked deleted, nothing is rewritten.

The cost of an update follows the change. Compaction copies the live rows, in source order, into a new
segment and a new lexical index: the same files a fresh build makes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import pyarrow as pa

from index import lexical
from index.documents import NO_SEGMENT, DocumentRow
from index.opened import OpenRelease
from index.segment import Segment, SegmentRecord, SegmentWriter, mark_deleted
from ragpress.settings import IndexSettings
from ragpress.storage import disk
from ragpress.storage.store import Store, StoredFile
from ragpress.types import Float32Matrix

_COMPACT_DOCUMENTS = 256
EmbedRows: TypeAlias = Callable[[pa.Table], Float32Matrix]


class Built(msgspec.Struct, frozen=True):
    """The index files of a candidate.

    Attributes:
        segments: its segments, oldest first.
        lexical: files of its lexical index.
        lexical_deleted_share: share of the lexical statistics that deleted rows make up.
    """

    segments: tuple[SegmentRecord, ...]
    lexical: tuple[StoredFile, ...]
    lexical_deleted_share: float

    @property
    def deleted_share(self) -> float:
        """Share of the stored chunk rows that are deleted."""
        rows = sum(record.rows for record in self.segments)
        return sum(record.deleted_rows for record in self.segments) / rows if rows else 0.0


class IndexBuilder:
    """Adds rows to, and deletes rows from, the index of a base release.

    Args:
        store: where finished files go.
        scratch: an existing empty folder for unfinished ones.
        settings: index settings.
        dimension: length of a vector.
        base: the release to start from, or None to start empty.
        after: the highest segment number in use so far; new segments are numbered from there.
    """

    def __init__(
        self, store: Store, scratch: Path, settings: IndexSettings, dimension: int, base: OpenRelease | None, after: int
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._settings = settings
        self._dimension = dimension
        self._base = base
        self._number = after
        self._finished: list[SegmentRecord] = []
        self._writer: SegmentWriter | None = None
        self._dropped: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._known = {} if base is None else {Path(file.name).name: file for file in base.manifest.lexical}
        self._lexical_folder = scratch / "lexical"
        self._lexical: lexical.LexicalWriter | None = None

    def drop(self, row: DocumentRow) -> int:
        """Delete the chunk rows of a document of the base release, or of one added before; returns how many."""
        if row.segment == NO_SEGMENT or not row.chunks:
            return 0
        self._dropped[row.segment].append((row.first_row, row.chunks))
        with disk.foreign_writes(self._scratch):
            self._lexical_writer().delete([lexical.owner(row.document_id, row.segment)])
        return row.chunks

    def add(
        self, rows: Sequence[DocumentRow], chunks: pa.Table, versions: pa.Table, matrix: Float32Matrix
    ) -> list[DocumentRow]:
        """Append documents.

        Args:
            rows: document rows; ``chunks`` says how many chunk rows each has.
            chunks: their chunk rows, in the documents' order.
            versions: their version rows.
            matrix: float32 of shape (len(chunks), dimension).

        Returns:
            The document rows, placed.

        Raises:
            StorageError: the disk is full or refuses.
        """
        with disk.foreign_writes(self._scratch):
            writer = self._segment_writer(len(chunks))
            first = writer.rows
            writer.add(chunks, versions, matrix)
            self._lexical_writer().add(_lexical_rows(chunks, writer.number, first))
        placed = []
        for row in rows:
            placed.append(msgspec.structs.replace(row, segment=writer.number, first_row=first))
            first += row.chunks
        return placed

    def finish(self) -> Built:
        """Close everything and move it into the store.

        Raises:
            StorageError: the disk is full or refuses.
        """
        with disk.foreign_writes(self._scratch):
            return self._finish()

    def _finish(self) -> Built:
        self._close_segment()
        segments = [*self._remaining(), *(self._with_drops(record) for record in self._finished)]
        if self._lexical is None and self._base is not None:
            share = self._base.manifest.counts.lexical_deleted_share
            return Built(tuple(segments), self._base.manifest.lexical, share)
        writer = self._lexical_writer()
        writer.finish()
        share = lexical.deleted_share(self._lexical_folder)
        return Built(tuple(segments), tuple(self._store_lexical(path) for path in writer.files()), share)

    def _segment_writer(self, coming: int) -> SegmentWriter:
        if self._writer is not None and self._writer.rows + coming > self._settings.segment_rows:
            self._close_segment()
        if self._writer is None:
            self._number += 1
            folder = self._scratch / f"segment-{self._number}"
            folder.mkdir()
            self._writer = SegmentWriter(folder, self._number, self._dimension)
        return self._writer

    def _close_segment(self) -> None:
        if self._writer is not None:
            self._finished.append(self._writer.finish(self._store, self._settings.exact_rows))
            self._writer = None

    def _remaining(self) -> Iterator[SegmentRecord]:
        if self._base is None:
            return
        for number, segment in self._base.segments.items():
            ranges = self._dropped.get(number)
            record = segment.record
            if ranges:
                record = mark_deleted(self._store, record, segment.alive, ranges)
            if record.deleted_rows < record.rows:
                yield record

    def _with_drops(self, record: SegmentRecord) -> SegmentRecord:
        ranges = self._dropped.get(record.number)
        return mark_deleted(self._store, record, np.ones(record.rows, np.bool_), ranges) if ranges else record

    def _lexical_writer(self) -> lexical.LexicalWriter:
        if self._lexical is None:
            self._lexical_folder.mkdir()
            for name, file in self._known.items():
                self._seed(file, self._lexical_folder / name)
            self._lexical = lexical.LexicalWriter(self._lexical_folder)
        return self._lexical

    def _seed(self, file: StoredFile, target: Path) -> None:
        path = self._store.fetch(file)
        if target.suffix == ".json":
            target.write_bytes(path.read_bytes())
        else:
            disk.link_or_copy(path, target)

    def _store_lexical(self, path: Path) -> StoredFile:
        known = self._known.get(path.name)
        if known is not None and path.suffix != ".json":
            return known
        return self._store.put_file(f"lexical/{path.name}", path)


def compact(
    base: OpenRelease, rows: Sequence[DocumentRow], builder: IndexBuilder, embed: EmbedRows
) -> list[DocumentRow]:
    """Copy the live rows of a release into an empty builder, in source order.

    Args:
        base: the release (or candidate) to copy from.
        rows: its document rows, sorted by source.
        builder: an empty builder.
        embed: exact vectors of chunk rows, for segments whose index holds them quantised.

    Returns:
        The document rows, placed anew.
    """
    placed: list[DocumentRow] = []
    rest = iter(rows)
    while group := list(islice(rest, _COMPACT_DOCUMENTS)):
        live = [row for row in group if row.chunks]
        moved = iter(_copy(base, live, builder, embed) if live else [])
        placed += [next(moved) if row.chunks else row for row in group]
    return placed


def _copy(base: OpenRelease, rows: Sequence[DocumentRow], builder: IndexBuilder, embed: EmbedRows) -> list[DocumentRow]:
    chunks = pa.concat_tables([base.chunk_rows(row) for row in rows])
    versions = pa.concat_tables([version_rows(base.segments[row.segment], row) for row in rows])
    matrix = np.concatenate([_vectors(base.segments[row.segment], row, embed) for row in rows])
    return builder.add(rows, chunks, versions, matrix)


def version_rows(segment: Segment, row: DocumentRow) -> pa.Table:
    """The version row of one document in its segment (a table of one row)."""
    return segment.versions.slice(segment.version_positions[row.document_id], 1)


def _vectors(segment: Segment, row: DocumentRow, embed: EmbedRows) -> Float32Matrix:
    positions = np.arange(row.first_row, row.first_row + row.chunks, dtype=np.int64)
    matrix = segment.vectors.reconstruct(positions)
    return embed(segment.chunks.slice(row.first_row, row.chunks)) if matrix is None else matrix


def _lexical_rows(chunks: pa.Table, segment: int, first: int) -> Iterator[lexical.LexicalRow]:
    columns = (chunks[name].to_pylist() for name in ("document_id", "title", "heading", "text", "source"))
    for offset, (document, title, heading, text, source) in enumerate(zip(*columns, strict=True)):
        path = " ".join([title, *(part for part in heading if part != title)])
        yield lexical.LexicalRow(lexical.owner(document, segment), segment, first + offset, path, text, source)
