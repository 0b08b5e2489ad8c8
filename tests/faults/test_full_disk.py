"""C3: the disk is full, or the device answers with an error."""

from __future__ import annotations

import errno
import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.faults.crash_child import Fault
from tests.faults.harness import (
    Ended,
    State,
    change,
    command,
    copy,
    data_folder,
    forked,
    leftovers,
    make_workspace,
    read_state,
    run_case,
    run_cases,
)

SEED = 20261121
BLOCK = 1 << 16
STEPS = 6
ROOM = 12_000


class Failure(msgspec.Struct, frozen=True):
    """One error: a prepared workspace, where its copy goes, and what fails from which event on."""

    prepared: Path
    root: Path
    fault: Fault


class Outcome(msgspec.Struct, frozen=True):
    """A run that failed, what was live after it, and the run after the failure had gone."""

    failed: Ended
    after: State | None
    rerun: Ended
    recovered: State | None
    scratch: list[str]


class Prepared(msgspec.Struct, frozen=True):
    """A workspace with something live and changed sources, and what an undisturbed run makes of it."""

    root: Path
    old: State | None
    new: State | None
    events: int


def prepare(folder: Path) -> Prepared:
    """Make the workspace, and run it once undisturbed in a copy."""
    root = make_workspace(folder / "workspace")
    command(root, "ingest", "--json")
    old = forked(read_state, root)
    change(root)
    twin = copy(root, folder / "undisturbed")
    undisturbed = command(twin, "ingest", "--json")
    return Prepared(root, old, read_state(twin), len(undisturbed.events))


def fail(case: Failure) -> Outcome:
    """Run with the fault, look, and run again without it."""
    root = copy(case.prepared, case.root)
    failed = command(root, "ingest", "--json", fault=case.fault)
    after = forked(read_state, root)
    rerun = command(root, "ingest", "--json")
    scratch = [name for name in leftovers(root) if name.startswith("scratch/")]
    outcome = Outcome(failed, after, rerun, read_state(root), scratch)
    shutil.rmtree(root)
    return outcome


def fill_up(case: tuple[Path, Path]) -> list[Outcome]:
    """Run on a full file system with ever more room on it; after each run free all of it, and run again."""
    prepared, disk = case
    outcomes = []
    for step in range(STEPS):
        root = copy(prepared, disk.parent / f"step-{step}")
        shutil.move(data_folder(root), disk / "data")
        settings = (root / "ragpress.toml").read_text(encoding="utf-8")
        moved = f'[workspace]\ndata_dir = "{disk / "data"}"\n\n{settings}'
        (root / "ragpress.toml").write_text(moved, encoding="utf-8")
        filler = disk / "filler"
        fill(filler, spare=step * ROOM)
        failed = command(root, "ingest", "--json")
        after = forked(read_state, root)
        filler.unlink()
        rerun = command(root, "ingest", "--json")
        scratch = [name for name in leftovers(root) if name.startswith("scratch/")]
        outcomes.append(Outcome(failed, after, rerun, forked(read_state, root), scratch))
        shutil.rmtree(disk / "data")
    return outcomes


def fill(path: Path, spare: int) -> None:
    """Write a file until the file system is full, then give ``spare`` bytes back."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (BLOCK, 4096):
            try:
                while os.write(descriptor, bytes(size)) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - spare)
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return run_case(prepare, tmp_path_factory.mktemp("full"))


@pytest.mark.fault
def test_a_full_disk_fails_by_name_and_the_run_after_it_completes(prepared: Prepared, small_disk: Path) -> None:
    outcomes = run_case(fill_up, (prepared.root, small_disk))

    stages = {outcome.failed.stage for outcome in outcomes if outcome.failed.code == 1}
    assert len(stages) >= 2, stages
    for outcome in outcomes:
        check(prepared, outcome)
        if outcome.failed.code == 1:
            message = outcome.failed.report["error"]["message"]
            assert "No space left on device" in message or "is not full" in message
            assert str(small_disk) in message


@pytest.mark.fault
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("lasting", [0, 1_000_000])
def test_an_error_at_any_operation_fails_by_name_and_a_rerun_completes(
    prepared: Prepared, tmp_path: Path, error: int, lasting: int
) -> None:
    points = random.Random(SEED + error + lasting).sample(range(1, prepared.events, 2), 4)
    cases = [Failure(prepared.root, tmp_path / str(at), Fault(at, error, lasting)) for at in points]

    for case, outcome in zip(cases, run_cases(fail, cases), strict=True):
        check(prepared, outcome)
        if outcome.failed.code == 1:
            assert os.strerror(error) in outcome.failed.report["error"]["message"], case
            assert str(case.root / ".ragpress") in outcome.failed.report["error"]["message"], case


@pytest.mark.campaign
@pytest.mark.parametrize("lasting", [0, 1_000_000])
def test_an_error_at_every_operation_fails_by_name_and_a_rerun_completes(
    prepared: Prepared, tmp_path: Path, lasting: int
) -> None:
    points = range(1, prepared.events, 2)
    cases = [Failure(prepared.root, tmp_path / str(at), Fault(at, errno.EIO, lasting)) for at in points]

    outcomes = run_cases(fail, cases)
    for outcome in outcomes:
        check(prepared, outcome)

    failed = sum(outcome.failed.code == 1 for outcome in outcomes)
    print(f"\n{len(outcomes)} operations failed with EIO, {failed} of them ended the run with exit code 1")
    assert failed > len(outcomes) / 2


def check(prepared: Prepared, outcome: Outcome) -> None:
    """A failure is no traceback; what is live is the old release or the new one; the rerun completes."""
    assert outcome.failed.code in (1, 3), outcome.failed
    assert "Traceback" not in outcome.failed.messages, outcome.failed.messages
    assert outcome.after in (prepared.old, prepared.new)
    assert outcome.rerun.code == 3, outcome.rerun.messages
    assert outcome.recovered == prepared.new
    assert outcome.scratch == []
