"""One ingestion run: lock, plan, process, index, gate, publish. Each stage is one call away.

A killed run leaves the live release untouched and its sealed step results in the memo; the next run
takes them up. A document's old version is replaced only by a release in which the new one is whole.
"""

from __future__ import annotations

import resource
import secrets
import time

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index import documents, gate
from index.assemble import FLAGGED, Draft, assemble
from index.changes import keep_changes
from index.derive import Deriver, Refusal
from index.environment import Environment
from index.process import Processor, planned_items
from index.release import GateRecord, Manifest, publish_reason
from index.report import ChunkCounts, IngestReport, Quarantined, RepairCounts, StepCount
from index.rows import RunStamp, new_rows
from index.start import IngestRequest, Start, begin, id_of
from ingest.memo import Memo, VectorMemo
from ragpress.storage import scratch

__all__ = ["IngestRequest", "ingest", "preview"]


def ingest(request: IngestRequest, environment: Environment) -> IngestReport:
    """Bring a collection up to date with its sources.

    Raises:
        WriterBusyError: another writer holds the collection.
        ConflictError: another release went live meanwhile.
        RagpressError: settings, sources, models or storage are at fault; the live release is unchanged.
    """
    clock = _Clock()
    with environment.store.writer(request.collection, request.wait):
        scratch.sweep(environment.scratch(request.collection), 0.0)
        start = begin(request, environment, remember=True)
        stamp = _stamp(start, environment)
        if nothing_to_do(start, request):
            return _unchanged(request, start, stamp, clock)
        with scratch.scratch_folder(environment.scratch(request.collection)) as folder:
            processor = Processor(request, environment, start, stamp, folder)
            processor.run()
            environment.progress.stage("index")
            draft = assemble(request, environment, start, processor, folder)
        if draft is None:
            return _unchanged(request, start, stamp, clock, processor)
        return _conclude(request, environment, start, draft, _Work(stamp, clock, processor))


def preview(request: IngestRequest, environment: Environment) -> IngestReport:
    """What :func:`ingest` would do, without a lock and without writing anything.

    Changed documents are parsed and cut in memory to count the texts that would be embedded.
    """
    clock = _Clock()
    start = begin(request, environment, remember=False)
    stamp = _stamp(start, environment)
    embedder = environment.embedders.load(start.settings.embed)
    limit = environment.embedders.identify(start.settings.embed).limit
    memo = Memo(environment.store, "steps")
    counting = (embedder.tokens, limit)
    deriver = Deriver(start.settings, start.fingerprints, memo, counting, (start.repairs, start.earlier))
    keys: list[bytes] = []
    refused = [
        Quarantined(id_of(request, item.source), item.source, "scan", item.reason) for item in start.scan.refused
    ]
    items = planned_items(request, start)
    environment.progress.documents(len(items))
    for result in deriver.derive(items):
        environment.progress.document(result.item.source)
        if isinstance(result, Refusal):
            refused.append(Quarantined(result.item.document_id, result.item.source, result.step, result.reason))
        else:
            keys += new_rows(result, start.settings.chunk, stamp).keys
    vectors = VectorMemo(environment.store, start.fingerprints.embed, embedder.dimension)
    _, known = vectors.get_many(keys)
    new = {key for key, found in zip(keys, known.tolist(), strict=True) if not found}
    live = 0 if start.parent is None else start.parent.manifest.counts.chunks
    return IngestReport(
        run=stamp.run,
        collection=request.collection,
        release=None if start.parent is None else start.parent.manifest.id,
        parent=None if start.parent is None else start.parent.manifest.id,
        published=False,
        plan=start.plan.counts(),
        chunks=ChunkCounts(total=live, embedded=len(new), reused=len(keys) - len(new), deleted=0),
        steps={**deriver.steps, "embed": StepCount(len(new), len(keys) - len(new))},
        quarantined=tuple(refused),
        repairs=_repairs(start, documents.empty()),
        seconds=clock.seconds(),
        cpu_seconds=clock.cpu_seconds(),
    )


def nothing_to_do(start: Start, request: IngestRequest) -> bool:
    """Whether the live release already is what the run would build."""
    if start.parent is None or request.compact or not start.plan.is_empty:
        return False
    return start.same_settings and start.same_repairs and start.still_withdrawn and not start.scan.refused


class _Clock:
    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._cpu = _cpu()

    def seconds(self) -> float:
        return round(time.monotonic() - self._wall, 3)

    def cpu_seconds(self) -> float:
        return round(_cpu() - self._cpu, 3)


class _Work(msgspec.Struct, frozen=True):
    stamp: RunStamp
    clock: _Clock
    processor: Processor


def _cpu() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _stamp(start: Start, environment: Environment) -> RunStamp:
    now = environment.now()
    run = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    iso = now.isoformat(timespec="seconds")
    return RunStamp(run=run, now=iso, pipeline=start.fingerprints.pipeline, embed=start.fingerprints.embed)


