"""The worker: one per collection, wakes up for what happens, takes up edited settings, ends when told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feedback.loop.lease import worker_lease
from feedback.loop.noticing import Noticer
from feedback.loop.source_events import Due, SourceWatch
from feedback.loop.telling_others import Teller
from feedback.loop.worker import run_once, work
from index.environment import Environment
from index.findings import LoopEvent
from index.loop_lease import worker_of
from ragpress.errors import WriterBusyError
from tests.feedback.loop.looped import LOOP, Looped
from tests.workspace import SETTINGS

pytestmark = pytest.mark.workspace
LONG = 60.0


@pytest.fixture
def looped(tmp_path: Path) -> Iterator[Looped]:
    made = Looped(tmp_path, LOOP + "shadow_replays = 0\n")
    yield made
    made.close()


class Running:
    """A worker in a thread; a context manager."""

    def __init__(self, looped: Looped) -> None:
        self.stop = threading.Event()
        self.told: list[LoopEvent] = []
        self._looped = looped
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        work(lambda: self._looped.environment, ["default"], self.stop, sinks=[self.told.append])

    def __enter__(self) -> Running:
        self._thread.start()
        self.until(lambda: any(event.kind == "started" for event in self.told))
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LONG
        while not holds():
            assert self._thread.is_alive(), "the worker has ended"
            assert time.monotonic() < end, f"{[event.kind for event in self.told]}"
            self.stop.wait(0.02)

    def heard(self, kind: str) -> bool:
        return any(event.kind == kind for event in self.told)


def test_a_second_worker_is_told_who_runs_the_loop(looped: Looped) -> None:
    with worker_lease(looped.environment, "default"):
        assert worker_of(looped.environment, "default") is not None
        with pytest.raises(WriterBusyError, match=r"The loop of collection 'default' is run by .*process \d+"):
            run_once(looped.environment, "default")
    assert worker_of(looped.environment, "default") is None
    assert run_once(looped.environment, "default").failed == 0


def test_waiting_for_another_worker_ends_when_told_to_stop(looped: Looped) -> None:
    stop = threading.Event()
    stop.set()
    with (
        worker_lease(looped.environment, "default"),
        pytest.raises(WriterBusyError),
        worker_lease(looped.environment, "default", 1e9, stop),
    ):
        pytest.fail("two workers hold the lease")


def test_feedback_sources_and_settings_are_noticed_while_it_runs(looped: Looped) -> None:
    with Running(looped) as worker:
        looped.complain(looped.ask())
        worker.until(lambda: worker.heard("published"))
        looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
        worker.until(lambda: worker.heard("ingested"))
        looped.workspace.configure(SETTINGS + LOOP + 'language = "zh"\n')
        looped.workspace.write({"newer.md": "# Boats\n\nBoats are lent at the west gate.\n"})
        worker.until(lambda: any("来源有变化" in event.text for event in worker.told))
        looped.workspace.configure("[loop\n")
        looped.workspace.configure(SETTINGS + LOOP)
    kinds = [event.kind for event in worker.told]
    assert (kinds[0], kinds[-1]) == ("started", "stopped")
    assert kinds.count("published") == 1
    assert "6 euro" in looped.ask().answer


def test_a_collection_that_the_settings_no_longer_name_rests_and_the_others_go_on(looped: Looped) -> None:
    both = "[collections.default]\n[collections.other]\n"
    looped.workspace.configure(SETTINGS + LOOP + both)
    stop, told = threading.Event(), list[LoopEvent]()

    def environment_of() -> Environment:
        return looped.environment

    def take(event: LoopEvent) -> None:
        told.append(event)
        if event.collection == "other" and event.kind == "ingested":
            stop.set()
        elif event.collection == "other" and event.kind == "started":
            looped.workspace.configure(SETTINGS + LOOP + "[collections.other]\n")
            looped.workspace.write({"boats.md": "# Boats\n\nBoats are lent at the west gate.\n"})

    work(environment_of, ["default", "other"], stop, sinks=[take])
    assert {(event.collection, event.kind) for event in told} >= {("default", "stopped"), ("other", "ingested")}


@pytest.mark.process
def test_a_process_ends_when_it_is_told_to(looped: Looped) -> None:
    command = [sys.executable, "-m", "ragpress", "--workspace", str(looped.workspace.root), "worker"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + LONG
        while "started" not in looped.kinds():
            assert time.monotonic() < end
            threading.Event().wait(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LONG)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert looped.kinds()[-1] == "stopped"
    assert "Traceback" not in said


def test_only_what_is_new_is_noticed(looped: Looped) -> None:
    noticer = Noticer(looped.bench)
    noticer.changed()
    assert noticer.changed() == frozenset()
    wrong = looped.ask()
    assert noticer.changed() == {"answers"}
    looped.complain(wrong)
    assert noticer.changed() == {"feedback"}
    (looped.workspace.root / "repairs").mkdir(exist_ok=True)
    (looped.workspace.root / "repairs" / "x.json").write_text("{}")
    assert noticer.changed() == {"repairs"}
    looped.workspace.configure(SETTINGS)
    assert noticer.changed() == {"settings"}


def test_events_are_told_once_each_in_order(looped: Looped) -> None:
    told: list[str] = []
    teller = Teller(looped.environment, "default", [lambda event: told.append(event.kind)])
    looped.complain(looped.ask())
    looped.round()
    teller.tell()
    teller.tell()
    assert told == looped.kinds()


def test_sources_are_due_after_a_pause_without_changes_and_now_and_then() -> None:
    now = [0.0]
    due = Due(2.0, 300.0, clock=lambda: now[0])
    assert due.is_due()
    due.looked()
    assert not due.is_due()
    due.touch()
    now[0] = 1.5
    due.touch()
    now[0] = 3.0
    assert not due.is_due()
    now[0] = 3.5
    assert due.is_due()
    due.looked()
    now[0] = 303.4
    assert not due.is_due()
    now[0] = 303.5
    assert due.is_due()


def test_a_folder_that_never_rests_is_looked_at_all_the_same() -> None:
    now = [0.0]
    due = Due(2.0, 300.0, clock=lambda: now[0])
    due.looked()
    for second in range(60):
        now[0] = float(second)
        due.touch()
        assert not due.is_due()
    now[0] = 60.0
    assert due.is_due()


def test_file_events_tell_of_changes_and_not_of_the_data_directory(tmp_path: Path) -> None:
    docs, data = tmp_path / "docs", tmp_path / "data"
    docs.mkdir()
    data.mkdir()
    changed = threading.Event()
    watch = SourceWatch([tmp_path, tmp_path / "missing"], [data], changed.set)
    watch.start()
    try:
        end = time.monotonic() + LONG
        number = 0
        while not changed.wait(0.1):
            number += 1
            (docs / f"{number}.md").write_text("x")
            assert time.monotonic() < end
        assert watch.counts("", str(docs / "a.md"))
        assert not watch.counts("", str(data / "journal" / "x.jsonl"))
        assert watch.counts("", str(tmp_path / "data-of-others.md"))
    finally:
        watch.close()
