"""What the pipeline costs without the model: own CPU-seconds of builds, no-change runs and small edits.

Usage: ``python -m benchmarks.pipeline_cost [--files 1000] [--also 10000] [--profile] [--out FILE]``

Every run is a fresh process that runs the real pipeline with ``model = "hashing"`` on made-up Markdown
(``benchmarks.corpus``). CPU-seconds are user and system time of the process and of its parser workers
(getrusage), *beyond imports*: the process imports every module that such a run uses before the clock
starts; a worker's imports are measured in processes that do nothing else, and their median is taken off
once per worker that a run started. Loading dictionaries or starting threads is no import and counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import Writer, edit, write_corpus

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = '[sources]\nfolders = ["docs"]\n[embed]\nmodel = "hashing"\n'
GOALS = {"full build": 4.0, "no change": 0.15, "1 % edit": 0.3}
GROWTH_GOAL = 11.0
EDIT_SHARE = 0.01
# Time stamps younger than the kernel's tick make a scan hash again (ingest.stat_cache).
_SETTLE_SECONDS = 0.1
_IMPORT_RUNS = 7
_MODULES = "import sys, ingest.parse.worker as w; from ragpress.settings import ParseSettings; "
_PARSE = "w.parse_bytes(b'# One\\n\\nText and \\xe4\\xb8\\xad.\\n', 'a.md', ParseSettings()); "


class Run(msgspec.Struct, frozen=True):
    """One measured run.

    Attributes:
        cpu: CPU-seconds beyond the process's own imports, workers' imports included.
        workers: parser workers that it started.
        chunks: chunks of the release.
        embedded: texts that were embedded.
        parsed: documents that were parsed.
        wall: seconds.
        peak_mib: peak memory of the process.
    """

    cpu: float
    workers: int
    chunks: int
    embedded: int
    parsed: int
    wall: float
    peak_mib: float


class Cost(msgspec.Struct, frozen=True):
    """The median of several runs of one kind.

    Attributes:
        kind: what was done.
        cpu: CPU-seconds beyond all imports, median.
        low: least of the runs.
        high: most of the runs.
        workers: parser workers started by one run.
        run: the last run, for its counts.
    """

    kind: str
    cpu: float
    low: float
    high: float
    workers: int
    run: Run


class Size(msgspec.Struct, frozen=True):
    """All kinds of runs over one number of files."""

    files: int
    megabytes: float
    costs: tuple[Cost, ...]

    def cpu(self, kind: str) -> float:
        """CPU-seconds of one kind of run."""
        return next(cost.cpu for cost in self.costs if cost.kind == kind)


class CostReport(msgspec.Struct, frozen=True):
    """Everything that was measured.

    Attributes:
        worker_import_cpu: CPU-seconds of one parser worker's start and imports, median.
        sizes: by number of files, smallest first.
        missed: goals that were missed, in words.
    """

    worker_import_cpu: float
    sizes: tuple[Size, ...]
    missed: tuple[str, ...]


def main() -> None:
    """Measure, print, and exit with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--also", type=int, default=0, help="measure a second number of files and the growth")
    parser.add_argument("--runs", type=int, default=5, help="runs of each kind; medians are reported")
    parser.add_argument("--profile", action="store_true", help="print where a full build and an edit spend their time")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(msgspec.json.encode(_child(options.child, options.profile)).decode())
        return
    report = measure([options.files, *([options.also] if options.also else [])], options.runs)
    _print(report)
    if options.profile:
        _profile(options.files)
    if options.out is not None:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    sys.exit(1 if report.missed else 0)


def measure(sizes: list[int], runs: int) -> CostReport:
    """Measure every kind of run for each number of files."""
    with tempfile.TemporaryDirectory() as folder:
        imports = worker_import_cpu()
        found = []
        for files in sizes:
            bench = Bench(Path(folder) / str(files), files, imports)
            found.append(Size(files, bench.size / 1e6, tuple(bench.costs(runs))))
    return CostReport(imports, tuple(found), tuple(_missed(found)))


class Bench:
    """A workspace of made-up files, and the runs over it.

    Args:
        folder: where; must not exist.
        files: how many files.
        imports: CPU-seconds of one worker's imports.

    Attributes:
        size: bytes of all files.
    """

    def __init__(self, folder: Path, files: int, imports: float) -> None:
        self._folder = folder
        self._docs = folder / "docs"
        self._docs.mkdir(parents=True)
        (folder / "ragpress.toml").write_text(SETTINGS, encoding="utf-8")
        self.size = write_corpus(self._docs, files)
        self._imports = imports
        self._writer = Writer()
        self._builds = 0
        self._turn = 0
        self._modules = folder / "modules.json"

    def costs(self, runs: int) -> list[Cost]:
        """Measure every kind of run."""
        self.new_data()
        self.run()
        return [
            self._median("full build", runs, self.new_data),
            self._median("no change", runs, lambda: None),
            self._median("1 % edit", runs, self.edit),
            self._median("touch all", runs, self.touch),
            self._median("rename 1 %", runs, self.rename),
        ]

    def new_data(self) -> None:
        """Take an empty data directory."""
        self._builds += 1

    def edit(self) -> None:
        """Replace one paragraph in each of 1 % of the files."""
        for path in self._chosen():
            edit(path, self._writer.paragraph())

    def touch(self) -> None:
        """Give every file a new time."""
        for path in self._docs.rglob("*.md"):
            path.touch()

    def rename(self) -> None:
        """Give 1 % of the files new names."""
        for path in self._chosen():
            path.rename(path.with_stem(f"{path.stem}-moved"))

    def run(self, *, profile: bool = False) -> Run:
        """One run in a fresh process."""
        time.sleep(_SETTLE_SECONDS)
        arguments = ["--child", str(self._folder), *(["--profile"] if profile else [])]
        environment = {**os.environ, "RAGPRESS_DATA_DIR": str(self._folder / f"data-{self._builds}")}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.pipeline_cost", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        *shown, last = done.stdout.decode().splitlines()
        print("\n".join(shown), end="\n" if shown else "")
        return msgspec.json.decode(last, type=Run)

    def _median(self, kind: str, runs: int, before: Callable[[], None]) -> Cost:
        found = []
        for _ in range(runs):
            before()
            found.append(self.run())
        cpu = sorted(run.cpu - run.workers * self._imports for run in found)
        return Cost(kind, statistics.median(cpu), cpu[0], cpu[-1], found[-1].workers, found[-1])

    def _chosen(self) -> list[Path]:
        """1 % of the files, other ones every time."""
        paths = sorted(self._docs.rglob("*.md"))
        self._turn += 1
        step = round(1 / EDIT_SHARE)
        return paths[self._turn % step :: step]


