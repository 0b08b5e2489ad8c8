"""The document table of a release: one row per document, kept as a base file and small deltas.

A release names a list of Parquet files; of the rows of one document the last file's row counts. So an
update writes only the rows it changes, and the whole state of a collection is one SQL query away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ragpress.storage import disk
from ragpress.types import AuditMark

NO_SEGMENT = -1
MAX_DELTAS = 8

SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("state", pa.string()),
        ("step", pa.string()),
        ("reason", pa.string()),
        ("version", pa.binary(32)),
        ("seen_version", pa.binary(32)),
        ("derived", pa.string()),
        ("indexed", pa.binary(16)),
        ("segment", pa.int32()),
        ("first_row", pa.int64()),
        ("chunks", pa.int32()),
        ("media_type", pa.string()),
        ("parser", pa.string()),
        ("title", pa.string()),
        ("language", pa.string()),
        ("pages", pa.int32()),
        ("size", pa.int64()),
        ("characters", pa.int64()),
        ("metadata", pa.string()),
        ("marks", pa.string()),
        ("relations", pa.string()),
        ("facts", pa.binary()),
        ("updated", pa.string()),
    ]
)


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One document as a release knows it.

    Attributes:
        document_id: stable id from the collection and the source path.
        source: source path.
        state: ``live``, ``quarantined``, ``superseded`` or ``deleted``.
        step: the step that quarantined it, or "".
        reason: why it is not live, in words.
        version: SHA-256 (32 bytes) of the bytes that are searchable now; None when none ever were.
        seen_version: SHA-256 of the bytes seen last; differs from ``version`` while a bad update is quarantined.
        derived: fingerprint of the pipeline that last looked at it.
        indexed: digest (16 bytes) of what its chunk rows hold; None when it has none.
        segment: number of the segment with its chunk rows, -1 for none.
        first_row: first chunk row there.
        chunks: number of its chunk rows.
        media_type: for example ``text/markdown``.
        parser: parser and version.
        title: its title.
        language: ISO code.
        pages: number of pages, or None.
        size: bytes of the version seen last.
        characters: code points of its text.
        metadata: its own metadata as JSON.
        marks: its own audit marks as JSON.
        relations: audit marks that depend on other documents, as JSON.
        facts: what the audits across documents compare, packed.
        updated: ISO time (UTC) of the run that made its version live.
    """

    document_id: str
    source: str
    state: str
    step: str = ""
    reason: str = ""
    version: bytes | None = None
    seen_version: bytes | None = None
    derived: str = ""
    indexed: bytes | None = None
    segment: int = NO_SEGMENT
    first_row: int = 0
    chunks: int = 0
    media_type: str = ""
    parser: str = ""
    title: str = ""
    language: str = ""
    pages: int | None = None
    size: int = 0
    characters: int = 0
    metadata: str = "{}"
    marks: str = "[]"
    relations: str = "[]"
    facts: bytes | None = None
    updated: str = ""

    @classmethod
    def unknown(cls, document_id: str, source: str) -> DocumentRow:
        """The row of a document of which no version was ever searchable."""
        return cls(document_id=document_id, source=source, state="quarantined")

    @property
    def all_marks(self) -> tuple[AuditMark, ...]:
        """Its own marks and those that depend on other documents."""
        own = msgspec.json.decode(self.marks, type=tuple[AuditMark, ...])
        return own + msgspec.json.decode(self.relations, type=tuple[AuditMark, ...])


def to_table(rows: Sequence[DocumentRow]) -> pa.Table:
    """Rows as an Arrow table of :data:`SCHEMA`."""
    columns = [pa.array([getattr(row, field.name) for row in rows], field.type) for field in SCHEMA]
    return pa.table(columns, schema=SCHEMA)


def to_rows(table: pa.Table) -> list[DocumentRow]:
    """An Arrow table of :data:`SCHEMA` as rows."""
    return [DocumentRow(**row) for row in table.to_pylist()]


def empty() -> pa.Table:
    """A table without rows."""
    return SCHEMA.empty_table()


def merge(tables: Sequence[pa.Table]) -> pa.Table:
    """The last row of every document, sorted by source.

    Args:
        tables: base first, then deltas in the order they were written.
    """
    joined = pa.concat_tables(tables) if tables else empty()
    if len(tables) > 1:
        position = pa.array(range(len(joined)), pa.int64())
        keys = pa.table([joined["document_id"], position], names=["document_id", "position"])
        last = keys.group_by("document_id").aggregate([("position", "max")])["position_max"]
        joined = joined.take(last)
    return joined.sort_by([("source", "ascending"), ("document_id", "ascending")])


def write(table: pa.Table, path: Path) -> None:
    """Write one base or delta file."""
    columns = ["state", "step", "derived", "media_type", "parser"]
    with disk.foreign_writes(path):
        pq.write_table(table, path, compression="zstd", use_dictionary=columns)


def read(path: Path) -> pa.Table:
    """Read one base or delta file."""
    return pq.read_table(path, schema=SCHEMA, use_threads=False)