def _conclude(
    request: IngestRequest, environment: Environment, start: Start, draft: Draft, work: _Work
) -> IngestReport:
    environment.progress.stage("gate")
    candidate = environment.open(draft.manifest)
    expected = [*start.scan.files["source"].to_pylist(), *(item.source for item in start.scan.refused)]
    integrity = gate.check(candidate, start.table, expected)
    releases = environment.releases(request.collection)
    admission = gate.admit(environment, candidate, start.parent, integrity, request.override)
    manifest, record = admission.sealed(draft.manifest), admission.record
    releases.save(manifest)
    if not request.trial and not request.without:
        keep_changes(environment, manifest, candidate.documents, start.parent)
    published = request.publish and record.lets_through
    if published:
        environment.progress.stage("publish")
        releases.publish(manifest.id, publish_reason(manifest), start.token, environment.now())
    return _report(request, start, work, Outcome(manifest, candidate.documents, record, published, draft.compacted))


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended: the release it is about, its documents, the gate's word and whether it went live."""

    manifest: Manifest
    documents: pa.Table
    gate: GateRecord | None
    published: bool
    compacted: bool = False


def _unchanged(
    request: IngestRequest, start: Start, stamp: RunStamp, clock: _Clock, processor: Processor | None = None
) -> IngestReport:
    manifest = start.parent.manifest if start.parent else None
    table = documents.empty() if start.table is None else start.table
    reused = {name: StepCount(reused=start.plan.unchanged) for name in ("parse", "clean", "audit", "chunk", "embed")}
    total = 0 if manifest is None else manifest.counts.chunks
    return IngestReport(
        run=stamp.run,
        collection=request.collection,
        release=None if manifest is None else manifest.id,
        parent=None if manifest is None else manifest.id,
        published=False,
        plan=start.plan.counts(),
        chunks=ChunkCounts(total=total, embedded=0, reused=total, deleted=0),
        steps=reused if processor is None else _with_kept(processor.steps, start),
        quarantined=_quarantined(table),
        marked=_marked(table),
        repairs=_repairs(start, table),
        lexical_deleted_share=0.0 if manifest is None else manifest.counts.lexical_deleted_share,
        seconds=clock.seconds(),
        cpu_seconds=clock.cpu_seconds(),
    )


def _report(request: IngestRequest, start: Start, work: _Work, outcome: Outcome) -> IngestReport:
    manifest, processor = outcome.manifest, work.processor
    total, embedded = manifest.counts.chunks, processor.embedder.count.computed
    return IngestReport(
        run=work.stamp.run,
        collection=request.collection,
        release=manifest.id,
        parent=manifest.parent,
        published=outcome.published,
        plan=start.plan.counts(),
        chunks=ChunkCounts(total=total, embedded=embedded, reused=total - embedded, deleted=processor.dropped),
        steps=_with_kept(processor.steps, start),
        quarantined=_quarantined(outcome.documents),
        marked=_marked(outcome.documents),
        repairs=_repairs(start, outcome.documents),
        compacted=outcome.compacted,
        lexical_deleted_share=round(manifest.counts.lexical_deleted_share, 4),
        gate=None if outcome.gate is None else "overridden" if outcome.gate.override else outcome.gate.verdict,
        gate_reasons=() if outcome.gate is None else outcome.gate.reasons,
        gate_warnings=() if outcome.gate is None else outcome.gate.warnings,
        evaluation=manifest.evaluation,
        seconds=work.clock.seconds(),
        cpu_seconds=work.clock.cpu_seconds(),
    )


def _with_kept(steps: dict[str, StepCount], start: Start) -> dict[str, StepCount]:
    kept = start.plan.unchanged
    return {name: StepCount(count.computed, count.reused + kept) for name, count in steps.items()}


def _quarantined(table: pa.Table) -> tuple[Quarantined, ...]:
    rows = table.filter(pc.equal(table["state"], "quarantined")).select(["document_id", "source", "step", "reason"])
    return tuple(Quarantined(**row) for row in rows.to_pylist())


def _repairs(start: Start, table: pa.Table) -> RepairCounts:
    flagged = int(pc.sum(pc.match_substring(table["marks"], FLAGGED)).as_py() or 0)
    unsearched = set(table.filter(pc.equal(table["chunks"], 0))["source"].to_pylist()) if start.withdrawn else set()
    gone = {one.source for one in start.withdrawn}
    empty = (
        f"{one.source!r} is superseded by {one.newer!r}, of which nothing can be found: see why with documents show."
        for one in start.withdrawn
        if one.newer in unsearched - gone
    )
    return RepairCounts(len(start.repairs.ids), flagged, (*start.repairs.notes, *empty))


def _marked(table: pa.Table) -> int:
    found = pc.or_(pc.not_equal(table["marks"], "[]"), pc.not_equal(table["relations"], "[]"))
    return int(pc.sum(found).as_py() or 0)
