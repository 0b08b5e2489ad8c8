"""How often the gate errs: false refusals and missed regressions, by the number of cases.

Some hundred changes are evaluated once each over a whole pool of real cases, with the real pipeline, real embedders and
extractive answers (:mod:`benchmarks.gate_changes`, :mod:`benchmarks.gate_run`). What a change does to the whole pool
is its true effect. Then samples of cases are drawn from the pool with replacement, as the cases of a workspace are
drawn from all questions that its users ask, and the gate decides by each sample (:mod:`benchmarks.gate_draws`).

A refusal of a change that is meant to alter nothing, and whose true drop is below the margin in every gated metric, is
false. A change whose true drop is 5 points or more in some gated metric and that is let through is missed, whatever
it was meant to be. What lies between is neither. The rule was chosen on one half of the changes (``tune``, by a
checksum of pool and name) and is reported on the other.

``make bench-gate`` evaluates (resumable: outcomes are kept in ``build/gate``) and writes the tables.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.gate_changes import Change, changes_of
from benchmarks.gate_report import report
from benchmarks.gate_run import GateWorkspace, Outcome
from benchmarks.gate_sets import POOLS
from benchmarks.quality_sets import DATA
from ragpress.errors import RagpressError

_ORDER = 20260801
OUTCOMES = "outcomes-{}.jsonl"


def main() -> int:
    """Run the benchmark."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    names = options.pools or list(POOLS)
    if options.changes:
        if not DATA.is_dir():
            print(f"The shared benchmark data is not at {DATA}: nothing to measure on.", file=sys.stderr)
            return 1
        _evaluate(options.folder, names, options.changes)
    outcomes = [outcome for name in names for outcome in _kept(options.folder, name)]
    print(report(outcomes, draws=options.draws))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("build/gate"), help="where workspaces and outcomes are kept"
    )
    parser.add_argument(
        "--pools", nargs="*", choices=list(POOLS), help="only these; several processes may share the work"
    )
    parser.add_argument("--changes", type=int, default=240, help="changes to evaluate in all; 0 reports what is kept")
    parser.add_argument("--draws", type=int, default=40, help="samples of each size from each change")
    return parser.parse_args()


def _kept(folder: Path, pool: str) -> list[Outcome]:
    path = folder / OUTCOMES.format(pool)
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Outcome) for line in lines]


def _evaluate(folder: Path, names: list[str], wanted: int) -> None:
    """Evaluate changes until so many are kept, the pools by turns."""
    done = {(found.pool, found.change) for name in names for found in _kept(folder, name)}
    spaces = {name: GateWorkspace(folder / name, POOLS[name]()) for name in names}
    for space, change in _turns(spaces):
        if len(done) >= wanted:
            return
        if (space.pool.name, change.name) in done:
            continue
        try:
            outcome = space.outcome(change)
        except RagpressError as error:
            print(f"{space.pool.name}: {change.name}: cannot be built: {error}", file=sys.stderr, flush=True)
            continue
        with (folder / OUTCOMES.format(outcome.pool)).open("ab") as file:
            file.write(msgspec.json.encode(outcome) + b"\n")
        done.add((outcome.pool, outcome.change))
        print(f"{len(done)} {outcome.pool}: {outcome.change}", file=sys.stderr, flush=True)


def _turns(spaces: dict[str, GateWorkspace]) -> Iterator[tuple[GateWorkspace, Change]]:
    orders = []
    for space in spaces.values():
        found = changes_of(space.pool)
        random.Random(_ORDER).shuffle(found)
        orders.append([(space, change) for change in found])
    for turn in itertools.zip_longest(*orders):
        yield from (item for item in turn if item is not None)


if __name__ == "__main__":
    sys.exit(main())
