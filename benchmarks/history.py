"""Incremental ingestion over a real edit history, compared with a fresh build of every step.

Usage: ``python -m benchmarks.history [--model hashing] [--steps 23] [--out FILE]``

One workspace follows the history (docs/en and docs/zh, 24 snapshots) by incremental runs. After each step
a second data directory gets a fresh build of the same files. They share nothing; only with a real model
the fresh build starts from a copy of the vectors embedded so far, because a vector is a pure function of
its text and embedding everything 24 times would take hours.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from benchmarks.snapshots import DATA, STEPS, Snapshots
from index.embedding import stored_texts
from index.environment import Environment, open_release
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from index.report import IngestReport
from index.start import begin
from ragpress.settings import ChunkSettings
from ragpress.storage import open_store
from ragpress.wiring import open_environment
from retrieval.opening import open_searcher
from retrieval.search import Hit

OVERLAP_GOAL = 0.99
QUERIES = 25
CANARIES = 20
TOP = 10
# The clock runs ahead of the files, so that a scan takes them for settled at once.
_AHEAD = timedelta(seconds=10)
_SENTENCE = re.compile(r"[^.!?\n。！？]{24,160}[.!?。！？]")
_HAN = re.compile("[\u4e00-\u9fff]")


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one step showed.

    Attributes:
        step: its number.
        documents: documents of the release.
        plan: numbers of changed files by kind.
        chunks: chunks of the release.
        paragraphs_new: blank-line blocks that their file did not have before: the least to embed again.
        texts_new: chunk texts of a fresh build that no earlier step had.
        embedded: texts that the incremental run embedded.
        same_content: whether both builds hold the same documents, versions and chunks.
        overlap: share of the fresh build's top ten that the incremental release finds, mean over the queries.
        overlap_least: the least over the queries.
        in_order: queries with the very same top ten in the same order, before compaction.
        lexical_deleted_share: share of BM25's statistics that deleted rows make up.
        compacted: whether the run compacted by itself.
        compact_same: queries with the same top ten in the same order after ``--compact``.
        queries: number of queries.
        stale: hits that hold deleted text, of all queries and canaries.
        canaries: sentences that only the step before had, each asked for.
        quiet: what a run without changes did though it should not.
        cpu: CPU-seconds of the incremental run.
        fresh_cpu: CPU-seconds of the fresh build.
    """

    step: int
    documents: int
    plan: dict[str, int]
    chunks: int
    paragraphs_new: int
    texts_new: int
    embedded: int
    same_content: bool
    overlap: float
    overlap_least: float
    in_order: int
    lexical_deleted_share: float
    compacted: bool
    compact_same: int
    queries: int
    stale: int
    canaries: int
    quiet: tuple[str, ...]
    cpu: float
    fresh_cpu: float

    def missed(self) -> list[str]:
        """Goals that this step misses, in words."""
        missed = [f"a run without changes {what}" for what in self.quiet]
        if round(self.overlap, 6) < OVERLAP_GOAL:
            missed.append(f"overlap before compaction is {self.overlap:.4f}, goal {OVERLAP_GOAL}")
        if self.compact_same < self.queries:
            missed.append(f"{self.queries - self.compact_same} queries differ from the fresh build after compaction")
        if self.stale:
            missed.append(f"{self.stale} hits hold deleted text")
        if self.embedded != self.texts_new:
            missed.append(f"{self.embedded} texts were embedded, {self.texts_new} are new")
        if not self.same_content:
            missed.append("the content differs from the fresh build's")
        return [f"step {self.step}: {text}" for text in missed]


class EndResult(msgspec.Struct, frozen=True):
    """What small changes at the end of the history cost.

    Attributes:
        counts: figures by name, for example documents re-chunked after a new cleaning rule.
        missed: goals that were missed, in words.
    """

    counts: dict[str, int]
    missed: tuple[str, ...]


class HistoryReport(msgspec.Struct, frozen=True):
    """The whole replay."""

    model: str
    steps: tuple[StepResult, ...]
    end: EndResult

    def missed(self) -> list[str]:
        """Every goal that was missed, in words."""
        return [text for step in self.steps for text in step.missed()] + list(self.end.missed)


