"""What a run has to do: the set difference between a scan and the document table of the parent release."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest.sources import Refused, SourceRoot
from ragpress.fingerprint import hexdigest

if TYPE_CHECKING:
    import duckdb

PARENT_SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("seen_version", pa.binary(32)),
        ("derived", pa.string()),
        ("state", pa.string()),
    ]
)
"""Columns read from the parent release, one row per source; it may have more.

``seen_version`` is the SHA-256 of the bytes seen last (null when they never could be read), ``derived``
the fingerprint of the pipeline that made it, ``state`` one of live, quarantined, superseded, deleted.
"""

CHANGE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("path", pa.binary()),
        ("size", pa.int64()),
        ("sha256", pa.binary(32)),
        ("document_id", pa.string()),
        ("from_source", pa.string()),
        ("from_document_id", pa.string()),
    ]
)
"""Columns of every table of a plan.

``path`` and ``size`` are null for a deleted document, and its ``sha256`` is that of the bytes seen
last. ``document_id`` is that of the parent's row for this source, null where it has none.
``from_source`` and ``from_document_id`` name the document that a moved one was.
"""

_FILE_COLUMNS = ["source", "path", "size", "sha256"]
_NO_CHANGES = CHANGE_SCHEMA.append(pa.field("kind", pa.string())).empty_table()
_KINDS = ("added", "changed", "moved", "deleted", "reprocess")

# "kept" stays as the parent has it: already deleted, outside the folders scanned, or refused just now.
_DIFFERENCE = """
WITH compared AS (
    SELECT coalesce(f.source, p.source) AS source, f.path, f.size, f.sha256, p.document_id, p.seen_version,
        CASE
            WHEN f.source IS NULL THEN CASE WHEN p.may_delete THEN 'deleted' ELSE 'kept' END
            WHEN p.source IS NULL OR p.state = 'deleted' THEN 'added'
            WHEN f.sha256 IS DISTINCT FROM p.seen_version THEN 'changed'
            WHEN p.derived IS DISTINCT FROM f.derived THEN 'reprocess'
            ELSE 'unchanged'
        END AS kind
    FROM files f FULL OUTER JOIN parent p ON f.source = p.source
), gone AS (
    SELECT source, document_id, seen_version,
        row_number() OVER (PARTITION BY seen_version ORDER BY source) AS turn
    FROM compared WHERE kind = 'deleted'
), come AS (
    SELECT source, sha256, row_number() OVER (PARTITION BY sha256 ORDER BY source) AS turn
    FROM compared WHERE kind = 'added'
), moved AS (
    SELECT come.source, gone.source AS from_source, gone.document_id AS from_document_id
    FROM come JOIN gone ON come.sha256 = gone.seen_version AND come.turn = gone.turn
)
SELECT c.source, c.path, c.size, coalesce(c.sha256, c.seen_version) AS sha256, c.document_id,
    m.from_source, m.from_document_id, CASE WHEN m.source IS NULL THEN c.kind ELSE 'moved' END AS kind
FROM compared c LEFT JOIN moved m ON c.source = m.source
WHERE c.kind NOT IN ('kept', 'unchanged')
    AND NOT (c.kind = 'deleted' AND c.source IN (SELECT from_source FROM moved))
