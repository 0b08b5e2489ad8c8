"""The process beside the service: the loop of ``ragpress serve --loop``, scripted."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from serving.server.supervisor import WorkerCommand, supervise
from tests.serving.server.test_supervisor import READY, Workers

WORKER = "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\n" + READY + "time.sleep(600)"
BESIDE = """
import os, signal, sys, time
def end(*_):
    with open(os.path.join(os.environ["FOLDER"], "ended"), "a") as file:
        file.write("ended\\n")
    sys.exit(0)
signal.signal(15, end)
with open(os.path.join(os.environ["FOLDER"], "beside"), "a") as file:
    file.write(f"{os.getpid()}\\n")
"""


def beside(folder: Path, script: str) -> WorkerCommand:
    return WorkerCommand((sys.executable, "-c", script), {"FOLDER": str(folder)})


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def when(folder: Path, count: int) -> None:
    """Stop the service once the process beside it was started so often."""
    end = time.monotonic() + 30
    while len(lines(folder / "beside")) < count and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.process
def test_a_process_beside_the_service_is_started_once_that_answers_and_is_told_to_stop(tmp_path: Path) -> None:
    workers = Workers(tmp_path, WORKER)
    fleet = msgspec.structs.replace(workers.fleet, beside=beside(tmp_path, BESIDE + "time.sleep(600)"))
    stopping = threading.Thread(target=when, args=(tmp_path, 1), daemon=True)
    workers.when_ready = lambda _pids: stopping.start()
    assert supervise(fleet)
    assert len(lines(tmp_path / "beside")) == 1
    assert lines(tmp_path / "ended") == ["ended"]
    assert workers.told == []


@pytest.mark.process
def test_a_process_beside_the_service_that_dies_is_started_again_and_the_service_goes_on(tmp_path: Path) -> None:
    workers = Workers(tmp_path, WORKER)
    fleet = msgspec.structs.replace(workers.fleet, beside=beside(tmp_path, BESIDE + "sys.exit(5)"))
    stopping = threading.Thread(target=when, args=(tmp_path, 3), daemon=True)
    workers.when_ready = lambda _pids: stopping.start()
    assert supervise(fleet)
    assert len(set(lines(tmp_path / "beside"))) >= 3
    assert len(workers.ready) == 1
    assert "exit code 5" in workers.told[0]
    assert "another one starts in 0.02 s" in workers.told[1]
