"""``ragpress eval compare`` as a user calls it: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evaluation.commands.compare_printing import compared
from evaluation.comparing.candidates import Named
from evaluation.comparing.changes import parse_change
from evaluation.comparing.session import Asked, Compared, run_compare
from index.evaluations import list_evaluations
from ragpress.errors import SettingsError, UsageError
from serving.commands.shared import DONE, REFUSED, USAGE
from tests.evaluation.comparing.samples import DOCUMENTS, LINES, SETTINGS
from tests.evaluation.model_judge.samples import Grades, grade
from tests.ragpress.test_cli import answer, run
from tests.serving.generate.scripted_server import ScriptedServer
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


def outcome(workspace: Workspace, *options: str, **asked: Any) -> Compared:
    named = Named(change=parse_change(None, options))
    return run_compare(workspace.environment(), Asked(named=named, **asked))


def printed(record: Compared) -> str:
    out = io.StringIO()
    compared(record, Console(file=out, width=100, force_terminal=False))
    return out.getvalue()


@pytest.mark.process
def test_its_json_has_the_fields_of_the_contract(workspace: Workspace, tmp_path: Path) -> None:
    found = answer(workspace.root, "eval", "compare", "--set", "context.passages=2", "--output", str(tmp_path / "out"))
    assert set(found) >= {
        "baseline", "candidate", "metrics", "changed_cases", "judged", "reused", "gate", "report",
    }  # fmt: skip
    assert set(found["metrics"]["recall@10"]) >= {"baseline", "candidate", "delta", "ci", "p", "n"}
    assert found["gate"]["verdict"] == "pass"
    assert found["gate"]["reasons"] == []
    assert found["baseline"] == found["candidate"]
    assert found["sides"][1]["trial"] is True
    assert found["judged"] + found["reused"] == len(LINES)
    assert found["report"] == str(tmp_path / "out" / "report.html")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "report.json", "report.md"}


@pytest.mark.process
def test_a_refusal_has_an_exit_code_of_its_own(workspace: Workspace) -> None:
    (workspace.docs / "vpn.md").unlink()
    found = answer(workspace.root, "eval", "compare", code=REFUSED)
    assert found["gate"]["verdict"] == "refuse"
    assert found["changed_cases"][0]["case"] == "vpn"
    assert found["changed_cases"][0]["why"][0]["code"] == "document_gone"
    again = run(workspace.root, "eval", "compare", "live", found["candidate"])
    assert again.returncode == REFUSED
    assert again.stdout.startswith("The gate refuses it: live → r00002-")


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "chunk.max_token=3"), "Did you mean 'max_tokens'"),
        (("--set", "chunk"), "expected SECTION.NAME=VALUE"),
        (("--case", "nobody"), "There is no case 'nobody'"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(workspace: Workspace, arguments: tuple[str, ...], said: str) -> None:
    done = run(workspace.root, "eval", "compare", *arguments)
    assert done.returncode == USAGE
    assert said in " ".join(done.stderr.split())


def test_the_verdict_is_printed_first_and_the_report_last(workspace: Workspace) -> None:
    (workspace.docs / "vpn.md").unlink()
    record = outcome(workspace)
    lines = [line.rstrip() for line in printed(record).splitlines()]
    assert lines[0] == "The gate refuses it: live → workspace"
    assert any("vpn" in line and "passed before" in line for line in lines[1:3])
    assert any(line.startswith(" recall@10") and "▼ -0.250" in line for line in lines)
    assert "  ▼ vpn  What is the VPN server called?  fails now" in lines
    assert "      docs/vpn.md is no longer in the release" in lines
    assert lines[-1] == f"Report: {record.report}"
    assert Path(record.report).is_file()


def test_nothing_changed_is_said(workspace: Workspace) -> None:
    outcome(workspace)
    text = printed(outcome(workspace))
    assert text.startswith("The gate passes it: live → workspace")
    assert "No case changed." in text
    assert "\n4 cases; candidate: 0 judged, 4 reused (saved " in text
    assert "; baseline: 0 judged, 4 reused\n" in text
    assert "p is two-sided and not corrected" in text


def test_names_cannot_command_the_terminal(workspace: Workspace) -> None:
    workspace.write({"\x1b[31mred.md": "# Red\n\n" + DOCUMENTS["vpn.md"]})
    (workspace.docs / "vpn.md").unlink()
    assert "\x1b" not in printed(outcome(workspace))


def test_only_the_cases_that_are_asked_for_are_compared(workspace: Workspace) -> None:
    assert outcome(workspace, tags=("must",)).cases == 1
    assert outcome(workspace, cases=("tea", "roses")).cases == 2
    with pytest.raises(UsageError, match="No case has the tag 'none'"):
        outcome(workspace, tags=("none",))


def test_every_comparison_is_kept(workspace: Workspace) -> None:
    record = outcome(workspace, "context.passages=2")
    (kept,) = list_evaluations(workspace.environment().store)
    assert (kept.id, kept.kind, kept.label) == (record.evaluation, "compare", "context.passages=2")
    assert (kept.verdict, kept.baseline, kept.cases) == ("pass", record.baseline, len(LINES))


def test_the_report_opens_in_the_language_that_is_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    record = outcome(workspace, language="zh", output=tmp_path / "zh")
    assert '<html lang="zh' in Path(record.report).read_text(encoding="utf-8")
    body = json.loads((tmp_path / "zh" / "report.json").read_bytes())
    assert body["evaluation"] == record.evaluation


def test_a_judge_must_be_set(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match="No judge is set"):
        outcome(workspace, judge=True)


def test_done_is_zero() -> None:
    assert (DONE, USAGE, REFUSED) == (0, 2, 4)


async def test_a_served_model_judges_both_sides_beside_the_gate(workspace: Workspace) -> None:
    async with ScriptedServer(Grades(grade(5))) as server:
        workspace.configure(SETTINGS + f'\n[judge]\nbase_url = "{server.base_url}"\nrepeats = 2\n')
        record = await asyncio.to_thread(outcome, workspace, "context.passages=2", judge=True, cases=("tea", "vpn"))
    assert record.judge is not None
    delta = record.judge.deltas["judge_correctness"]
    assert (delta.baseline, delta.candidate, delta.n) == (1.0, 1.0, 2)
    assert not [name for name in record.metrics if name.startswith("judge_")]
    text = printed(record)
    assert "as judge, 2 times each, no part of the gate:" in text
    assert "judge_faithfulness" in text
    assert "judge_correctness" in Path(record.report).read_text(encoding="utf-8")
