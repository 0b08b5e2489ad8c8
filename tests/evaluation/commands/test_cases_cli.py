"""The commands about cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ragpress.cli import app
from ragpress.errors import RagpressError, UsageError
from serving.commands.shared import DONE, FAILED
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

MILL = "# Mill\n\nThe mill was built in 1780 by Ann Rye. A fire destroyed it in 1902, and nobody rebuilt it.\n"
TABLE = """question,answer,source,quote,tags
Who built the mill?,Ann Rye,docs/mill.md,The mill was built in 1780 by Ann Rye.,must
What ended it?,a fire,docs/mill.md,A storm destroyed it in 1902,
"""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that no test changes."""
    return _made(tmp_path_factory.mktemp("standing"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return _made(tmp_path)


def _made(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"mill.md": MILL})
    made.ingest()
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    return made


def _run(workspace: Workspace, *arguments: str, code: int = DONE) -> Result:
    done = CliRunner().invoke(app, ["--workspace", str(workspace.root), "eval", *arguments])
    if isinstance(done.exception, RagpressError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def _said(workspace: Workspace, *arguments: str, code: int = DONE) -> Any:
    return json.loads(_run(workspace, *arguments, "--json", code=code).stdout)


def test_cases_are_imported_listed_accepted_and_rejected(workspace: Workspace) -> None:
    imported = _said(workspace, "import", str(workspace.root / "table.csv"), "--tag", "mill")
    first, second = _said(workspace, "cases", "list")["cases"]
    assert (imported["imported"], imported["accepted"], imported["file"]) == (2, 1, "table.jsonl")
    assert [item["case"] for item in imported["unmatched"]] == [second["id"]]
    assert (first["tags"], second["state"]) == (["must", "mill"], "proposed")
    accepted = _said(workspace, "cases", "accept", "--all")
    assert accepted["cases"] == [second["id"]]
    assert "no longer says this" in accepted["notes"][0]
    _said(workspace, "cases", "reject", first["id"])
    assert _said(workspace, "cases", "list", "--state", "rejected")["counts"]["accepted"] == 1
    assert [case["id"] for case in _said(workspace, "cases", "list", "--tag", "must")["cases"]] == [first["id"]]


def test_what_a_case_quotes_is_shown_reviewed_and_mended(workspace: Workspace) -> None:
    _said(workspace, "import", str(workspace.root / "table.csv"))
    _said(workspace, "cases", "accept", "--all")
    (item,) = _said(workspace, "cases", "review")["items"]
    assert (item["state"], item["suggestion"]["source"]) == ("changed", "docs/mill.md")
    assert _said(workspace, "cases", "show", item["case"])["evidence"][0]["state"] == "changed"
    _said(workspace, "cases", "update", item["case"], "--quote", "A fire destroyed it in 1902")
    assert _said(workspace, "cases", "review")["items"] == []
    assert _said(workspace, "cases", "show", item["case"])["line"] == 2
    assert _said(workspace, "cases", "update", "--moved")["cases"] == []


def test_people_read_tables(workspace: Workspace) -> None:
    imported = _run(workspace, "import", str(workspace.root / "table.csv")).stdout
    listed = _run(workspace, "cases", "list").stdout
    name = _said(workspace, "cases", "list", "--state", "proposed")["cases"][0]["id"]
    shown = _run(workspace, "cases", "show", name).stdout
    _run(workspace, "cases", "accept", name)
    reviewed = _run(workspace, "cases", "review").stdout
    mended = _run(workspace, "cases", "update", name, "--suggested").stdout
    assert "2 cases imported into cases/table.jsonl: 1 accepted, 1 proposed" in imported
    assert "1 accepted, 1 proposed" in listed
    assert "evidence 1 [changed]: docs/mill.md: “A storm destroyed it in 1902”" in shown
    assert "+ docs/mill.md: “A fire destroyed it in 1902" in reviewed
    assert f"1 case changed in table.jsonl: {name}" in mended


def test_rows_that_are_no_case_fail_the_command(workspace: Workspace) -> None:
    (workspace.root / "bad.csv").write_text("question,answer\n,x\nq,a\n", encoding="utf-8")
    done = _run(workspace, "import", str(workspace.root / "bad.csv"), code=FAILED)
    assert "No case (1):" in done.stdout
    assert "line 2: it has no question" in done.stdout


def test_no_feedback_gives_no_case(standing: Workspace) -> None:
    assert _said(standing, "import", "--feedback")["imported"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "table.csv", "--feedback"],
        ["import", "table.csv", "--since", "2026-01-01"],
        ["cases", "accept"],
        ["cases", "accept", "x", "--all"],
        ["cases", "accept", "x"],
        ["cases", "update", "x"],
        ["cases", "update", "--suggested"],
        ["cases", "update", "x", "--moved"],
        ["cases", "update", "x", "--answer", "y", "--suggested"],
        ["cases", "show", "x"],
    ],
)
def test_options_that_make_no_sense_together_are_refused(standing: Workspace, arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        _run(standing, *arguments)
