"""``ragpress serve --loop``: the worker runs beside the service and ends with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from index.loop_lease import worker_of
from tests.feedback.loop.looped import LOOP, Looped
from tests.serving.service_process import ServiceProcess, children

LONG = 90.0


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.05)


@pytest.mark.process
def test_the_worker_runs_beside_the_service_is_replaced_and_ends_with_it(tmp_path: Path) -> None:
    looped = Looped(tmp_path, LOOP + "shadow_replays = 0\n")
    looped.complain(looped.ask())
    with ServiceProcess(tmp_path, "--loop") as service:
        until(lambda: "published" in looped.kinds())
        (worker,) = set(children(service.pid)) - set(service.ready["worker_pids"])
        os.kill(worker, signal.SIGKILL)
        until(lambda: looped.kinds().count("started") == 2)
        assert service.stop() == 0
    assert looped.kinds()[-1] == "stopped"
    assert worker_of(looped.environment, "default") is None
    looped.close()