def main() -> None:
    """Replay, print, and exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hashing")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps after the first snapshot")
    parser.add_argument("--exclude", default="", help="source pattern to leave out, for example release-notes.md")
    parser.add_argument("--settings", default="", help="more lines for ragpress.toml, for example '[index]'")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    if not DATA.exists():
        sys.exit(f"The edit history is not there: expected {DATA.relative_to(DATA.parents[2])} beside the repository.")
    console = Console(width=170)
    with tempfile.TemporaryDirectory() as folder:
        settings = f"[sources]\nfolders = ['docs']\nexclude = ['{options.exclude}']\n" if options.exclude else ""
        replay = Replay(Path(folder), options.model, settings + options.settings.replace("\\n", "\n"))
        steps = []
        for _ in range(options.steps + 1):
            steps.append(replay.step())
            console.print(_line(steps[-1]), highlight=False)
        report = HistoryReport(options.model, tuple(steps), replay.end())
    _print(console, report)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sys.exit(1 if report.missed() else 0)


class Replay:
    """A workspace that follows the history, and fresh builds beside it.

    Args:
        root: an existing empty folder.
        model: the embedder's name.
        settings: more lines for ragpress.toml.

    Attributes:
        snapshots: the source files.
    """

    def __init__(self, root: Path, model: str, settings: str = "") -> None:
        self.snapshots = Snapshots(root)
        self._root = root
        sources = "" if "[sources]" in settings else '[sources]\nfolders = ["docs"]\n'
        self._base = f'{sources}[embed]\nmodel = "{model}"\n{settings}\n'
        self._copies_vectors = model != "hashing"
        self._configure()
        self._embedded: set[str] = set()
        self._former: frozenset[str] = frozenset()

    def step(self) -> StepResult:
        """Apply the next step, run incrementally and fresh, and compare."""
        paragraphs = self.snapshots.advance()
        report = self.run("live")
        quiet = tuple(self._quiet())
        fresh_report = self._build_fresh()
        fresh = self.open("fresh")
        texts = alive_texts(fresh, self.environment("fresh").workspace.collection("default").chunk)
        new = texts.embedding - self._embedded
        self._embedded |= texts.embedding
        queries = make_queries(fresh, self.snapshots.number)
        canaries = make_canaries(self._former, texts.own)
        live = self.open("live")
        compact = self.open("live", self.run("live", compact=True, publish=False).release)
        wanted = self._search("fresh", fresh, queries)
        found = self._search("live", live, [*queries, *canaries])
        compacted = self._search("live", compact, [*queries, *canaries])
        overlaps = [overlap(one, other) for one, other in zip(wanted, found, strict=False)]
        self._former = texts.own
        return StepResult(
            step=self.snapshots.number,
            documents=live.manifest.counts.documents,
            plan=report.plan,
            chunks=report.chunks.total,
            paragraphs_new=paragraphs,
            texts_new=len(new),
            embedded=report.chunks.embedded,
            same_content=live.manifest.content == fresh.manifest.content == compact.manifest.content,
            overlap=sum(overlaps) / len(overlaps),
            overlap_least=min(overlaps),
            in_order=same_order(wanted, found),
            lexical_deleted_share=live.manifest.counts.lexical_deleted_share,
            compacted=report.compacted,
            compact_same=same_order(wanted, compacted),
            queries=len(queries),
            stale=stale_hits(found, canaries, texts.own) + stale_hits(compacted, canaries, texts.own),
            canaries=len(canaries),
            quiet=quiet,
            cpu=report.cpu_seconds,
            fresh_cpu=fresh_report.cpu_seconds,
        )

    def end(self) -> EndResult:
        """Small changes after the last step: touched and renamed files, other chunks, another cleaning rule."""
        counts: dict[str, int] = {}
        missed: list[str] = []
        self._touch(counts, missed)
        self._rename(counts, missed)
        self._chunk_size(counts, missed)
        self._cleaning_rule(counts, missed)
        return EndResult(counts, tuple(missed))

    def run(self, data: str, *, compact: bool = False, publish: bool = True) -> IngestReport:
        """Run the pipeline on one of the data directories."""
        return ingest(IngestRequest(compact=compact, publish=publish), self.environment(data))

    def open(self, data: str, release: str | None = None) -> OpenRelease:
        """Open a release of one of the data directories; the live one if left out."""
        return open_release(self.environment(data), "default", release)

    def environment(self, data: str) -> Environment:
        """The environment of the workspace with one of the data directories."""
        base = open_environment(self._root)
        folder = self._root / data
        store = open_store(str(folder), base.workspace.cache)
        return msgspec.structs.replace(base, store=store, local=folder, now=lambda: datetime.now(UTC) + _AHEAD)

    def _search(self, data: str, release: OpenRelease, queries: Sequence[str]) -> list[list[Hit]]:
        searcher = open_searcher(self.environment(data), release)
        return [searcher.search(query, TOP) for query in queries]

    def _configure(self, more: str = "") -> None:
        (self._root / "ragpress.toml").write_text(self._base + more, encoding="utf-8")

    def _build_fresh(self) -> IngestReport:
        folder = self._root / "fresh"
        shutil.rmtree(folder, ignore_errors=True)
        if self._copies_vectors:
            shutil.copytree(self._root / "live" / "memo" / "vectors", folder / "memo" / "vectors")
        return self.run("fresh")

    def _quiet(self) -> list[str]:
        """What a run without changes did that it should not."""
        before = self._listing()
        report = self.run("live")
        found = [f"computed {name}" for name, count in report.steps.items() if count.computed]
        if report.published or report.chunks.embedded:
            found.append("made a release")
        if self._listing() != before:
            found.append("wrote files")
        hashed = begin(IngestRequest(), self.environment("live"), remember=False).scan.hashed
        return found + ([f"read {hashed} files"] if hashed else [])

    def _listing(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file of the live data directory; the writer's lock is no data."""
        files = (path for path in (self._root / "live").rglob("*") if path.is_file() and not path.name.endswith("lock"))
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    def _touch(self, counts: dict[str, int], missed: list[str]) -> None:
        files = self.snapshots.files()
        for path in files:
            path.touch()
        release = self.open("live").manifest.id
        report = self.run("live")
        counts["touched files"] = len(files)
        if report.release != release or report.chunks.embedded or _computed(report):
            missed.append("touching every file computed something")

    def _rename(self, counts: dict[str, int], missed: list[str]) -> None:
        chosen = self.snapshots.files()[::50]
        for path in chosen:
            path.rename(path.with_stem(path.stem + "-moved"))
        report = self.run("live")
        counts["renamed files"] = report.plan["moved"]
        if report.plan["moved"] != len(chosen) or report.chunks.embedded or report.steps["parse"].computed:
            missed.append(f"renaming {len(chosen)} files embedded {report.chunks.embedded} texts: {report.steps}")

    def _chunk_size(self, counts: dict[str, int], missed: list[str]) -> None:
        self._configure("[chunk]\nmax_tokens = 200\n")
        report = self.run("live", publish=False)
        counts["cut again with another size"] = report.steps["chunk"].computed
        computed = {name: report.steps[name].computed for name in ("parse", "clean", "audit")}
        if any(computed.values()) or not report.steps["chunk"].computed:
            missed.append(f"another chunk size computed {computed}")

    def _cleaning_rule(self, counts: dict[str, int], missed: list[str]) -> None:
        """Drop lines that few documents have: only these may be cut again. A fresh build tells which they are."""
        before = set(version_texts(self.open("live")).values())
        self._configure("[clean]\ndrop_patterns = ['.*uvicorn main:app.*']\n")
        self._build_fresh()
        changed = set(version_texts(self.open("fresh")).values()) - before
        report = self.run("live", publish=False)
        counts["texts that a cleaning rule changes"] = len(changed)
        counts["cut again after it"] = report.steps["chunk"].computed
        if report.steps["parse"].computed or report.steps["chunk"].computed != len(changed) or not changed:
            missed.append(
                f"a cleaning rule that changes {len(changed)} texts parsed {report.steps['parse'].computed} and cut "
                f"{report.steps['chunk'].computed} documents again"
            )


