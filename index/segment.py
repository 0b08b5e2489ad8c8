"""A segment: an immutable slice of the index, in four files.

- ``chunks.arrow``: one row per chunk, uncompressed, memory-mapped by readers.
- ``versions.parquet``: one row per document version: its text, elements and what cleaning removed.
- ``vectors.faiss``: row i is the vector of chunk row i.
- ``deleted.bits``: rows that later releases deleted, one bit each (only named by those releases).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from index.vectors import VectorIndex, write_index
from ragpress.storage.integrity import foreign_reads
from ragpress.storage.store import Store, StoredFile
from ragpress.types import Float32Matrix

CHUNKS = "chunks.arrow"
VERSIONS = "versions.parquet"
VECTORS = "vectors.faiss"

CHUNK_SCHEMA = pa.schema(
    [
        ("chunk_id", pa.string()),
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("title", pa.string()),
        ("version", pa.binary(32)),
        ("ordinal", pa.int32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("page", pa.int32()),
        ("heading", pa.list_(pa.string())),
        ("kind", pa.string()),
        ("tokens", pa.int32()),
        ("text", pa.string()),
        ("text_key", pa.binary(16)),
    ]
)

VERSION_SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("version", pa.binary(32)),
        ("run", pa.string()),
        ("text", pa.large_string()),
        ("elements", pa.string()),
        ("removed", pa.string()),
        ("notes", pa.string()),
    ]
)


class SegmentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as a manifest names it.

    Attributes:
        number: unique within the collection's history; rows are addressed as (number, row).
        rows: chunk rows, deleted ones included.
        deleted_rows: how many of them this release deleted.
        dimension: length of a vector.
        kind: structure of the vector index.
        files: its files, by name.
        deleted: the bitmap of deleted rows, or None.
    """

    number: int
    rows: int
    deleted_rows: int = 0
    dimension: int
    kind: str
    files: tuple[StoredFile, ...]
    deleted: StoredFile | None = None

    def file(self, name: str) -> StoredFile:
        """One of its files by its short name, for example ``chunks.arrow``."""
        return next(file for file in self.files if file.name.endswith("/" + name))


class SegmentWriter:
    """Writes one segment into a scratch folder, piece by piece, and moves it into the store.

    Args:
        folder: an existing, empty scratch folder.
        number: the segment's number.
        dimension: length of a vector.
    """

    def __init__(self, folder: Path, number: int, dimension: int) -> None:
        self.number = number
        self.rows = 0
        self._folder = folder
        self._dimension = dimension
        self._chunks = pa.ipc.new_file(str(folder / CHUNKS), CHUNK_SCHEMA)
        self._versions = pq.ParquetWriter(folder / VERSIONS, VERSION_SCHEMA, compression="zstd")
        self._vectors = (folder / "vectors.raw").open("wb")

    def add(self, chunks: pa.Table, versions: pa.Table, matrix: Float32Matrix) -> None:
        """Append chunk rows, their versions and vectors of shape (len(chunks), dimension)."""
        if matrix.shape != (len(chunks), self._dimension):
            raise ValueError(f"expected {len(chunks)} x {self._dimension} vectors, found {matrix.shape}")
        if len(chunks):
            self._chunks.write_table(chunks.combine_chunks())
            self._vectors.write(np.ascontiguousarray(matrix, np.float32).tobytes())
        if len(versions):
            self._versions.write_table(versions)
        self.rows += len(chunks)

    def finish(self, store: Store, exact_rows: int) -> SegmentRecord:
        """Close the files, build the vector index and move everything into the store."""
        self._chunks.close()
        self._versions.close()
        self._vectors.close()
        raw = self._folder / "vectors.raw"
        shape = (self.rows, self._dimension)
        matrix: Float32Matrix = (
            np.memmap(raw, np.float32, "r", shape=shape) if self.rows else np.empty(shape, np.float32)
        )
        kind = write_index(matrix, self._folder / VECTORS, exact_rows)
        del matrix
        raw.unlink()
        prefix = f"segments/{self.number}"
        files = tuple(store.put_file(f"{prefix}/{name}", self._folder / name) for name in (CHUNKS, VERSIONS, VECTORS))
        return SegmentRecord(number=self.number, rows=self.rows, dimension=self._dimension, kind=kind, files=files)


class Segment:
    """An opened segment. Files are checked and opened when they are first used.

    Args:
        store: where its files are.
        record: what the manifest says of it.
    """

    def __init__(self, store: Store, record: SegmentRecord) -> None:
        self.record = record
        self._store = store

    def load(self) -> None:
        """Open every file that a search reads."""
        self.chunks, self.vectors, self.alive  # noqa: B018 - opens them

    @cached_property
    def chunks(self) -> pa.Table:
        """All chunk rows, memory-mapped, deleted ones included."""
        file = self.record.file(CHUNKS)
        with foreign_reads(file):
            return pa.ipc.open_file(pa.memory_map(str(self._store.fetch(file)))).read_all()

    @cached_property
    def vectors(self) -> VectorIndex:
        """The vector index."""
        file = self.record.file(VECTORS)
        with foreign_reads(file):
            return VectorIndex(self._store.fetch(file), self.record.rows, self.record.dimension)

    @cached_property
    def versions(self) -> pa.Table:
        """The document versions whose chunks are here."""
        file = self.record.file(VERSIONS)
        with foreign_reads(file):
            return pq.read_table(self._store.fetch(file), use_threads=False)

    @cached_property
    def version_positions(self) -> dict[str, int]:
        """Row of each document in :attr:`versions`."""
        return {name: row for row, name in enumerate(self.versions["document_id"].to_pylist())}

    @cached_property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Mask of shape (rows,): rows that are not deleted."""
        if self.record.deleted is None:
            return np.ones(self.record.rows, np.bool_)
        with foreign_reads(self.record.deleted):
            bits = np.frombuffer(self._store.fetch(self.record.deleted).read_bytes(), np.uint8)
        alive: npt.NDArray[np.bool_] = np.unpackbits(bits, count=self.record.rows, bitorder="little") == 0
        return alive

    def search(
        self, query: npt.NDArray[np.float32], depth: int, mask: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """The nearest rows that may be found: cosines (descending) and rows, both of shape (found,).

        Args:
            query: float32 of shape (dimension,), length 1.
            depth: the most rows to return.
            mask: bool of shape (rows,): rows that may be found, deleted ones excluded; None for all not deleted.
        """
        allowed = self.alive if mask is None and self.record.deleted_rows else mask
        return self.vectors.search(query, depth, allowed)


def mark_deleted(
    store: Store, record: SegmentRecord, alive: npt.NDArray[np.bool_], ranges: Iterable[tuple[int, int]]
) -> SegmentRecord:
    """A record of the same segment with more rows deleted.

    Args:
        store: where the new bitmap goes.
        record: the segment so far.
        alive: bool of shape (rows,): rows alive so far.
        ranges: (first row, number of rows) to delete.
    """
    mask = alive.copy()
    for first, count in ranges:
        mask[first : first + count] = False
    bits = np.packbits(~mask, bitorder="little").tobytes()
    stored = store.put_bytes(f"segments/{record.number}/deleted.bits", bits)
    return msgspec.structs.replace(record, deleted=stored, deleted_rows=int((~mask).sum()))