ORDER BY c.source
"""

_CONNECTION: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Scope(msgspec.Struct, frozen=True):
    """What a scan can say something about.

    Attributes:
        roots: aliases of the folders that were walked; only a document below one of them can be found
            deleted. "." covers every source, also of folders that are no longer read.
        derived: fingerprint of the pipeline as it is now.
        overrides: the same of single documents that have another one, by source: those with repairs.
        refused: what the scan could not read; the documents it stands for stay as they are.
    """

    roots: tuple[str, ...]
    derived: str
    refused: tuple[Refused, ...] = ()
    overrides: Mapping[str, str] = {}


class Plan(msgspec.Struct, frozen=True):
    """What a run has to do. Every table is sorted by source (as bytes) and has :data:`CHANGE_SCHEMA`.

    Attributes:
        added: sources that the parent does not have (or has as deleted).
        changed: sources with other bytes than were seen last.
        moved: added sources that hold the bytes of one that is gone; each gone one is used once.
        deleted: sources that are gone and moved nowhere.
        reprocess: sources with the same bytes that another pipeline made.
        unchanged: number of sources with nothing to do.
        refused: what the scan could not read, by source.
        newly_refused: those of them that the parent does not know in any state but deleted.
    """

    added: pa.Table
    changed: pa.Table
    moved: pa.Table
    deleted: pa.Table
    reprocess: pa.Table
    unchanged: int
    refused: tuple[Refused, ...]
    newly_refused: tuple[Refused, ...]

    @property
    def is_empty(self) -> bool:
        """Whether a release made by this plan would be the parent."""
        return not self.newly_refused and not any(len(getattr(self, kind)) for kind in _KINDS)

    def counts(self) -> dict[str, int]:
        """Number of documents of each kind, named as in the JSON output of ``ingest``."""
        counts = {kind: len(getattr(self, kind)) for kind in _KINDS}
        return {**counts, "unchanged": self.unchanged, "quarantined": len(self.refused)}


def document_id(collection: str, source: str) -> str:
    """The stable id of the document that a source of a collection holds: "d" and 24 hexadecimal characters."""
    return "d" + hexdigest("document", collection, source)[:24]


def make_plan(files: pa.Table, parent: pa.Table | None, scope: Scope) -> Plan:
    """Compare a scan with the parent release.

    Args:
        files: the files of a scan: source, path, size and sha256 at least, sources unique.
        parent: the parent release's documents (:data:`PARENT_SCHEMA`), sources unique; None for the
            first release. Sorted by source it costs least when nothing changed.
        scope: what the scan covers and could not read.
    """
    known = PARENT_SCHEMA.empty_table() if parent is None else parent.select(PARENT_SCHEMA.names)
    wanted = files.select(_FILE_COLUMNS).append_column("derived", _derived(files["source"], scope))
    changes = _NO_CHANGES if _is_same(wanted, known) else _difference(wanted, known, scope)
    kinds = changes["kind"]
    tables = {kind: _as_changes(changes.filter(pc.equal(kinds, kind))) for kind in _KINDS}
    read = sum(len(table) for kind, table in tables.items() if kind != "deleted")
    refused = tuple(sorted(scope.refused, key=lambda item: item.source))
    return Plan(**tables, unchanged=len(files) - read, refused=refused, newly_refused=_newly_refused(refused, known))


def _derived(sources: pa.ChunkedArray, scope: Scope) -> pa.Array:
    """The fingerprint that each source's document has when it is up to date."""
    if not scope.overrides:
        return pa.repeat(pa.scalar(scope.derived), len(sources))
    return pa.array([scope.overrides.get(source, scope.derived) for source in sources.to_pylist()], pa.string())


def _is_same(files: pa.Table, parent: pa.Table) -> bool:
    """Whether the tables match row by row: the run that finds nothing to do then needs no database."""
    return (
        files["source"].equals(parent["source"])
        and files["sha256"].equals(parent["seen_version"])
        and pc.all(pc.equal(parent["derived"], files["derived"]), skip_nulls=False).as_py() is True
        and pc.all(pc.not_equal(parent["state"], "deleted"), skip_nulls=False).as_py() is True
    )


def _difference(files: pa.Table, parent: pa.Table, scope: Scope) -> pa.Table:
    # A cursor is a connection of its own: its tables are seen by no other thread, and end with it.
    with _database().cursor() as connection:
        connection.register("files", files)
        connection.register("parent", parent.append_column("may_delete", _may_delete(parent, scope)))
        return connection.sql(_DIFFERENCE).to_arrow_table()


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    # Opening one costs more CPU than planning 10,000 documents in it, so one serves the process.
    import duckdb  # noqa: PLC0415 - document ids are made in places that need no database

    return duckdb.connect(":memory:", config=_CONNECTION)


def _may_delete(parent: pa.Table, scope: Scope) -> pa.ChunkedArray:
    """Whether the absence of a parent's source from the scan means that it was deleted."""
    sources = parent["source"]
    roots = [SourceRoot(alias=alias, path="") for alias in scope.roots]
    covered = _under(sources, [root.alias for root in roots], [root.prefix for root in roots])
    folders = [item.prefix for item in scope.refused if item.folder]
    held = _under(sources, [item.source for item in scope.refused], folders)
    return pc.and_(pc.not_equal(parent["state"], "deleted"), pc.and_not(covered, held))


def _under(sources: pa.ChunkedArray, exact: list[str], prefixes: list[str]) -> pa.ChunkedArray:
    result = pc.is_in(sources, value_set=pa.array(exact, pa.string()))
    for prefix in prefixes:
        result = pc.or_(result, pc.starts_with(sources, prefix))
    return result


def _as_changes(rows: pa.Table) -> pa.Table:
    return rows.select(CHANGE_SCHEMA.names).cast(CHANGE_SCHEMA).combine_chunks()


def _newly_refused(refused: tuple[Refused, ...], parent: pa.Table) -> tuple[Refused, ...]:
    if not refused:
        return ()
    present = parent.filter(pc.not_equal(parent["state"], "deleted"))["source"]
    known = pc.is_in(pa.array([item.source for item in refused], pa.string()), value_set=present.combine_chunks())
    return tuple(item for item, is_known in zip(refused, known.to_pylist(), strict=True) if not is_known)
