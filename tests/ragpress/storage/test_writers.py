"""One writer at a time: real processes that race, are killed, and fork."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragpress.errors import WriterBusyError
from ragpress.storage import Store, open_store

REPOSITORY = Path(__file__).parents[3]


class WriterProcess:
    """A process of :mod:`tests.ragpress.storage.writer_process`."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.ragpress.storage.writer_process", str(folder)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.answer() == "ready"

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Store:
    return open_store(str(folder), tmp_path / "cache")


@pytest.fixture
def writers(folder: Path) -> Iterator[tuple[WriterProcess, WriterProcess]]:
    pair = WriterProcess(folder), WriterProcess(folder)
    yield pair
    for writer in pair:
        writer.end()


def race(writers: tuple[WriterProcess, WriterProcess], rounds: int) -> None:
    for number in range(rounds):
        for writer in writers:
            writer.say("try")
        answers = [writer.answer() for writer in writers]
        winners = [writer for writer, answer in zip(writers, answers, strict=True) if answer == "won"]
        assert len(winners) == 1, f"round {number}: {answers}"
        loser = next(answer for answer in answers if answer != "won")
        assert loser.startswith("busy: Collection 'docs' is being written by ")
        assert f"process {winners[0].process.pid} on " in loser
        for writer in writers:
            writer.say("release")


def test_of_two_writers_one_wins_every_race(writers: tuple[WriterProcess, WriterProcess]) -> None:
    race(writers, rounds=10)


@pytest.mark.fault
def test_of_two_writers_one_wins_each_of_100_races(writers: tuple[WriterProcess, WriterProcess]) -> None:
    race(writers, rounds=100)


def test_a_killed_writer_frees_the_collection(store: Store, writers: tuple[WriterProcess, WriterProcess]) -> None:
    holder = writers[0]
    holder.say("try")
    assert holder.answer() == "won"
    with pytest.raises(WriterBusyError, match=f"process {holder.process.pid} on "), store.writer("docs", 0):
        pass
    holder.end()
    assert store.writer_holder("docs") is None
    with store.writer("docs", 0):
        now = store.writer_holder("docs")
        assert now is not None
        assert f"process {os.getpid()} on " in now


def test_a_forked_child_does_not_keep_its_dead_parents_lock(folder: Path, tmp_path: Path) -> None:
    # The parent takes the lock, forks a child that lives until its input closes, and exits without releasing.
    script = (
        "import os, sys\n"
        "from ragpress.storage import open_store\n"
        f"store = open_store({str(folder)!r}, None)\n"
        "store.writer('docs', 0).__enter__()\n"
        "if os.fork():\n"
        "    print('forked', flush=True)\n"
        "    os._exit(9)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.wait() == 9
        store = open_store(str(folder), tmp_path)
        with store.writer("docs", 5):
            assert store.writer_holder("docs") is not None
