"""Moving stored chunks to another embedder, for documents whose bytes cannot be read any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import pyarrow.compute as pc

from index.build import IndexBuilder, version_rows
from index.documents import DocumentRow, to_rows
from index.embedding import ChunkEmbedder
from index.start import Start
from ragpress.fingerprint import digest


def carry_over(
    start: Start, rows: Mapping[str, DocumentRow], builder: IndexBuilder, embedder: ChunkEmbedder
) -> Iterator[DocumentRow]:
    """Embed again what a run with a new embedder keeps from the live release.

    Args:
        start: the run's start; it has a live release.
        rows: rows that the run has made so far; those that still point into the live release are kept versions.
        builder: where the chunks go.
        embedder: the new embedder.

    Yields:
        The kept documents' rows, placed anew.
    """
    parent, table = start.parent, start.table
    if parent is None or table is None:
        return
    old = {record.number for record in parent.manifest.segments}
    searchable = {row.document_id: row for row in to_rows(table.filter(pc.greater(table["chunks"], 0)))}
    for name, before in searchable.items():
        row = rows.get(name, before)
        if not row.chunks or row.segment not in old:
            continue
        chunks = parent.chunk_rows(row)
        matrix = embedder.embed_rows(chunks, start.settings.chunk)
        versions = version_rows(parent.segments[row.segment], row)
        updated = msgspec.structs.replace(row, indexed=digest("carried", start.fingerprints.embed, row.indexed))
        yield from builder.add([updated], chunks, versions, matrix)
