"""``ragpress eval run``, ``list`` and ``show`` as a user calls them: JSON on standard output, exit codes, words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evaluation.cases.files import save_cases
from serving.commands.shared import DONE, FAILED, USAGE
from tests.evaluation.running.samples import CASES

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).parents[3]


def ragpress(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"}
    command = [sys.executable, "-m", "ragpress", "--workspace", str(root), "eval", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def answer(root: Path, *arguments: str, code: int = DONE) -> Any:
    done = ragpress(root, *arguments, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def root(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "workspace"
    shutil.copytree(published, folder)
    return folder


def test_without_cases_it_says_how_to_get_some(published: Path) -> None:
    error = answer(published, "run", code=USAGE)["error"]

    assert error["type"] == "UsageError"
    assert "ragpress eval import" in error["message"]
    assert "ragpress eval generate" in error["message"]


def test_a_run_is_printed_kept_listed_and_shown(root: Path) -> None:
    broken = replace(CASES[3], id="broken", question="\u200b")
    save_cases(root, "cases", (*CASES, broken))
    first = answer(root, "run")

    assert first["cases"] == len(CASES) + 1
    assert set(first["metrics"]["recall@10"]) == {"mean", "ci", "n", "missing"}
    assert first["metrics"]["recall@10"]["mean"] == 1.0
    assert len(first["metrics"]["recall@10"]["ci"]) == 2
    assert [one["case"] for one in first["errors"]] == ["broken"]
    assert set(first["errors"][0]) == {"case", "step", "kind", "message"}
    assert (first["judged"], first["reused"]) == (len(CASES), 0)
    assert Path(first["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")

    second = answer(root, "run", "--language", "zh")
    assert (second["judged"], second["reused"], second["embedded"]) == (0, len(CASES), 0)
    assert second["metrics"] == first["metrics"]
    assert 'lang="zh' in Path(second["report"]).read_text(encoding="utf-8")[:500]

    listed = answer(root, "list")["evaluations"]
    assert [one["id"] for one in listed] == [second["evaluation"], first["evaluation"]]
    assert listed[0]["errors"] == 1
    shown = answer(root, "show", first["evaluation"])
    assert shown["evaluation"] == listed[1]
    assert shown["report"] == first["report"]


def test_people_get_a_table_and_every_error_in_words(root: Path) -> None:
    save_cases(root, "cases", (*CASES, replace(CASES[3], id="broken", question="\u200b")))
    done = ragpress(root, "run")

    assert done.returncode == DONE, done.stderr
    assert "recall@10" in done.stdout
    assert "error broken (retrieve): UsageError: The question is empty" in done.stdout
    assert "5 cases:" in done.stdout
    assert "report.html" in done.stdout
    assert "run · live · 5 cases" in ragpress(root, "list").stdout


def test_when_no_case_has_a_result_the_run_has_failed(root: Path) -> None:
    save_cases(root, "cases", (replace(CASES[0], question="\u200b"),))
    record = answer(root, "run", code=FAILED)

    assert len(record["errors"]) == record["cases"] == 1
    assert record["metrics"] == {}
