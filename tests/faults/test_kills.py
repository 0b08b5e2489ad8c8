"""C2: the main process is killed with SIGKILL at a random moment; its parser workers are left to die by themselves."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.faults.harness import (
    SETTINGS,
    Ended,
    State,
    change,
    command,
    copy,
    data_folder,
    forked,
    killed,
    leftovers,
    make_workspace,
    read_state,
    run_case,
    run_cases,
    write,
)

SEED = 20261121
PAGES = 60


class Prepared(msgspec.Struct, frozen=True):
    """A workspace before a run, what is live in it, what an undisturbed run makes live, and how that went."""

    root: Path
    old: State | None
    new: State | None
    undisturbed: Ended
    seconds: float


class Kill(msgspec.Struct, frozen=True):
    """One kill: a prepared workspace, where its copy goes, and the moment, seconds after the start."""

    prepared: Path
    root: Path
    seconds: float


class Outcome(msgspec.Struct, frozen=True):
    """What was seen after one kill: see :func:`kill`."""

    ended: Ended
    orphans: list[int]
    sealed: bool
    pointers: list[str]
    after: State | None
    rerun: Ended
    recovered: State | None
    live: list[str]
    scratch: list[str]


def prepare(case: tuple[Path, str]) -> Prepared:
    """Make the workspace of a situation, and run it once undisturbed in a copy."""
    folder, kind = case
    root = make_workspace(folder / kind, SETTINGS)
    write(root, pages("first"))
    if kind == "incremental":
        command(root, "ingest", "--json")
        change(root)
        write(root, pages("second"))
    twin = copy(root, folder / f"{kind}-undisturbed")
    old = forked(read_state, twin)
    began = time.monotonic()
    undisturbed = command(twin, "ingest", "--json")
    return Prepared(root, old, read_state(twin), undisturbed, time.monotonic() - began)


def pages(edition: str) -> dict[str, str | bytes]:
    """Pages of which each has a few chunks."""
    return {
        f"pages/{number:02}.md": f"# Page {number}\n\n"
        + "\n\n".join(f"## Part {part}\n\nThe {edition} edition of part {part}, page {number}." for part in range(4))
        for number in range(PAGES)
    }


def kill(case: Kill) -> Outcome:
    """Kill a run, look, and run it again."""
    root = copy(case.prepared, case.root)
    before = packs(root)
    ended, orphans = killed(root, ["ingest", "--json"], case.seconds)
    sealed = packs(root) != before
    folder = data_folder(root) / "collections" / "default"
    pointers = sorted(path.name for path in folder.glob("live*")) if folder.is_dir() else []
    after = forked(read_state, root)
    rerun = command(root, "ingest", "--json")
    scratch = [name for name in leftovers(root) if name.startswith("scratch/")]
    recovered = forked(read_state, root)
    releases = command(root, "releases", "list", "--json").report["releases"]
    live = [release["id"] for release in releases if release["state"] == "live"]
    shutil.rmtree(root)
    return Outcome(ended, orphans, sealed, pointers, after, rerun, recovered, live, scratch)


def packs(root: Path) -> set[str]:
    """The sealed step results and vectors."""
    return {path.name for path in (data_folder(root) / "memo").rglob("*.arrow")}


def check(prepared: Prepared, outcome: Outcome) -> None:
    """The release is the old one or the new one, nothing runs on, and the rerun completes with what was sealed."""
    where = f"killed in {outcome.ended.stage} after {outcome.ended.log[-1:]}"
    assert outcome.ended.code in (-9, 3), f"{where}: {outcome.ended}"
    assert outcome.orphans == [], where
    assert len(outcome.pointers) <= 1, where
    assert outcome.after in (prepared.old, prepared.new), where
    assert outcome.rerun.code == 3, f"{where}: {outcome.rerun.messages}"
    assert outcome.recovered == prepared.new, where
    assert outcome.live == [outcome.rerun.report["release"]], where
    assert outcome.scratch == [], where
    if outcome.sealed and outcome.after == prepared.old:
        assert work(outcome.rerun.report) < work(prepared.undisturbed.report), where


def work(report: dict[str, Any]) -> int:
    """How many documents were parsed and texts embedded."""
    return int(report["steps"]["parse"]["computed"]) + int(report["chunks"]["embedded"])


def kill_all(prepared: Prepared, folder: Path, moments: Sequence[float]) -> list[Outcome]:
    """Kill runs at these moments, and check each."""
    cases = [Kill(prepared.root, folder / str(number), moment) for number, moment in enumerate(moments)]
    outcomes = run_cases(kill, cases, processes=2)
    for outcome in outcomes:
        check(prepared, outcome)
    return outcomes


@pytest.fixture(scope="module", params=["full", "incremental"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return run_case(prepare, (tmp_path_factory.mktemp("kill"), request.param))


def moments(prepared: Prepared, count: int) -> list[float]:
    """Random moments of a run, some of them after its end, as runs are slower under load."""
    generator = random.Random(SEED)
    return [generator.uniform(0.05, 1.2) * prepared.seconds for _ in range(count)]


@pytest.mark.fault
def test_a_killed_run_leaves_old_or_new_and_a_rerun_completes(prepared: Prepared, tmp_path: Path) -> None:
    outcomes = kill_all(prepared, tmp_path, moments(prepared, 3))

    assert any(outcome.ended.code == -9 for outcome in outcomes)


@pytest.mark.campaign
def test_fifty_killed_runs_leave_old_or_new_and_reruns_complete(prepared: Prepared, tmp_path: Path) -> None:
    outcomes = kill_all(prepared, tmp_path, moments(prepared, 50))

    phases = Counter(outcome.ended.stage if outcome.ended.code == -9 else "(finished before)" for outcome in outcomes)
    reused = sum(work(outcome.rerun.report) < work(prepared.undisturbed.report) for outcome in outcomes)
    print(f"\nseed {SEED}: {len(outcomes)} runs, killed in {dict(phases)}; {reused} reruns reused sealed work")
    assert phases.total() == 50
    assert len(phases) >= 4
