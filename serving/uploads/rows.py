"""Rows of documents in a release, by id."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from index.documents import DocumentRow, to_rows
from index.environment import Environment


def rows_of(environment: Environment, collection: str, release: str | None, ids: set[str]) -> dict[str, DocumentRow]:
    """Rows of documents in a release, by id; none where the release is None.

    Raises:
        ReleaseError: there is no such release any more.
        StorageError: it cannot be read.
    """
    if release is None:
        return {}
    table = environment.open(environment.releases(collection).get(release)).documents
    match = pc.is_in(table["document_id"], pa.array(sorted(ids), pa.string()))
    return {row.document_id: row for row in to_rows(table.filter(match))}
