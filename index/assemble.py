"""The end of a run before the gate: relations between documents, compaction, document table, manifest."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index import documents
from index.build import Built, IndexBuilder, compact
from index.documents import MAX_DELTAS, DocumentRow, to_rows, to_table
from index.environment import Environment
from index.process import Processor, planned_items
from index.relations import relate_documents
from index.release import Counts, GateRecord, Manifest, release_id
from index.start import IngestRequest, Start
from ragpress.fingerprint import hexdigest
from ragpress.settings import EmbedSettings, RetrievalSettings
from ragpress.storage.store import StoredFile

FLAGGED = '_stale"'
"""What the names of the marks end with that say of a repair that it was not applied, as marks are stored."""

_REWRITE_SHARE = 0.25


class Draft(msgspec.Struct, frozen=True):
    """A candidate that the gate has not seen yet.

    Attributes:
        manifest: its manifest, with an empty gate record.
        compacted: whether its index was compacted.
    """

    manifest: Manifest
    compacted: bool


def assemble(
    request: IngestRequest, environment: Environment, start: Start, processor: Processor, folder: Path
) -> Draft | None:
    """Turn a processed run into a candidate.

    Returns:
        The candidate, or None when it would be the live release again.
    """
    _relate(request, start, processor)
    if not processor.rows and start.same_settings and start.same_repairs and not request.compact:
        return None
    built = processor.builder.finish()
    table = _merged(start, processor.rows)
    delta: pa.Table | None = to_table(sorted(processor.rows.values(), key=lambda row: row.source))
    compacted = request.compact or _wants_compaction(start, built)
    if compacted:
        built, table = _compact(environment, start, processor, built, table, folder)
        delta = None
    files = _write_documents(environment, start, table, delta, folder)
    manifest = _manifest(request, start, built, table, files)
    number = environment.releases(request.collection).next_number()
    stamped = msgspec.structs.replace(
        manifest,
        number=number,
        created=environment.now().isoformat(timespec="seconds"),
        run=processor.run_id,
        id=release_id(number, processor.run_id, manifest.files()),
    )
    return Draft(stamped, compacted)


def _relate(request: IngestRequest, start: Start, processor: Processor) -> None:
    table = _merged(start, processor.rows)
    changes = relate_documents(table, start.settings.audit, processor.similarities(table), start.repairs.held)
    processor.seal()
    for row in changes.drop:
        processor.drop(row)
    for row in changes.rows:
        processor.rows[row.document_id] = row
    if not changes.revive:
        return
    files = start.files
    parents = {name: processor.rows[name] for name in changes.revive}
    wanted = pa.array([row.source for row in parents.values()], pa.string())
    present = files.filter(pc.is_in(files["source"], wanted)).select(["source", "path", "sha256", "size"])
    processor.process(planned_items(request, start, present), parents)
    for name, before in parents.items():
        row = processor.rows[name]
        processor.rows[name] = msgspec.structs.replace(row, relations=before.relations)


def _merged(start: Start, rows: dict[str, DocumentRow]) -> pa.Table:
    base = [] if start.table is None else [start.table]
    return documents.merge([*base, to_table(list(rows.values()))])


def _wants_compaction(start: Start, built: Built) -> bool:
    settings = start.settings.index
    share = max(built.deleted_share, built.lexical_deleted_share)
    return share > settings.compact_deleted or len(built.segments) > settings.compact_segments


def _compact(
    environment: Environment, start: Start, processor: Processor, built: Built, table: pa.Table, folder: Path
) -> tuple[Built, pa.Table]:
    draft = environment.open(_unnamed(built))
    room = folder / "compact"
    room.mkdir()
    after = max((record.number for record in built.segments), default=start.last_segment)
    settings = start.settings.index
    builder = IndexBuilder(environment.store, room, settings, processor.dimension, None, after)
    embed = partial(processor.embedder.embed_rows, settings=start.settings.chunk)
    placed = compact(draft, to_rows(table), builder, embed)
    return builder.finish(), documents.merge([to_table(placed)])


def _unnamed(built: Built) -> Manifest:
    return Manifest(
        id="",
        collection="",
        number=0,
        parent=None,
        created="",
        run="",
        reason="",
        roots=(),
        steps={},
        embed=EmbedSettings(),
        retrieval=RetrievalSettings(),
        segments=built.segments,
        lexical=built.lexical,
        documents=(),
        content="",
        counts=Counts(0, 0, 0, 0, 0.0),
        gate=GateRecord("pass", ()),
    )


def _write_documents(
    environment: Environment, start: Start, table: pa.Table, delta: pa.Table | None, folder: Path
) -> tuple[StoredFile, ...]:
    """The base and deltas of the document table: a delta while they are few and small, else a new base."""
    known = () if start.parent is None or delta is None else start.parent.manifest.documents
    small = delta is not None and len(delta) <= max(64, len(table) * _REWRITE_SHARE)
    path = folder / "documents.parquet"
    if known and small and len(known) <= MAX_DELTAS:
        documents.write(delta, path)
        return (*known, environment.store.put_file(f"documents/{len(known)}.parquet", path))
    documents.write(table, path)
    return (environment.store.put_file("documents/0.parquet", path),)


def _manifest(
    request: IngestRequest, start: Start, built: Built, table: pa.Table, files: tuple[StoredFile, ...]
) -> Manifest:
    fingerprints = start.fingerprints
    return msgspec.structs.replace(
        _unnamed(built),
        collection=request.collection,
        parent=start.live,
        reason=describe(start, request),
        roots=start.roots,
        steps={name: getattr(fingerprints, name) for name in ("parse", "clean", "audit", "chunk", "embed")},
        embed=start.settings.embed,
        retrieval=start.settings.retrieval,
        answering=start.answering,
        repairs=start.repairs.ids,
        documents=files,
        content=content_digest(table),
        counts=count(table, built),
    )


def describe(start: Start, request: IngestRequest) -> str:
    """Why the candidate was built, in words."""
    counts = start.plan.counts()
    named = [f"{counts[kind]} {kind}" for kind in ("added", "changed", "moved", "deleted") if counts[kind]]
    if counts["reprocess"]:
        named.append(f"{counts['reprocess']} processed again (settings or repairs changed)")
    if request.compact:
        named.append("compacted")
    if request.rebuild:
        named.append("rebuilt from the sources")
    return ", ".join(named) or "settings, repairs or quarantines changed"


def count(table: pa.Table, built: Built) -> Counts:
    """Sizes of a candidate."""
    live = table.filter(pc.greater(table["chunks"], 0))
    return Counts(
        documents=len(live),
        chunks=int(pc.sum(live["chunks"]).as_py() or 0),
        quarantined=int(pc.sum(pc.equal(table["state"], "quarantined")).as_py() or 0),
        deleted_rows=sum(record.deleted_rows for record in built.segments),
        flagged=int(pc.sum(pc.match_substring(table["marks"], FLAGGED)).as_py() or 0),
        lexical_deleted_share=built.lexical_deleted_share,
    )


def content_digest(table: pa.Table) -> str:
    """Digest of what can be found: documents, versions and chunk contents, however the index is laid out."""
    live = table.filter(pc.greater(table["chunks"], 0)).sort_by([("source", "ascending")])
    parts = [live[name].to_pylist() for name in ("document_id", "source")]
    versions = [value or b"" for name in ("version", "indexed") for value in live[name].to_pylist()]
    hasher = hashlib.sha256()
    for value in versions:
        hasher.update(value)
    return hexdigest("content", parts[0], parts[1], hasher.digest())
