"""The command line and the journals: answers are kept, traced, rated, and keep their release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ragpress.cli import app
from serving.commands.shared import DONE, FAILED, USAGE
from serving.journal.answers import AnswerJournal, AnswerQuery
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}


def run(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ragpress", *arguments]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, input=typed, capture_output=True, text=True, check=False
    )


def said(folder: Path, *arguments: str, code: int = DONE) -> Any:
    """What a command prints as JSON, in this process, which has its modules loaded."""
    done = CliRunner().invoke(app, ["--workspace", str(folder), *arguments, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("kept"), SETTINGS + "\n[release]\nkeep = 1\n")
    workspace.write({"tea.md": "# Tea\n\nGreen tea is served at four in the afternoon.\n"})
    assert said(workspace.root, "ingest")["published"]
    return workspace.root


def test_an_answer_is_kept_traced_and_rated(folder: Path, tmp_path: Path) -> None:
    answer = said(folder, "ask", "When is green tea served?")
    chain = said(folder, "trace", f"{answer['id']}#1")
    given = said(folder, "feedback", "add", answer["id"], "--rating", "down", "--comment", "at five")
    line = json.dumps({"answer_id": answer["id"], "rating": "up", "expected_sources": ["docs/tea.md"]})
    (tmp_path / "more.jsonl").write_text(f"{line}\n{line}\nnonsense\n", encoding="utf-8")
    first = said(folder, "feedback", "import", str(tmp_path / "more.jsonl"), code=FAILED)
    again = said(folder, "feedback", "import", str(tmp_path / "more.jsonl"), code=FAILED)

    assert [link["link"] for link in chain["chain"]][:3] == ["answer", "citation", "chunk"]
    assert set(given) == {"feedback_id", "case_id"}
    assert (first["imported"], first["known"], [item["line"] for item in first["refused"]]) == (1, 1, [3])
    assert (again["imported"], again["known"]) == (0, 2)
    listed = said(folder, "feedback", "list", "--rating", "down")["feedback"]
    assert [(item["id"], item["comment"]) for item in listed] == [(given["feedback_id"], "at five")]
    used_by = said(folder, "trace", answer["id"])["used_by"]
    assert [link["link"] for link in used_by] == ["feedback", "feedback", "case"]
    assert used_by[-1]["case_id"] == given["case_id"]
    unknown = run(folder, "feedback", "add", "0" * 32, "--rating", "up", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]["type"]) == (USAGE, "UsageError")


def test_a_conversation_is_kept_turn_by_turn_also_what_fails(folder: Path) -> None:
    typed = "When is green tea served?\nAnd where?\n"
    done = run(folder, "chat", "--json", typed=typed)
    failed = run(folder, "ask", "\u200b", "--json")

    assert done.returncode == DONE, done.stderr
    assert failed.returncode == USAGE
    environment = Workspace(folder, (folder / "ragpress.toml").read_text(encoding="utf-8")).environment()
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    error, second, first, *_ = journal.answers(AnswerQuery())
    assert (first.question, first.via, first.status) == ("When is green tea served?", "cli", "complete")
    assert second.history[0].content == first.question
    assert error.status == "failed"
    assert error.error is not None
    assert error.error.kind == "UsageError"


def test_a_journal_that_cannot_be_written_costs_no_answer(folder: Path) -> None:
    workspace = folder.parent / "elsewhere"
    subprocess.run(["cp", "-a", str(folder), str(workspace)], check=True)
    answers = workspace / ".ragpress" / "journal" / "answers"
    subprocess.run(["rm", "-rf", str(answers)], check=True)
    answers.write_text("a file where a folder should be", encoding="utf-8")

    done = run(workspace, "ask", "When is green tea served?")

    assert done.returncode == DONE, done.stderr
    assert "four in the afternoon" in done.stdout
    assert "not in the journal" in " ".join(done.stderr.split())


def test_a_release_stays_as_long_as_its_answers(folder: Path) -> None:
    release = said(folder, "ask", "When is green tea served?")["release"]
    for text in ("five", "six", "seven"):
        (folder / "docs/tea.md").write_text(f"# Tea\n\nGreen tea is served at {text}.\n", encoding="utf-8")
        said(folder, "ingest")

    collected = said(folder, "releases", "gc")
    assert collected["kept_for_answers"] == [release]
    assert release in [item["id"] for item in said(folder, "releases", "list")["releases"]]

    settings = folder / "ragpress.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[journal]\nretention_days = 1e-9\n", encoding="utf-8")
    collected = said(folder, "releases", "gc")
    assert release in collected["releases"]
    assert collected["journal_files"] > 0
    assert said(folder, "feedback", "list")["feedback"] == []