class ReleaseTexts(msgspec.Struct, frozen=True):
    """Texts of a release's chunks: as they are cited, and as they are embedded (with their headings)."""

    own: frozenset[str]
    embedding: frozenset[str]


def alive_chunks(release: OpenRelease) -> pa.Table:
    """All chunk rows of a release that are not deleted."""
    return pa.concat_tables([part.chunks.filter(pa.array(part.alive)) for part in release.segments.values()])


def alive_texts(release: OpenRelease, settings: ChunkSettings) -> ReleaseTexts:
    """The texts of all chunk rows that are not deleted."""
    chunks = alive_chunks(release)
    return ReleaseTexts(frozenset(chunks["text"].to_pylist()), frozenset(stored_texts(chunks, settings)))


def version_texts(release: OpenRelease) -> dict[str, str]:
    """The text of every document of a release, by source."""
    names = release.documents.filter(pc.greater(release.documents["chunks"], 0))
    found = {}
    for part in release.segments.values():
        rows = zip(part.versions["document_id"].to_pylist(), part.versions["text"].to_pylist(), strict=True)
        found.update({(part.record.number, name): text for name, text in rows})
    columns = (names[name].to_pylist() for name in ("source", "segment", "document_id"))
    return {source: found[number, name] for source, number, name in zip(*columns, strict=True)}


