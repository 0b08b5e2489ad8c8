"""The middle of a run: changed documents become rows in the index builder, sealed as the work goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from index.build import IndexBuilder
from index.derive import Derived, Deriver, Refusal, WorkItem
from index.documents import NO_SEGMENT, DocumentRow
from index.embedding import ChunkEmbedder
from index.environment import Environment
from index.relations import Similarities
from index.report import StepCount
from index.rows import NewRows, RunStamp, chunk_table, new_rows, refused_row, version_table
from index.start import REPAIR_STEP, IngestRequest, Start, id_of
from ingest.memo import Memo, VectorMemo

_EMBED_CHUNKS = 1024


class Processor:
    """Takes the plan of a run through the steps and into an index builder.

    Args:
        request: what was asked for.
        environment: the outside.
        start: what is known and planned.
        stamp: run id, time and fingerprints.
        scratch: folder for unfinished files.

    Attributes:
        rows: document rows that differ from the live release, by document id.
        dropped: chunk rows of the live release that were deleted.
        added: chunk rows that were added.
        run_id: id of the run.
        vectors: the memo of vectors.
        embedder: embeds chunk texts and counts them.
        dimension: length of a vector.
        builder: the candidate's index.
    """

    def __init__(
        self, request: IngestRequest, environment: Environment, start: Start, stamp: RunStamp, scratch: Path
    ) -> None:
        self.rows: dict[str, DocumentRow] = {}
        self.dropped = 0
        self.added = 0
        self._request = request
        self._environment = environment
        self._start = start
        self._stamp = stamp
        self.run_id = stamp.run
        embedder = environment.embedders.load(start.settings.embed)
        self._memo = Memo(environment.store, "steps")
        self.vectors = VectorMemo(environment.store, start.fingerprints.embed, embedder.dimension)
        self.embedder = ChunkEmbedder(embedder, self.vectors)
        limit = environment.embedders.identify(start.settings.embed).limit
        self._deriver = Deriver(
            start.settings,
            start.fingerprints,
            self._memo,
            (embedder.tokens, limit),
            (start.repairs, start.earlier),
        )
        base = start.parent if start.same_embedder else None
        self.dimension = embedder.dimension
        self.builder = IndexBuilder(
            environment.store, scratch, start.settings.index, embedder.dimension, base, start.last_segment
        )
        self._waiting: list[NewRows] = []
        self._unsealed = 0
        self._flush_chunks = min(_EMBED_CHUNKS, start.settings.index.seal_chunks)

    @property
    def steps(self) -> dict[str, StepCount]:
        """How often each step was computed and reused."""
        return {**self._deriver.steps, "embed": self.embedder.count}

    def run(self) -> None:
        """Process everything that the plan names."""
        items = planned_items(self._request, self._start)
        parents = self._start.rows(_touched(self._request, self._start, items))
        self._environment.progress.documents(len(items))
        self._remove(parents)
        self._withdraw(parents)
        for refused in self._start.scan.refused:
            item = WorkItem(id_of(self._request, refused.source), refused.source, b"", b"", 0)
            self._refuse(Refusal(item, b"", "scan", refused.reason), parents.get(item.document_id))
        self.process(items, parents)
        if not self._start.same_embedder and self._start.parent is not None:
            self._carry_over()

    def process(self, items: Iterable[WorkItem], parents: dict[str, DocumentRow]) -> None:
        """Derive some documents and put them into the builder."""
        for result in self._deriver.derive(items):
            parent = parents.get(result.item.document_id)
            if isinstance(result, Refusal):
                self._refuse(result, parent)
            else:
                self._accept(result, parent)
            self._environment.progress.document(result.item.source)
            if sum(len(rows.texts) for rows in self._waiting) >= self._flush_chunks:
                self._flush()
        self._flush()
        self.seal()

    def similarities(self, table: pa.Table) -> Similarities:
        """Exact similarities between the documents of a table (schema ``index.documents.SCHEMA``)."""
        versions = dict(zip(table["document_id"].to_pylist(), table["version"].to_pylist(), strict=True))
        sources = dict(zip(table["document_id"].to_pylist(), table["source"].to_pylist(), strict=True))

        def text_of(name: str) -> str | None:
            version = versions[name]
            return None if version is None else self._deriver.recall_text(version, sources[name])

        return Similarities(self._memo, text_of)

    def drop(self, row: DocumentRow) -> None:
        """Delete the chunk rows of a document."""
        self.dropped += self.builder.drop(row)

    def _accept(self, derived: Derived, parent: DocumentRow | None) -> None:
        rows = new_rows(derived, self._start.settings.chunk, self._stamp_of(derived.item.source))
        if parent is not None and parent.chunks:
            if self._start.same_embedder and parent.indexed == rows.document.indexed:
                self.embedder.count.reused += parent.chunks
                place = {"segment": parent.segment, "first_row": parent.first_row, "updated": parent.updated}
                self._put(msgspec.structs.replace(rows.document, relations=parent.relations, **place), parent)
                return
            self._drop_parent(parent)
        self._waiting.append(rows)

    def _refuse(self, refusal: Refusal, parent: DocumentRow | None) -> None:
        row = refused_row(refusal, parent, self._stamp_of(refusal.item.source).pipeline)
        if parent is not None and not row.chunks:
            self._drop_parent(parent)
        self._put(row, parent)

    def _stamp_of(self, source: str) -> RunStamp:
        """The run's stamp with the fingerprint of the pipeline for one document."""
        pipeline = self._start.repairs.of(source).derived(self._stamp.pipeline)
        return msgspec.structs.replace(self._stamp, pipeline=pipeline)

    def _drop_parent(self, parent: DocumentRow) -> None:
        if self._start.same_embedder:
            self.drop(parent)
        else:
            self.dropped += parent.chunks

    def _put(self, row: DocumentRow, parent: DocumentRow | None) -> None:
        if row != parent:
            self.rows[row.document_id] = row

    def _remove(self, parents: dict[str, DocumentRow]) -> None:
        for name, reason in _removals(self._start):
            parent = parents[name]
            self._drop_parent(parent)
            self._put(gone(parent, "deleted", "", reason), parent)

    def _withdraw(self, parents: dict[str, DocumentRow]) -> None:
        for repair in self._start.withdrawn:
            name = id_of(self._request, repair.source)
            parent = parents.get(name)
            before = parent or DocumentRow.unknown(name, repair.source)
            if parent is not None and parent.chunks:
                self._drop_parent(parent)
            row = gone(before, repair.state, REPAIR_STEP, repair.reason)
            self._put(row, parent)

    def _flush(self) -> None:
        group, self._waiting = self._waiting, []
        if not group:
            return
        texts = [text for rows in group for text in rows.texts]
        matrix = self.embedder.embed(texts, [key for rows in group for key in rows.keys])
        self._environment.progress.chunks(len(texts))
        chunks, versions = chunk_table(group), version_table(group, self._stamp.run)
        for row in self.builder.add([rows.document for rows in group], chunks, versions, matrix):
            self.rows[row.document_id] = row
        self.added += len(texts)
        self._unsealed += len(texts)
        if self._unsealed >= self._start.settings.index.seal_chunks:
            self.seal()

    def seal(self) -> None:
        """Make all step results so far durable."""
        self.vectors.seal()
        self._memo.seal()
        self._unsealed = 0

    def _carry_over(self) -> None:
        """Last good versions whose bytes are gone move to the new embedder from their stored chunks."""
        from index.carry import carry_over  # noqa: PLC0415 - rare

        for row in carry_over(self._start, self.rows, self.builder, self.embedder):
            self.rows[row.document_id] = row