def worker_import_cpu() -> float:
    """CPU-seconds of a process that starts as a parser worker does and imports what it imports, median."""
    listing = _python(_MODULES + _PARSE + "import json; print(json.dumps(sorted(sys.modules)))")
    names = [name for name in json.loads(listing) if name not in {"__main__", "json"}]
    code = f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)"
    seconds = []
    for _ in range(_IMPORT_RUNS):
        before = _children_cpu()
        _python(code)
        seconds.append(_children_cpu() - before)
    return statistics.median(seconds)


def _python(code: str) -> str:
    from ingest.parse.process import _environment

    done = subprocess.run([sys.executable, "-P", "-c", code], env=_environment(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def _child(folder: Path, profile: bool) -> Run:
    """The measured process: imports everything that earlier runs used, then runs the pipeline once."""
    from index.pipeline import IngestRequest, ingest
    from ingest.parse import process
    from ragpress.wiring import open_environment

    _import_known(folder / "modules.json")
    began, before = time.monotonic(), _own_cpu()
    with _Profile(profile):
        report = ingest(IngestRequest(), open_environment(folder))
    cpu, wall = _own_cpu() - before, time.monotonic() - began
    workers = next(process._NUMBERS) - 1
    _remember_modules(folder / "modules.json")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(cpu, workers, report.chunks.total, report.chunks.embedded, report.steps["parse"].computed, wall, peak)


class _Profile:
    def __init__(self, wanted: bool) -> None:
        import cProfile

        self._profiler = cProfile.Profile() if wanted else None

    def __enter__(self) -> None:
        if self._profiler is not None:
            self._profiler.enable()

    def __exit__(self, *_: object) -> None:
        import pstats

        if self._profiler is not None:
            self._profiler.disable()
            pstats.Stats(self._profiler).sort_stats("tottime").print_stats(30)


def _import_known(path: Path) -> None:
    import importlib

    if path.exists():
        for name in json.loads(path.read_text(encoding="utf-8")):
            importlib.import_module(name)


def _remember_modules(path: Path) -> None:
    if not path.exists():
        names = [name for name in sys.modules if _importable(name)]
        path.write_text(json.dumps(names), encoding="utf-8")


def _importable(name: str) -> bool:
    import importlib.util

    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _own_cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + _children_cpu()


def _children_cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _missed(sizes: list[Size]) -> list[str]:
    first = sizes[0]
    missed = []
    for kind, goal in GOALS.items():
        if first.cpu(kind) > goal * max(1.0, first.files / 1000):
            missed.append(f"{kind} of {first.files} files: {first.cpu(kind):.3f} CPU-s, goal {goal}")
    for larger in sizes[1:]:
        for kind in GOALS:
            growth, goal = larger.cpu(kind) / first.cpu(kind), GROWTH_GOAL * larger.files / first.files / 10
            if growth > goal:
                missed.append(f"{kind} grows {growth:.1f}-fold from {first.files} to {larger.files} files")
    return missed


def _print(report: CostReport) -> None:
    console = Console(width=130)
    for size in report.sizes:
        title = f"{size.files} Markdown files, {size.megabytes:.1f} MB, CPU-seconds beyond imports"
        table = Table(title=title, box=None)
        for name in ("run", "median", "least", "most", "goal", "workers", "parsed", "embedded", "chunks", "peak MiB"):
            table.add_column(name, justify="left" if name == "run" else "right")
        for cost in size.costs:
            goal = f"{GOALS[cost.kind]}" if cost.kind in GOALS and size.files == 1000 else "-"
            run = cost.run
            figures = [f"{cost.cpu:.3f}", f"{cost.low:.3f}", f"{cost.high:.3f}", goal]
            counts = (cost.workers, run.parsed, run.embedded, run.chunks, round(run.peak_mib))
            table.add_row(cost.kind, *figures, *map(str, counts))
        console.print(table)
        console.print(f"full build: {size.megabytes / size.cpu('full build'):.2f} MB per CPU-second")
    console.print(
        f"Taken off per worker: {report.worker_import_cpu:.3f} CPU-s, the median of {_IMPORT_RUNS} processes that only "
        "start and import what a worker imports. The main process imports before its clock starts."
    )
    for larger in report.sizes[1:]:
        first = report.sizes[0]
        growth = ", ".join(f"{kind} {larger.cpu(kind) / first.cpu(kind):.1f}" for kind in GOALS)
        console.print(f"growth from {first.files} to {larger.files} files: {growth}")
    console.print("\n".join(f"missed: {text}" for text in report.missed) or "every goal is reached")


def _profile(files: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "profile", files, 0.0)
        bench.run()
        bench.new_data()
        bench.run(profile=True)
        bench.edit()
        bench.run(profile=True)


if __name__ == "__main__":
    main()
