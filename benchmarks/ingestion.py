"""What a whole ingest with a real model costs: ``python -m benchmarks.ingestion --model all-MiniLM-L6-v2``.

In one process of its own: CPU time (user and system, parser processes included) of a full ingest beyond imports,
and the part of it that is spent inside the embedder. Then, each from a cold process and imports included:
``ragpress search`` and an ingest without changes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY.parent / "shared" / "data" / "docs_history_fastapi" / "base.tar.xz"
SAMPLE = REPOSITORY / "examples" / "sample"
COLD_RUNS = 5
SHARE_GOAL = 0.95
COLD_GOAL = 1.5
_QUERY = "how do I declare a request body"


class IngestionReport(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        model: the model's name.
        documents: documents ingested.
        chunks: chunks embedded.
        cpu_seconds: CPU time of the ingest beyond imports and the model's export.
        model_seconds: CPU time of this spent inside the embedder.
        share: the second over the first.
        chunks_per_cpu_second: chunks over the CPU time of the whole ingest.
        cold_search_seconds: CPU time of one ``ragpress search`` from a cold process, median.
        cold_no_change_seconds: CPU time of one ``ragpress ingest`` without changes, median.
    """

    model: str
    documents: int
    chunks: int
    cpu_seconds: float
    model_seconds: float
    share: float
    chunks_per_cpu_second: float
    cold_search_seconds: float
    cold_no_change_seconds: float


def main() -> None:
    """Measure, print, and exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--files", type=int, default=80, help="source files to ingest")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(_measure(options.child)))
        return
    with tempfile.TemporaryDirectory() as folder:
        report = _run(Path(folder), options.model, options.files)
    _print(report)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sys.exit(0 if report.share >= SHARE_GOAL and report.cold_search_seconds <= COLD_GOAL else 1)


def _run(folder: Path, model: str, files: int) -> IngestionReport:
    _write_sources(folder / "docs", files)
    settings = f'[sources]\nfolders = ["docs"]\n[embed]\nmodel = "{model}"\n'
    (folder / "ragpress.toml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.ingestion", "--child", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    search = ["search", _QUERY, "--json"]
    return IngestionReport(
        model=model,
        documents=found["documents"],
        chunks=found["chunks"],
        cpu_seconds=found["cpu"],
        model_seconds=found["model"],
        share=found["model"] / found["cpu"],
        chunks_per_cpu_second=found["chunks"] / found["cpu"],
        cold_search_seconds=_cold(folder, search),
        cold_no_change_seconds=_cold(folder, ["ingest", "--json"]),
    )


def _write_sources(target: Path, files: int) -> None:
    if not DATA.exists():
        Console().print(f"[yellow]The shared data is not there: using {SAMPLE.relative_to(REPOSITORY)}.[/yellow]")
        target.symlink_to(SAMPLE)
        return
    target.mkdir()
    with tarfile.open(DATA) as archive:
        members = [item for item in archive.getmembers() if item.isfile() and item.name.startswith("docs/en/")]
        for number, member in enumerate(sorted(members, key=lambda item: item.name)[:files]):
            stream = archive.extractfile(member)
            assert stream is not None
            (target / f"{number:03d}-{Path(member.name).name}").write_bytes(stream.read())


def _measure(folder: Path) -> dict[str, float]:
    """The ingest itself, in a process that has imported everything and exported the model before."""
    for name in ("duckdb", "faiss", "tantivy", "pyarrow.compute", "pyarrow.parquet"):
        importlib.import_module(name)
    from index.pipeline import IngestRequest, ingest
    from ragpress.types import Float32Matrix
    from ragpress.wiring import open_environment

    environment = open_environment(folder)
    embedder = environment.embedders.load(environment.workspace.collection("default").embed)
    embedder.embed_passages(["warm"])
    embedder.tokens.token_starts("warm")
    inside = 0.0
    embed = embedder.embed_passages

    def timed(texts: list[str]) -> Float32Matrix:
        nonlocal inside
        before = time.process_time()
        matrix = embed(texts)
        inside += time.process_time() - before
        return matrix

    embedder.embed_passages = timed  # type: ignore[method-assign] # the measured object is this very one
    before = _cpu()
    report = ingest(IngestRequest(), environment)
    cpu = _cpu() - before
    return {"cpu": cpu, "model": inside, "chunks": report.chunks.embedded, "documents": report.plan["added"]}


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _cold(folder: Path, arguments: list[str]) -> float:
    command = [sys.executable, "-m", "ragpress", "-w", str(folder), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    seconds = []
    for _ in range(COLD_RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(seconds)


def _print(report: IngestionReport) -> None:
    table = Table(title=f"Ingest with {report.model}", box=None)
    table.add_column("measure")
    table.add_column("value", justify="right")
    rows = {
        "documents, chunks": f"{report.documents}, {report.chunks}",
        "CPU-seconds of the ingest": f"{report.cpu_seconds:.2f}",
        f"share inside the model (goal {SHARE_GOAL:.0%})": f"{report.share:.1%}",
        "chunks per CPU-second, whole ingest": f"{report.chunks_per_cpu_second:.1f}",
        f"cold search, CPU-seconds (goal {COLD_GOAL})": f"{report.cold_search_seconds:.2f}",
        "cold ingest without changes, CPU-seconds": f"{report.cold_no_change_seconds:.2f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table)


if __name__ == "__main__":
    main()
