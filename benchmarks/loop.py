"""The fault benchmark: real documents, one known fault each, the feedback a user would give, and what the loop does.

    python -m benchmarks.loop --seed 1 --faults 900 --out DIR [--half odd] [--callers 1] [--workers 2] [--resume]
    python -m benchmarks.loop report DIR
    python -m benchmarks.loop fit DIR…

Results are one JSON line for each fault, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from benchmarks.loop_faults import KINDS, plans
from benchmarks.loop_pool import HALVES
from benchmarks.loop_records import Corrected, Outcome, Plan
from benchmarks.loop_texts import LANGUAGES, wordings
from ragpress.errors import RagpressError

RESULTS = "results"
_REBUILT = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, or report on what was run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["report"]:
        from benchmarks.loop_report import report

        return report(Path(given[1]))
    if given[:1] == ["fit"]:
        from benchmarks.loop_reliability import print_counts

        return print_counts([Path(folder) for folder in given[1:]])
    options = _parser().parse_args(given)
    out: Path = options.out.resolve()
    if Path(__file__).resolve().parents[1] in out.parents:
        print(f"--out must lie outside the repository, found {out}.", file=sys.stderr)
        return 2
    if _results(out) and not options.resume:
        print(f"{out} holds results. Give --resume to go on, or another folder.", file=sys.stderr)
        return 2
    wanted = _wanted(out, options)
    if isinstance(wanted, str):
        print(wanted, file=sys.stderr)
        return 2
    vectors = (options.vectors or out / "vectors.sqlite").resolve()
    _run(wanted, _Run(out, vectors, not options.bite), options.workers)
    from benchmarks.loop_report import report

    return report(out)


def _wanted(out: Path, options: argparse.Namespace) -> list[Plan] | str:
    """The faults to inject; or why there are none."""
    try:
        for language in LANGUAGES:
            wordings(language, options.half)
        wanted = plans(
            options.seed,
            options.faults,
            options.half,
            options.kinds,
            corrected=options.corrected,
            callers=options.callers,
        )
    except RagpressError as error:
        return str(error)
    if not wanted:
        return f"None of the kinds comes with --corrected {options.corrected}. Name other kinds, or both."
    callers = {outcome.plan.callers for outcome in load(out)} - {options.callers}
    if callers:
        return (
            f"{out} holds results with --callers {min(callers)}, found --callers {options.callers}. Use another folder."
        )
    return wanted


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.loop", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="decides which faults are injected and how")
    parser.add_argument("--faults", type=int, default=900, help="faults to inject; not all of them bite")
    parser.add_argument("--out", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--half", choices=HALVES, default="odd", help="half of the documents; odd is the reported one")
    parser.add_argument("--kinds", nargs="*", default=[], choices=sorted(KINDS), help="only these kinds")
    parser.add_argument("--callers", type=int, default=1, help="different callers who complain of the same answer")
    parser.add_argument(
        "--corrected",
        choices=get_args(Corrected),
        default="both",
        help="only complaints with a correction, or none such",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--vectors", type=Path, help="file that keeps vectors for further runs; else one in --out")
    parser.add_argument("--bite", action="store_true", help="only see which faults spoil an answer; the loop rests")
    parser.add_argument("--resume", action="store_true", help="go on in a folder that has results")
    return parser


def load(out: Path) -> list[Outcome]:
    """All results in a folder, by name of the fault; of a torn line nothing."""
    found = {}
    for path in _results(out):
        for line in path.read_bytes().splitlines():
            try:
                outcome = msgspec.json.decode(line, type=Outcome)
            except msgspec.DecodeError:
                continue  # a killed run may leave the last line torn; its fault is injected again
            found[outcome.plan.name] = outcome
    return [found[name] for name in sorted(found)]


def _results(out: Path) -> list[Path]:
    return sorted((out / RESULTS).glob("*.jsonl"))


class _Run(msgspec.Struct, frozen=True):
    """Where a run's results and vectors are kept, and whether the loop works."""

    out: Path
    vectors: Path
    repair: bool


def _run(wanted: list[Plan], run: _Run, workers: int) -> None:
    done = {outcome.plan.name for outcome in load(run.out)}
    waiting = [plan for plan in wanted if plan.name not in done]
    (run.out / RESULTS).mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    shares = [share for share in _shares(waiting, workers) if share]
    processes = [context.Process(target=_work, args=(share, run, number)) for number, share in enumerate(shares)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _shares(waiting: list[Plan], workers: int) -> list[list[Plan]]:
    """A share for each process: a pool's workspace is used by one process only."""
    by_pool: dict[str, list[Plan]] = defaultdict(list)
    for plan in waiting:
        by_pool[plan.pool].append(plan)
    shares: list[list[Plan]] = [[] for _ in range(max(1, workers))]
    for group in sorted(by_pool.values(), key=len, reverse=True):
        min(shares, key=len).extend(group)
    return [sorted(share, key=lambda plan: plan.number) for share in shares]


def _work(share: list[Plan], run: _Run, number: int) -> None:
    """Inject a share of the faults; a line for each as soon as it is known."""
    from benchmarks.loop_bench import Workshop
    from benchmarks.loop_run import measure

    workshop = Workshop(run.out / f"process-{number}", run.vectors)
    with (run.out / RESULTS / f"{number}-{time.time_ns()}.jsonl").open("ab", buffering=0) as lines:
        for at, plan in enumerate(share):
            began = time.monotonic()
            outcome = measure(workshop, plan, rebuild=run.repair and at % _REBUILT == 0, repair=run.repair)
            lines.write(msgspec.json.encode(outcome) + b"\n")
            cause = outcome.found.cause if outcome.found else ""
            seconds = time.monotonic() - began
            print(f"{at + 1}/{len(share)} {plan.name}: {outcome.status} {cause} {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