def gone(row: DocumentRow, state: str, step: str, reason: str) -> DocumentRow:
    """The row of a document without any chunk rows."""
    return msgspec.structs.replace(
        row,
        state=state,
        step=step,
        reason=reason,
        version=None,
        indexed=None,
        derived="",
        segment=NO_SEGMENT,
        first_row=0,
        chunks=0,
        facts=None,
        marks="[]",
        relations="[]",
    )


def planned_items(request: IngestRequest, start: Start, table: pa.Table | None = None) -> list[WorkItem]:
    """Documents to derive, by source: those of a table of files, or else those the plan names."""
    if table is None:
        plan = start.plan
        table = pa.concat_tables([plan.added, plan.changed, plan.moved, plan.reprocess])
    columns = (table.sort_by("source")[name].to_pylist() for name in ("source", "path", "sha256", "size"))
    rows = zip(*columns, strict=True)
    return [WorkItem(id_of(request, source), source, path, sha256, size) for source, path, sha256, size in rows]


def _removals(start: Start) -> list[tuple[str, str]]:
    moved = start.plan.moved
    places = zip(moved["from_document_id"].to_pylist(), moved["source"].to_pylist(), strict=True)
    deleted = [(name, "Its source was removed.") for name in start.plan.deleted["document_id"].to_pylist()]
    return deleted + [(name, f"Its source was moved to {source}.") for name, source in places]


def _touched(request: IngestRequest, start: Start, items: Sequence[WorkItem]) -> set[str]:
    refused = {id_of(request, item.source) for item in start.scan.refused}
    withdrawn = {id_of(request, repair.source) for repair in start.withdrawn}
    return {item.document_id for item in items} | {name for name, _ in _removals(start)} | refused | withdrawn