def make_queries(release: OpenRelease, seed: int) -> list[str]:
    """25 English and 25 Chinese questions: headings and sentences of the release's own documents."""
    generator = random.Random(seed)
    chunks = alive_chunks(release).sort_by("chunk_id")
    columns = (chunks[name].to_pylist() for name in ("source", "heading", "text"))
    pools: dict[bool, list[str]] = {False: [], True: []}
    for source, heading, text in zip(*columns, strict=True):
        found = [*heading[-1:], *_SENTENCE.findall(text)[:1]]
        for query in found:
            chinese = _HAN.search(query) is not None
            if chinese == source.startswith("docs/zh/") and len(query) > (6 if chinese else 12):
                pools[chinese].append(" ".join(query.split()))
    return [query for pool in pools.values() for query in generator.sample(sorted(set(pool)), QUERIES)]


def make_canaries(former: frozenset[str], now: frozenset[str]) -> list[str]:
    """Sentences of the chunk texts of the step before that no chunk has now."""
    present = "\0".join(now)
    gone = sorted(former - now)
    random.Random(len(gone)).shuffle(gone)
    sentences = (sentence.strip() for text in gone for sentence in _SENTENCE.findall(text))
    return list(islice(dict.fromkeys(item for item in sentences if item not in present), CANARIES))


def overlap(wanted: Sequence[Hit], found: Sequence[Hit]) -> float:
    """Share of the wanted chunk texts that were found."""
    common = Counter(hit.text for hit in wanted) & Counter(hit.text for hit in found)
    return common.total() / len(wanted) if wanted else 1.0


def same_order(wanted: Sequence[Sequence[Hit]], found: Sequence[Sequence[Hit]]) -> int:
    """Number of queries with the same chunk texts in the same order."""
    pairs = zip(wanted, found, strict=False)
    return sum([hit.text for hit in one] == [hit.text for hit in other] for one, other in pairs)


def stale_hits(found: Sequence[Sequence[Hit]], canaries: Sequence[str], now: frozenset[str]) -> int:
    """Number of hits whose text a fresh build does not have, or that hold a deleted sentence."""
    return sum(hit.text not in now or any(canary in hit.text for canary in canaries) for hits in found for hit in hits)


def _computed(report: IngestReport) -> int:
    return sum(count.computed for count in report.steps.values())


def _line(step: StepResult) -> str:
    changes = " ".join(f"{name[:3]} {step.plan[name]}" for name in ("added", "changed", "moved", "deleted"))
    return (
        f"step {step.step:2d}: {step.documents} documents ({changes}), {step.chunks} chunks, "
        f"new texts {step.texts_new}, embedded {step.embedded}, paragraphs {step.paragraphs_new}; "
        f"overlap {step.overlap:.4f} (least {step.overlap_least:.1f}), deleted share {step.lexical_deleted_share:.3f}; "
        f"compacted {step.compact_same}/{step.queries} equal; {step.cpu:.2f} against {step.fresh_cpu:.2f} CPU-s"
    )


def _print(console: Console, report: HistoryReport) -> None:
    table = Table(title=f"FastAPI documentation, English and Chinese, {report.model}", box=None)
    names = ("step", "chunks", "new texts", "embedded", "overlap", "least", "in order", "deleted share")
    for name in (*names, "compacted run", "equal once compacted", "stale hits", "CPU-s", "fresh"):
        table.add_column(name, justify="right")
    for step in report.steps:
        counts = (step.step, step.chunks, step.texts_new, step.embedded)
        overlaps = (f"{step.overlap:.4f}", f"{step.overlap_least:.1f}", step.in_order)
        shares = (*overlaps, f"{step.lexical_deleted_share:.3f}")
        end = (step.compacted, f"{step.compact_same}/{step.queries}", f"{step.stale}/{step.canaries}")
        table.add_row(*map(str, (*counts, *shares, *end)), f"{step.cpu:.2f}", f"{step.fresh_cpu:.2f}")
    console.print(table)
    steps = report.steps
    console.print(
        f"overlap before compaction: mean {sum(step.overlap for step in steps) / len(steps):.4f}, "
        f"least step {min(step.overlap for step in steps):.4f} (goal {OVERLAP_GOAL}); "
        f"embedded {sum(step.embedded for step in steps)} of {sum(step.texts_new for step in steps)} new texts; "
        f"CPU-seconds {sum(step.cpu for step in steps):.1f} against {sum(step.fresh_cpu for step in steps):.1f} fresh"
    )
    console.print(", ".join(f"{name}: {count}" for name, count in report.end.counts.items()))
    console.print("\n".join(f"missed: {text}" for text in report.missed()) or "every goal is reached")


if __name__ == "__main__":
    main()
