"""C1: the process ends before or after any one of its writes, syncs, renames, links and unlinks."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from tests.faults.crash_child import KILLED, Fault
from tests.faults.harness import (
    Ended,
    State,
    age_leftovers,
    change,
    command,
    copy,
    forked,
    leftovers,
    make_workspace,
    read_state,
    run_case,
    run_cases,
    unnamed_objects,
)

SEED = 20261121
SAMPLE = 5


class Prepared(msgspec.Struct, frozen=True):
    """A situation: the workspace before the run, what was live, what an undisturbed run makes live, its events."""

    root: Path
    old: State | None
    new: State | None
    undisturbed: Ended


class Point(msgspec.Struct, frozen=True):
    """One crash: a copy of a prepared workspace, and the number of the event."""

    prepared: Path
    root: Path
    at: int


class Outcome(msgspec.Struct, frozen=True):
    """What was seen after one crash: see :func:`crash`."""

    at: int
    crashed: Ended
    after: State | None
    rerun: Ended
    recovered: State | None
    scratch: list[str]
    again: Ended
    collected: Ended
    left: list[str]


def prepare(case: tuple[Path, str]) -> Prepared:
    """Make the workspace of a situation, and run it once undisturbed in a copy."""
    folder, kind = case
    root = make_workspace(folder / kind)
    if kind != "full":
        command(root, "ingest", "--json")
    if kind == "incremental":
        change(root)
    if kind == "deletion":
        (root / "docs/warehouse.txt").unlink()
    twin = copy(root, folder / f"{kind}-undisturbed")
    old = forked(read_state, twin)
    undisturbed = command(twin, "ingest", "--json")
    return Prepared(root, old, read_state(twin), undisturbed)


def crash(point: Point) -> Outcome:
    """Crash a run at one point, look, run it again twice, and collect the garbage."""
    root = copy(point.prepared, point.root)
    crashed = command(root, "ingest", "--json", fault=Fault(at=point.at))
    after = forked(read_state, root)
    rerun = command(root, "ingest", "--json")
    scratch = [name for name in leftovers(root) if name.startswith("scratch/")]
    recovered = forked(read_state, root)
    again = command(root, "ingest", "--json")
    age_leftovers(root)
    collected = command(root, "releases", "gc", "--json")
    outcome = Outcome(
        point.at,
        crashed,
        after,
        rerun,
        recovered,
        scratch,
        again,
        collected,
        [*leftovers(root), *unnamed_objects(root)],
    )
    shutil.rmtree(root)
    return outcome


def check(prepared: Prepared, outcome: Outcome) -> None:
    """The release is the old one or the new one, the rerun completes, and nothing that grows is left."""
    where = f"event {outcome.at} ({outcome.crashed.log[-1:]})"
    # Folders are named by content, so that the number of those to create differs a little from run to run.
    finished = outcome.crashed.code == 3 and len(outcome.crashed.events) < outcome.at
    assert outcome.crashed.code == KILLED or finished, where
    assert outcome.after in (prepared.old, prepared.new), where
    assert outcome.rerun.code in (0, 3), f"{where}: {outcome.rerun.messages}"
    assert outcome.recovered == prepared.new, where
    assert outcome.scratch == [], where
    assert (outcome.again.code, outcome.again.report["published"]) == (3, False), where
    assert outcome.collected.code == 0, f"{where}: {outcome.collected.messages}"
    assert outcome.left == [], where


def crash_at(prepared: Prepared, folder: Path, points: Iterable[int]) -> list[Outcome]:
    """Crash at some points and check each."""
    outcomes = run_cases(crash, [Point(prepared.root, folder / str(at), at) for at in points])
    for outcome in outcomes:
        check(prepared, outcome)
    return outcomes


@pytest.fixture(scope="module", params=["full", "incremental", "deletion"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return run_case(prepare, (tmp_path_factory.mktemp("crash"), request.param))


@pytest.mark.fault
def test_a_crash_at_sampled_points_leaves_old_or_new_and_a_rerun_completes(prepared: Prepared, tmp_path: Path) -> None:
    events = prepared.undisturbed.events
    assert prepared.undisturbed.code == 3
    assert len(events) > 100
    last = range(len(events) - 15, len(events))  # the manifest and the pointer
    points = sorted({*random.Random(SEED).sample(range(1, len(events)), SAMPLE), *random.Random(SEED).sample(last, 3)})

    outcomes = crash_at(prepared, tmp_path, points)

    assert len(outcomes) == len(points)


@pytest.mark.campaign
def test_a_crash_at_every_point_leaves_old_or_new_and_a_rerun_completes(prepared: Prepared, tmp_path: Path) -> None:
    outcomes = crash_at(prepared, tmp_path, range(1, len(prepared.undisturbed.events) + 1))

    new = sum(outcome.after == prepared.new for outcome in outcomes)
    print(f"\n{len(outcomes)} points crashed; {new} of them after the pointer had moved")
    assert 0 < new < len(outcomes)
