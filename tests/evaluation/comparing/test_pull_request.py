"""The workflow for pull requests: its structure, and its steps as a runner runs them."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ragpress.prompts import built_in_text
from tests.evaluation.comparing.samples import DOCUMENTS, LINES, SETTINGS
from tests.workspace import Workspace

REPOSITORY = Path(__file__).parents[3]
FILE = REPOSITORY / "deploy" / "github" / "ragpress.yml"
BASE, COMPARE, COMMENT, VERDICT = (
    "Publish the base",
    "Compare the change with it",
    "Comment on the pull request",
    "Pass or refuse",
)
GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$GH_LOG"
case "$*" in
  *--paginate*) cat "$GH_KNOWN" ;;
esac
"""


@pytest.fixture(scope="module")
def workflow() -> Any:
    return importlib.import_module("yaml").safe_load(FILE.read_text(encoding="utf-8"))


def steps(workflow: Any) -> dict[str, Any]:
    return {step["name"]: step for step in workflow["jobs"]["gate"]["steps"]}


def test_it_runs_on_what_changes_answers_and_may_do_no_more_than_comment(workflow: Any) -> None:
    # YAML 1.1 reads the word "on" as a truth value.
    assert list(workflow[True]) == ["pull_request"]
    assert set(workflow[True]["pull_request"]["paths"]) >= {"ragpress.toml", "prompts/**", "cases/**", "docs/**"}
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_its_steps_stand_in_order(workflow: Any) -> None:
    names = list(steps(workflow))
    order = ["Install ragpress", BASE, COMPARE, "Keep the report", COMMENT, VERDICT]
    assert sorted(order, key=names.index) == order
    assert steps(workflow)["Keep the report"]["uses"].startswith("actions/upload-artifact@")
    assert all(("uses" in step) != ("run" in step) for step in steps(workflow).values())


def test_no_script_is_built_from_what_a_stranger_wrote(workflow: Any) -> None:
    scripts = [step["run"] for step in steps(workflow).values() if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]
    assert steps(workflow)[COMMENT]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


