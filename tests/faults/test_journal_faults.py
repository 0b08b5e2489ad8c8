"""The journal survives what may happen: SIGKILL, full disks, forks, and a sealer that dies anywhere."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ragpress.errors import StorageError
from ragpress.storage import disk
from ragpress.storage.journal_entry import RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.journal_seal import SealedReport, seal
from ragpress.storage.record_ids import new_record_id
from tests.faults.harness import copy, forked, run_case
from tests.faults.test_full_disk import fill
from tests.ragpress.storage.journals import files_in, ids_in, journal_in, keep, place_in, record

KILLED = 137
REPOSITORY = Path(__file__).parents[2]


def killed_after(root: Path, acknowledged: int) -> list[str]:
    """Run a writer, SIGKILL it once it has acknowledged so many records; returns all that it did acknowledge."""
    command = [sys.executable, "-m", "tests.faults.journal_child", str(place_in(root).folder)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acknowledged)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
    assert child.returncode == -signal.SIGKILL
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


def check_kill(root: Path, seed: int) -> None:
    chance = random.Random(seed)
    told = [record_id for _ in range(2) for record_id in killed_after(root, chance.randrange(1, 400))]
    reader = JournalReader(place_in(root))
    assert [record_id for record_id in told if reader.find(record_id) is None] == [], seed

    before = ids_in(root)
    report = seal(place_in(root))
    assert report.records == len(before), seed
    assert ids_in(root) == before, seed
    assert [record_id for record_id in told if reader.find(record_id) is None] == [], seed
    assert max(Counter(before).values()) == 1, seed


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(10))
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path, seed: int) -> None:
    check_kill(tmp_path, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 200))
def test_what_was_acknowledged_survives_sigkill_many_times(tmp_path: Path, seed: int) -> None:
    check_kill(tmp_path, seed)


@pytest.mark.fault
@pytest.mark.parametrize("spare", [0, 4096, 20_000, 70_000])
def test_a_full_disk_costs_only_what_was_not_acknowledged(small_disk: Path, spare: int) -> None:
    journal = journal_in(small_disk)
    kept, refused, reasons = [new_record_id()], [], []
    journal.append(record(kept[0])).result()
    fill(small_disk / "filler", spare)
    for _ in range(4):
        record_id = new_record_id()
        try:
            journal.append(record(record_id, text="x" * 30_000)).result()
        except StorageError as error:
            refused.append(record_id)
            reasons.append(str(error))
        else:
            kept.append(record_id)
    assert reasons
    assert all("No space left on device" in reason for reason in reasons)
    (small_disk / "filler").unlink()
    kept.append(new_record_id())
    journal.append(record(kept[-1])).result()
    journal.close()

    reader = JournalReader(place_in(small_disk))
    assert ids_in(small_disk) == sorted(kept, reverse=True)
    assert [reader.find(record_id) for record_id in refused] == [None] * len(refused)
    assert all(path.read_bytes().endswith(b"\n") for path in files_in(small_disk, ".jsonl"))
    assert seal(place_in(small_disk)).records == len(kept)


@pytest.mark.fault
def test_sealing_on_a_full_disk_loses_nothing(small_disk: Path) -> None:
    ids = keep(small_disk, 200, text=os.urandom(500).hex())
    fill(small_disk / "filler", 0)

    with pytest.raises(StorageError, match="No space left"):
        seal(place_in(small_disk))
    assert ids_in(small_disk) == ids[::-1]
    (small_disk / "filler").unlink()
    assert seal(place_in(small_disk)) == SealedReport(1, 200)
    assert ids_in(small_disk) == ids[::-1]


class Outcome(msgspec.Struct, frozen=True):
    """What a reader found after a sealer had died, and after the next one."""

    code: int
    died: list[str]
    after: list[str]
    lines_left: int


def at_event(number: int, act: Callable[[str, Path], None]) -> Callable[[str, Path], None]:
    """An observer of the disk that acts at one event."""
    count = 0

    def observe(event: str, path: Path) -> None:
        nonlocal count
        count += 1
        if count == number:
            act(event, path)

    return observe


def seal_and_die(root: Path, number: int) -> int:
    """Seal in a forked process that exits at one event of the disk; returns its exit code."""
    child = os.fork()
    if not child:
        disk.set_observer(at_event(number, lambda *_: os._exit(KILLED)))
        seal(place_in(root))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crash_everywhere(root: Path) -> tuple[list[str], list[Outcome]]:
    """Let a sealer die at every event in turn, each time from the same files; then let another one go on."""
    ids = keep(root / "first", 9, file_bytes=150)
    outcomes: list[Outcome] = []
    while not outcomes or outcomes[-1].code == KILLED:
        here = copy(root / "first", root / str(len(outcomes)))
        code = seal_and_die(here, len(outcomes) + 1)
        died = forked(ids_in, here)
        forked(seal, place_in(here))
        outcomes.append(Outcome(code, died, forked(ids_in, here), len(files_in(here, ".jsonl"))))
    return ids, outcomes


@pytest.mark.fault
def test_a_sealer_may_die_anywhere(tmp_path: Path) -> None:
    ids, outcomes = run_case(crash_everywhere, tmp_path)

    assert len(outcomes) > 15
    assert [outcome.code for outcome in outcomes] == [KILLED] * (len(outcomes) - 1) + [0]
    for number, outcome in enumerate(outcomes):
        assert outcome.died == ids[::-1], number
        assert outcome.after == ids[::-1], number
        assert outcome.lines_left == 0, number


@pytest.mark.fault
def test_a_sealer_whose_disk_fails_anywhere_loses_nothing(tmp_path: Path) -> None:
    ids = keep(tmp_path / "first", 9, file_bytes=150)
    failures = 0

    def fail(event: str, path: Path) -> None:
        nonlocal failures
        failures += 1
        raise StorageError(f"Cannot {event} {path}.") from OSError(errno.EIO, "Input/output error")

    for number in range(1, 80, 2):
        here = copy(tmp_path / "first", tmp_path / str(number))
        disk.set_observer(at_event(number, fail))
        try:
            seal(place_in(here))
        except StorageError:
            assert ids_in(here) == ids[::-1], number
        finally:
            disk.set_observer(None)
        seal(place_in(here))
        assert ids_in(here) == ids[::-1], number
        assert files_in(here, ".jsonl") == [], number
    assert failures > 8


def write_across_a_fork(root: Path) -> list[str]:
    """Write before a fork, in the child, and after it in the parent, whose lock the child must not keep."""
    journal = journal_in(root)
    ids = [new_record_id() for _ in range(3)]
    journal.append(record(ids[0])).result()
    wait, go = os.pipe()
    child = os.fork()
    if not child:
        os.close(go)
        os.read(wait, 1)
        journal.append(record(ids[1])).result()
        journal.close()
        os._exit(0)
    journal.append(record(ids[2])).result()
    journal.close()
    assert forked(seal, place_in(root)) == SealedReport(1, 2)
    os.close(go)
    assert os.waitpid(child, 0)[1] == 0
    assert forked(seal, place_in(root)) == SealedReport(1, 1)
    assert forked(ids_in, root) == sorted(ids, reverse=True)
    return ids


@pytest.mark.fault
def test_a_forked_child_writes_a_file_of_its_own_and_keeps_no_lock(tmp_path: Path) -> None:
    assert len(run_case(write_across_a_fork, tmp_path)) == 3


@pytest.mark.fault
def test_readers_and_sealers_beside_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.journal_child", str(place_in(tmp_path).folder)]
    told: list[str] = []
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            for _ in range(8):
                told += [child.stdout.readline().decode().strip() for _ in range(60)]
                seal(place_in(tmp_path))
                found = Counter(ids_in(tmp_path, RecordQuery()))
                assert set(told) <= set(found)
                assert max(found.values()) == 1
        finally:
            os.kill(child.pid, signal.SIGKILL)
    reader = JournalReader(place_in(tmp_path))
    assert [record_id for record_id in told if reader.find(record_id) is None] == []
