"""An evaluation that is killed goes on where it was; a full disk ends it by name, and the next run completes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluation.cases.files import save_cases
from evaluation.records import Case
from ragpress.settings import load_workspace
from ragpress.wiring import open_environment
from tests.evaluation.running.samples import CASES, workspace
from tests.faults.test_full_disk import fill
from tests.serving.api.model_thread import ModelThread
from tests.serving.generate.scripted_server import Exchange

REPOSITORY = Path(__file__).parents[2]
ANSWERED = 5
WORKERS = 2

ASKED = tuple(
    Case(id=f"{case.id}-{more}", question=case.question + "?" * more, answer=case.answer, evidence=case.evidence)
    for case in CASES
    for more in range(3)
)


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "ragpress", "--workspace", str(root), "eval", "run", "--json"]


def evaluate(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(root), env=child_environment(), capture_output=True, text=True, check=False)


def child_environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}


def served(root: Path, base_url: str) -> Path:
    """A published workspace with cases, answered by a server."""
    made = workspace(root)
    settings = (root / "ragpress.toml").read_text(encoding="utf-8")
    generator = f'\n[generator]\nbase_url = "{base_url}"\nmodel = "served-model"\nretries = 0\n'
    made.configure(f"{settings}{generator}\n[evaluation]\nconcurrency = {WORKERS}\n")
    made.ingest(compact=True)
    save_cases(root, "cases", ASKED)
    return root


def results(root: Path, record: dict[str, Any]) -> list[dict[str, Any]]:
    """What an evaluation found of every case, less its times and whether it was reused."""
    kept = Path(load_workspace(root).data) / "evaluations" / record["evaluation"] / "results.json.gz"
    found: list[dict[str, Any]] = json.loads(gzip.decompress(kept.read_bytes()))["candidate"]["results"]
    return [{name: value for name, value in one.items() if name not in {"cost", "reused"}} for one in found]


class Counting:
    """A script that answers so many questions and then lets everybody wait, and counts how often each was asked.

    Attributes:
        asked: how often, by question.
        waiting: set when as many wait as are asked at the same time.
    """

    def __init__(self, answers: int) -> None:
        self.asked: Counter[str] = Counter()
        self.waiting = threading.Event()
        self._answers = answers

    async def __call__(self, exchange: Exchange) -> None:
        question = next(
            case.question
            for case in sorted(ASKED, key=lambda case: -len(case.question))
            if case.question in exchange.question
        )
        self.asked[question] += 1
        if self.asked.total() <= self._answers:
            await exchange.whole("It boils at 96 degrees and leaves at dawn [1].")
            return
        if self.asked.total() == self._answers + WORKERS:
            self.waiting.set()
        await exchange.client_left()


@pytest.mark.fault
def test_a_killed_evaluation_goes_on_and_asks_no_finished_case_again(tmp_path: Path) -> None:
    with ModelThread() as model:
        root = served(tmp_path / "killed", model.base_url)
        twin = tmp_path / "undisturbed"
        shutil.copytree(root, twin)

        first = Counting(ANSWERED)
        model.plays(first)
        run = subprocess.Popen(command(root), env=child_environment(), stdout=subprocess.DEVNULL)
        assert first.waiting.wait(120)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL

        second = Counting(len(ASKED))
        model.plays(second)
        continued = evaluate(root)
        model.plays(Counting(len(ASKED)))
        undisturbed = evaluate(twin)

    assert first.asked.total() == ANSWERED + WORKERS
    assert second.asked.total() == len(ASKED) - ANSWERED
    assert set(second.asked.values()) == {1}
    assert continued.returncode == undisturbed.returncode == 0, continued.stderr
    record, whole = json.loads(continued.stdout), json.loads(undisturbed.stdout)
    assert (record["reused"], record["judged"]) == (ANSWERED, len(ASKED) - ANSWERED)
    assert record["metrics"] == whole["metrics"]
    assert record["errors"] == []
    assert results(root, record) == results(twin, whole)


@pytest.mark.fault
def test_a_case_that_the_server_fails_is_an_error_of_the_report(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        if "ferry" in exchange.question.rsplit("Question", 1)[-1]:
            await exchange.plain("500 Internal Server Error", b'{"error": {"message": "out of memory"}}')
        else:
            await exchange.whole("The kettle boils at 96 degrees [1].")

    with ModelThread() as model:
        model.plays(script)
        root = served(tmp_path / "served", model.base_url)
        done = evaluate(root)

    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert {one["case"] for one in record["errors"]} == {"ferry-0", "ferry-1", "ferry-2"}
    assert {one["kind"] for one in record["errors"]} == {"GeneratorUnavailableError"}
    assert all("out of memory" in one["message"] for one in record["errors"])
    assert record["metrics"]["passed"]["n"] == len(ASKED) - 3
    report = Path(record["report"])
    assert "out of memory" in report.read_text(encoding="utf-8")


@pytest.mark.fault
def test_a_full_disk_ends_an_evaluation_by_name_and_the_next_one_completes(tmp_path: Path, small_disk: Path) -> None:
    made = workspace(tmp_path / "workspace")
    data = small_disk / "data"
    shutil.move(made.root / ".ragpress", data)
    settings = (made.root / "ragpress.toml").read_text(encoding="utf-8")
    made.configure(f'[workspace]\ndata_dir = "{data}"\n\n{settings}')
    save_cases(made.root, "cases", ASKED)
    live = open_environment(made.root).releases("default").live_id()
    fill(small_disk / "filler", spare=0)

    failed = evaluate(made.root)
    (small_disk / "filler").unlink()
    after = open_environment(made.root).releases("default").live_id()
    done = evaluate(made.root)

    assert failed.returncode == 1
    message = json.loads(failed.stdout)["error"]["message"]
    assert "No space left on device" in message
    assert str(data) in message
    assert "Traceback" not in failed.stderr
    assert after == live
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["errors"] == []