class Runner:
    """Runs steps of the workflow in a repository, as GitHub's runner does: ``bash -e`` with its variables.

    Args:
        repository: a git repository whose HEAD merges the change into the base.
        temporary: the runner's folder.
        jobs: steps by name.
    """

    def __init__(self, repository: Path, temporary: Path, jobs: dict[str, Any]) -> None:
        self.repository = repository
        self.temporary = temporary
        self.jobs = jobs
        tools = temporary / "bin"
        tools.mkdir(parents=True)
        for name, text in {"ragpress": f'#!/bin/sh\nexec "{sys.executable}" -m ragpress "$@"\n', "gh": GH}.items():
            (tools / name).write_text(text, encoding="utf-8")
            (tools / name).chmod(0o755)
        for name in ("output", "summary", "gh-log", "gh-known"):
            (temporary / name).touch()
        self.variables = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "HF_HUB_OFFLINE": "1",
            "WORKSPACE": ".",
            "RUNNER_TEMP": str(temporary),
            "GITHUB_SHA": git(repository, "rev-parse", "HEAD"),
            "GITHUB_OUTPUT": str(temporary / "output"),
            "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
            "GITHUB_REPOSITORY": "acme/handbook",
            "GH_LOG": str(temporary / "gh-log"),
            "GH_KNOWN": str(temporary / "gh-known"),
            "PULL": "7",
            "RUN": "https://github.com/acme/handbook/actions/runs/1",
        }

    def step(self, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.jobs[name]["run"]]
        environment = self.variables | variables
        return subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, check=False
        )

    def text(self, name: str) -> str:
        return (self.temporary / name).read_text(encoding="utf-8")

    def comment(self) -> str:
        return self.text("comment.md")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def prompt(folder: Path, line: str) -> None:
    (folder / "prompts").mkdir(exist_ok=True)
    text = built_in_text().replace('system = """', f'system = """{line}\n', 1)
    (folder / "prompts" / "default.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A repository with a workspace, on its main branch."""
    folder = tmp_path / "repository"
    folder.mkdir()
    workspace = Workspace(folder, SETTINGS)
    workspace.write(DOCUMENTS)
    (folder / "cases").mkdir()
    lines = "".join(json.dumps(line) + "\n" for line in LINES)
    (folder / "cases" / "own.jsonl").write_text(lines, encoding="utf-8")
    (folder / ".gitignore").write_text(".ragpress/\n", encoding="utf-8")
    prompt(folder, "Answer kindly.")
    git(folder, "init", "--quiet")
    commit(folder, "base")
    git(folder, "checkout", "--quiet", "-b", "change")
    return folder


def pull_request(folder: Path) -> None:
    """Merge the branch into the main branch, as GitHub does to run a workflow."""
    commit(folder, "change")
    git(folder, "checkout", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "merge", "change")


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@needs_git
@pytest.mark.process
def test_a_change_of_the_prompt_passes_and_is_commented(base: Path, tmp_path: Path, workflow: Any) -> None:
    prompt(base, "Answer in one sentence.")
    pull_request(base)
    runner = Runner(base, tmp_path / "runner", steps(workflow))
    for name in (BASE, COMPARE, COMMENT):
        done = runner.step(name)
        assert done.returncode == 0, done.stderr + done.stdout
    assert runner.text("output") == "code=0\n"
    assert runner.step(VERDICT, CODE="0").returncode == 0
    assert "The gate passes" in runner.text("summary")
    found = json.loads(runner.text("compare.json"))
    assert "+Answer in one sentence." in found["what"]["prompt"]
    assert {path.name for path in (tmp_path / "runner" / "report").iterdir()} == {
        "report.html", "report.json", "report.md",
    }  # fmt: skip
    assert runner.comment().startswith("<!-- ragpress -->\n### ✅ The gate passes")
    assert "https://github.com/acme/handbook/actions/runs/1" in runner.comment()
    assert "--method POST repos/acme/handbook/issues/7/comments" in runner.text("gh-log")


@needs_git
@pytest.mark.process
def test_a_change_that_loses_answers_fails_and_replaces_the_comment(base: Path, tmp_path: Path, workflow: Any) -> None:
    (base / "docs" / "vpn.md").unlink()
    pull_request(base)
    runner = Runner(base, tmp_path / "runner", steps(workflow))
    (tmp_path / "runner" / "gh-known").write_text("4711\n", encoding="utf-8")
    for name in (BASE, COMPARE, COMMENT):
        done = runner.step(name)
        assert done.returncode == 0, done.stderr + done.stdout
    assert runner.text("output") == "code=4\n"
    assert runner.step(VERDICT, CODE="4").returncode == 4
    assert "❌ The gate refuses" in runner.comment()
    assert "docs/vpn.md is no longer in the release" in runner.comment()
    assert "--method PATCH repos/acme/handbook/issues/comments/4711" in runner.text("gh-log")


@needs_git
@pytest.mark.process
def test_a_workspace_that_is_wrong_stops_the_run_with_its_message(base: Path, tmp_path: Path, workflow: Any) -> None:
    (base / "ragpress.toml").write_text(SETTINGS + "margins = 1\n", encoding="utf-8")
    pull_request(base)
    runner = Runner(base, tmp_path / "runner", steps(workflow))
    assert runner.step(BASE).returncode == 0
    done = runner.step(COMPARE)
    assert done.returncode == 2
    assert "unknown field `margins`" in done.stdout
    assert runner.text("output") == ""


@needs_git
@pytest.mark.process
def test_a_change_is_judged_by_the_rules_of_the_base_and_its_lost_cases_are_named(
    base: Path, tmp_path: Path, workflow: Any
) -> None:
    (base / "docs" / "vpn.md").unlink()
    (base / "ragpress.toml").write_text(SETTINGS + 'must = false\ncases = "off"\n', encoding="utf-8")
    lines = "".join(json.dumps(line) + "\n" for line in LINES if line["id"] != "tea")
    (base / "cases" / "own.jsonl").write_text(lines, encoding="utf-8")
    pull_request(base)
    runner = Runner(base, tmp_path / "runner", steps(workflow))
    for name in (BASE, COMPARE, COMMENT):
        done = runner.step(name)
        assert done.returncode == 0, done.stderr + done.stdout
    assert runner.text("output") == "code=4\n"
    found = json.loads(runner.text("compare.json"))
    assert any("vpn: it passed before and fails now" in reason for reason in found["gate"]["reasons"])
    gone, rules, *_ = found["gate"]["warnings"]
    assert gone == "1 of the 4 cases that the release before was judged on is gone (0 of them had to pass)"
    assert rules.endswith("must true → false, cases auto → off")
    assert "1 of the 4 cases that the release before was judged on is gone" in runner.comment()
    assert "tea" in runner.comment()
