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
from index.evaluations import list_evaluations
from index.history import publish
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


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "ragpress", "--workspace", str(root), *(words or ("eval", "run")), "--json"]


def evaluate(root: Path) -> subprocess.CompletedProcess[str]:
    return run_to_end(root)


def run_to_end(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(root, *words), env=child_environment(), capture_output=True, text=True, check=False)


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
@pytest.mark.parametrize("words", [("ingest", "--compact"), ("eval", "compare", "--set", "context.passages=2")])
def test_a_killed_gate_leaves_what_is_live_and_the_next_one_goes_on(tmp_path: Path, words: tuple[str, ...]) -> None:
    with ModelThread() as model:
        root = served(tmp_path / "killed", model.base_url)
        twin = tmp_path / "undisturbed"
        shutil.copytree(root, twin)
        live = open_environment(root).releases("default").live_id()

        first = Counting(ANSWERED)
        model.plays(first)
        run = subprocess.Popen(command(root, *words), env=child_environment(), stdout=subprocess.DEVNULL)
        assert first.waiting.wait(120)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        after = open_environment(root).releases("default").live_id()

        second = Counting(10 * len(ASKED))
        model.plays(second)
        continued = run_to_end(root, *words)
        whole = Counting(10 * len(ASKED))
        model.plays(whole)
        undisturbed = run_to_end(twin, *words)

    assert after == live
    # Fewer passages support less: there the gate refuses.
    assert continued.returncode == undisturbed.returncode == (0 if words[0] == "ingest" else 4), continued.stderr
    assert second.asked.total() == whole.asked.total() - ANSWERED
    records = [json.loads(done.stdout) for done in (continued, undisturbed)]
    for name in ("gate", "gate_reasons", "metrics", "published", "errors"):
        assert records[0].get(name) == records[1].get(name)
    assert len(open_environment(root).releases("default").list()) == len(
        open_environment(twin).releases("default").list()
    )


@pytest.mark.fault
def test_a_report_that_cannot_be_kept_publishes_nothing_and_loses_no_candidate(tmp_path: Path) -> None:
    made = workspace(tmp_path / "workspace")
    save_cases(made.root, "cases", CASES)
    live = made.environment().releases("default").live_id()
    folder = made.root / ".ragpress" / "evaluations"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_bytes(b"")  # nothing can be kept below it, as on a disk that is full just now
    refused = made.ingest(compact=True)
    assert (refused.gate, refused.published, refused.evaluation) == ("refuse", False, None)
    (reason,) = refused.gate_reasons
    assert reason.startswith("the cases could not be run")
    assert str(folder) in reason
    releases = made.environment().releases("default")
    assert releases.live_id() == live
    assert refused.release in {manifest.id for manifest in releases.list()}
    folder.unlink()
    record = publish(made.environment(), "default", str(refused.release), "the disk was full")
    assert record.release == refused.release


@pytest.mark.fault
def test_two_evaluations_at_once_and_a_publication_between_them_disturb_nobody(tmp_path: Path) -> None:
    made = workspace(tmp_path / "workspace")
    save_cases(made.root, "cases", ASKED)
    twin = tmp_path / "alone"
    shutil.copytree(made.root, twin)
    words = (("eval", "run"), ("eval", "run"), ("ingest", "--compact"))
    runs = [
        subprocess.Popen(command(made.root, *each), env=child_environment(), stdout=subprocess.PIPE, text=True)
        for each in words
    ]
    said = [json.loads(run.communicate(timeout=240)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    alone = json.loads(evaluate(twin).stdout)
    assert said[0]["metrics"]["passed"] == said[1]["metrics"]["passed"] == alone["metrics"]["passed"]
    assert results(made.root, said[0])[0]["answer"] == results(twin, alone)[0]["answer"]
    assert said[2]["published"] is True
    assert len(list_evaluations(open_environment(made.root).store)) == len(words)


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
