"""The commands ``ragpress repair``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from index.findings import find_finding, list_events, record_findings
from index.repairs.records import repair_id
from ragpress.cli import app
from ragpress.errors import RagpressError, UsageError
from serving.commands.shared import DONE, REFUSED
from tests.feedback.repairing.samples import QUESTION, finding, quarantine, supersede
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

SUPERSEDE = supersede("returns-2019.md", "returns-2025.md")
NAME = repair_id(SUPERSEDE)


def run(workspace: Workspace, *arguments: str, code: int = DONE) -> Result:
    done = CliRunner().invoke(app, ["--workspace", str(workspace.root), *arguments])
    if isinstance(done.exception, RagpressError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def said(workspace: Workspace, *arguments: str, code: int = DONE) -> Any:
    return json.loads(run(workspace, *arguments, "--json", code=code).stdout)


@pytest.fixture
def known(workspace: Workspace) -> Workspace:
    """The workspace with a finding in its journal."""
    record_findings(workspace.environment(), [finding(SUPERSEDE, release=live_of(workspace) or "")])
    return workspace


def live_of(workspace: Workspace) -> str | None:
    return workspace.environment().releases("default").live_id()


def test_without_apply_it_is_proven_and_nothing_goes_live(known: Workspace) -> None:
    before = live_of(known)
    shown = said(known, "repair", "--finding", "f1")
    assert shown["candidate"] != before
    assert (shown["published"], shown["gate"], shown["evaluation"]) == (False, None, None)
    (repair,) = shown["repairs"]
    assert (repair["repair_id"], repair["finding_id"], repair["kind"]) == (NAME, "f1", "supersede")
    assert repair["document_id"].startswith("d")
    assert repair["applied"] is False
    assert shown["findings"][0]["proof"]["fixed"] is True
    assert live_of(known) == before
    kept = find_finding(known.environment(), "f1")
    assert kept is not None
    assert kept.proof is not None
    assert said(known, "repair", "--finding", "f1")["candidate"] == shown["candidate"]
    text = run(known, "repair", "--all").stdout
    for part in (QUESTION, "Before:", "After:", "Nothing was changed"):
        assert part in text


def test_with_apply_what_helps_goes_live_and_can_be_taken_back(known: Workspace) -> None:
    shown = said(known, "repair", "--all", "--apply")
    assert (shown["published"], shown["gate"]["verdict"], shown["candidate"]) == (True, "pass", live_of(known))
    assert shown["repairs"][0]["applied"] is True
    assert "45 days" in said(known, "ask", QUESTION)["answer"]
    (listed,) = said(known, "repair", "list")["repairs"]
    assert (listed["repair_id"], listed["applied"]) == (NAME, True)
    assert NAME in run(known, "repair", "list").stdout
    assert said(known, "repair", "show", NAME[:14])["newer"] == "docs/returns-2025.md"
    assert "docs/returns-2019.md" in run(known, "repair", "show", NAME).stdout
    assert "Repairs" in run(known, "releases", "show").stdout
    assert NAME in said(known, "releases", "show")["changes"]
    assert said(known, "repair", "--all")["findings"] == []
    assert said(known, "repair", "revert", NAME, "--reason", "no")["state"] == "published"
    assert "14 days" in said(known, "ask", QUESTION)["answer"]
    assert "There is no repair" in run(known, "repair", "list").stdout


def test_what_is_refused_exits_with_its_own_code(workspace: Workspace) -> None:
    record_findings(workspace.environment(), [finding(SUPERSEDE, quarantine("roses.md"))])
    folder = workspace.root / "cases"
    folder.mkdir()
    case: dict[str, Any] = {"id": "old", "question": QUESTION, "answer": "14 days", "tags": ["must"]}
    case["evidence"] = [{"source": "docs/returns-2019.md", "quote": "14 days"}]
    (folder / "own.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
    shown = said(workspace, "repair", "--finding", "f1", "--apply", code=REFUSED)
    assert (shown["published"], shown["gate"]["verdict"]) == (False, "refuse")
    assert shown["gate"]["reasons"]


def test_a_person_approves_or_rejects(known: Workspace) -> None:
    assert said(known, "repair", "reject", "f1", "--reason", "both are right")["state"] == "rejected"
    assert said(known, "repair", "--all")["findings"] == []
    shown = said(known, "repair", "approve", "f1", "--later")
    assert (shown["published"], shown["findings"][0]["finding_id"]) == (False, "f1")
    assert said(known, "repair", "approve", "f1")["published"] is True
    kinds = [event.kind for event in reversed(list_events(known.environment()))]
    assert kinds == ["rejected", "approved", "proven", "applied", "published"]
    with pytest.raises(UsageError, match="live already"):
        run(known, "repair", "reject", "f1")


def test_what_cannot_be_meant_is_said(known: Workspace) -> None:
    with pytest.raises(UsageError, match="Say which"):
        run(known, "repair")
    with pytest.raises(UsageError, match="Say which"):
        run(known, "repair", "--all", "--finding", "f1")
    with pytest.raises(UsageError, match="no finding 'f9'"):
        run(known, "repair", "--finding", "f9")
    with pytest.raises(UsageError, match="no repair 'x'"):
        run(known, "repair", "revert", "x")
