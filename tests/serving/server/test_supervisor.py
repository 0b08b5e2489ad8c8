"""The supervisor with workers that do as a test says."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ragpress.errors import ServiceError, UsageError
from ragpress.serve_settings import ServeSettings
from serving.server.binding import check_exposure, exposed, is_local, listen, url_of
from serving.server.supervisor import FAILURES, Fleet, WorkerCommand, supervise

READY = """
import json, os, signal, sys, time
inherited = json.loads(os.environ["RAGPRESS_WORKER"])
os.write(inherited["ready"], b"ready\\n")
os.close(inherited["ready"])
"""
COUNT = """
starts = os.path.join(os.environ["FOLDER"], "starts")
with open(starts, "a") as file:
    file.write(os.environ["PROMETHEUS_MULTIPROC_DIR"] + "\\n")
count = len(open(starts).readlines())
"""


class Workers:
    """A fleet of scripted workers.

    Args:
        folder: for their notes.
        script: what each does.
        workers: how many.
    """

    def __init__(self, folder: Path, script: str, workers: int = 1) -> None:
        self.told: list[str] = []
        self.ready: list[list[int]] = []
        self.folder = folder
        self.when_ready: Callable[[list[int]], None] = lambda _pids: None
        command = WorkerCommand((sys.executable, "-c", script), {"FOLDER": str(folder)})
        self.fleet = Fleet(
            command=command,
            listener=listen("127.0.0.1", 0),
            workers=workers,
            grace=1.0,
            ready=self._ready,
            tell=self.told.append,
            pause=0.01,
        )

    @property
    def starts(self) -> list[str]:
        """The folder of metrics at each start of a worker."""
        return (self.folder / "starts").read_text().splitlines()

    def _ready(self, pids: list[int]) -> None:
        self.ready.append(pids)
        self.when_ready(pids)


def interrupt(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_workers_are_told_to_stop_and_waited_for(tmp_path: Path, number: signal.Signals) -> None:
    workers = Workers(
        tmp_path,
        "import os, signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\n" + COUNT + READY + "time.sleep(60)",
        workers=2,
    )
    workers.when_ready = lambda _pids: interrupt(number)
    assert supervise(workers.fleet)
    assert len(workers.ready) == 1
    assert len(workers.ready[0]) == 2
    metrics = set(workers.starts)
    assert len(metrics) == 1
    assert not Path(metrics.pop()).exists()
    assert workers.told == []


@pytest.mark.process
def test_a_second_signal_kills_workers_that_do_not_stop(tmp_path: Path) -> None:
    workers = Workers(tmp_path, "import signal; signal.signal(15, signal.SIG_IGN)\n" + READY + "time.sleep(600)")

    def impatient(pids: list[int]) -> None:
        interrupt()
        threading.Timer(0.2, interrupt).start()

    workers.when_ready = impatient
    assert not supervise(workers.fleet)
    with pytest.raises(ProcessLookupError):
        os.kill(workers.ready[0][0], 0)


@pytest.mark.process
def test_a_worker_that_cannot_start_ends_the_service(tmp_path: Path) -> None:
    workers = Workers(tmp_path, "raise SystemExit(7)")
    with pytest.raises(ServiceError, match="exit code 7 as it started"):
        supervise(workers.fleet)
    assert workers.ready == []


@pytest.mark.process
def test_workers_that_die_as_they_start_are_not_started_for_ever(tmp_path: Path) -> None:
    script = "import os\n" + COUNT + "if count > 1: raise SystemExit(9)\n" + READY + "raise SystemExit(8)"
    workers = Workers(tmp_path, script)
    with pytest.raises(ServiceError, match=f"exit code 9 as it started, the {FAILURES}th in a row"):
        supervise(workers.fleet)
    assert len(workers.starts) == FAILURES
    assert len(workers.ready) == 1
    assert "exit code 8" in workers.told[0]


@pytest.mark.process
def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    workers = Workers(tmp_path, "import os\n" + COUNT + READY + "time.sleep(600)", workers=2)

    def kill_one(pids: list[int]) -> None:
        os.kill(pids[0], signal.SIGKILL)
        threading.Thread(target=stop_when_replaced, daemon=True).start()

    def stop_when_replaced() -> None:
        end = time.monotonic() + 30
        while len(workers.starts) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        interrupt()

    workers.when_ready = kill_one
    assert supervise(workers.fleet)
    assert len(workers.starts) == 3
    assert "SIGKILL" in workers.told[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.1", "LocalHost"])
def test_addresses_of_this_machine(host: str) -> None:
    assert is_local(host)
    check_exposure(ServeSettings(host=host), keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "rag.example", "localhost.rag.example", ""])  # noqa: S104
def test_others_reach_any_other_address_so_keys_are_needed(host: str) -> None:
    settings = ServeSettings(host=host)
    assert exposed(settings)
    with pytest.raises(UsageError, match="ragpress keys add"):
        check_exposure(settings, keys=False)
    check_exposure(settings, keys=True)


def test_a_proxy_brings_others_to_this_machine() -> None:
    with pytest.raises(UsageError, match="proxy = true"):
        check_exposure(ServeSettings(proxy=True), keys=False)


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port}: Address already in use"):
            listen("127.0.0.1", port)


def test_an_address_that_does_not_exist_is_named() -> None:
    with pytest.raises(ServiceError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_the_address_for_a_browser() -> None:
    with listen("0.0.0.0", 0) as everywhere, listen("localhost", 0) as here:  # noqa: S104
        assert url_of(everywhere) == f"http://127.0.0.1:{everywhere.getsockname()[1]}"
        assert url_of(here) == f"http://127.0.0.1:{here.getsockname()[1]}"
