"""The gate asks a stage above before a release goes live, and records what a person decides against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.environment import Environment
from index.history import publish, rollback
from index.judging import Judgement
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from index.prompt_versions import PublishHow, publish_prompt
from index.report import IngestReport
from index.runs import DONE, REFUSED, exit_code
from ragpress.errors import GateRefusedError, GeneratorUnavailableError
from ragpress.prompts import built_in_text
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


class Judge:
    """Says what it is told to, and remembers what it was asked."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, environment: Environment, candidate: OpenRelease, live: OpenRelease | None) -> Judgement | None:
        candidate.load()
        self.asked.append((candidate.manifest.id, None if live is None else live.manifest.id))
        verdict = "refuse" if self.reasons else "pass"
        return Judgement(verdict=verdict, checks=("cases",), reasons=self.reasons, evaluation="e1")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"a.md": "# Apples\n\nApples ripen in week 36.\n"})
    made.ingest()
    return made


def edited(workspace: Workspace, judge: Judge, **request: object) -> IngestReport:
    workspace.write({"a.md": "# Apples\n\nApples ripen in week 37.\n"})
    return ingest(IngestRequest(**request), workspace.environment(judge=judge))  # type: ignore[arg-type]


def live_of(workspace: Workspace) -> str | None:
    return workspace.environment().releases("default").live_id()


def test_a_candidate_is_judged_against_the_live_release(workspace: Workspace) -> None:
    before, judge = live_of(workspace), Judge()
    report = edited(workspace, judge)
    assert judge.asked == [(report.release, before)]
    assert (report.gate, report.evaluation, report.published, exit_code(report)) == ("pass", "e1", True, DONE)
    manifest = workspace.open().manifest
    assert (manifest.evaluation, manifest.gate.baseline) == ("e1", before)
    assert "cases" in manifest.gate.checks


def test_a_refused_candidate_is_kept_and_the_live_release_stays(workspace: Workspace) -> None:
    before = live_of(workspace)
    report = edited(workspace, Judge("recall@10 fell from .9 to .5"))
    assert (report.gate, report.published, exit_code(report)) == ("refuse", False, REFUSED)
    assert live_of(workspace) == before
    assert report.release is not None
    kept = workspace.open(report.release).manifest
    assert (kept.gate.verdict, kept.gate.reasons) == ("refuse", ("recall@10 fell from .9 to .5",))


def test_an_override_is_recorded_in_the_release(workspace: Workspace) -> None:
    report = edited(workspace, Judge("worse"), override="the old\ntext was wrong")
    assert (report.gate, report.published, exit_code(report)) == ("overridden", True, DONE)
    manifest = workspace.open().manifest
    assert manifest.id == report.release
    assert manifest.gate.verdict == "refuse"
    assert manifest.gate.override is not None
    assert manifest.gate.override.why == "the old text was wrong"
    record = workspace.environment().releases("default").pointer()
    assert record is not None
    assert record[0].why.startswith("publish, gate overridden: the old text was wrong (by ")


def test_an_override_of_a_candidate_that_passes_is_not_needed_and_not_recorded(workspace: Workspace) -> None:
    report = edited(workspace, Judge(), override="just in case")
    assert (report.gate, workspace.open().manifest.gate.override) == ("pass", None)


def test_cases_that_cannot_be_run_publish_nothing(workspace: Workspace) -> None:
    before = live_of(workspace)

    def down(*_: object) -> Judgement | None:
        raise GeneratorUnavailableError("The server at http://127.0.0.1:1 cannot be reached.")

    workspace.write({"a.md": "# Apples\n\nApples ripen in week 38.\n"})
    report = ingest(IngestRequest(), workspace.environment(judge=down))
    assert (report.gate, live_of(workspace)) == ("refuse", before)
    assert "the cases could not be run" in report.gate_reasons[0]
    assert "cannot be reached" in report.gate_reasons[0]


def test_a_prompt_is_judged_and_a_refused_one_changes_nothing(workspace: Workspace) -> None:
    (workspace.root / "prompts").mkdir()
    (workspace.root / "prompts/brief.toml").write_text(built_in_text().replace("documents", "papers"), encoding="utf-8")
    before, judge = live_of(workspace), Judge("answer_correctness fell")
    environment = workspace.environment(judge=judge)
    with pytest.raises(GateRefusedError, match="answer_correctness fell") as refused:
        publish_prompt(environment, "default", "brief", "shorter")
    assert refused.value.evaluation == "e1"
    assert live_of(workspace) == before
    assert not list((workspace.root / "repairs").glob("*.json"))
    record = publish_prompt(environment, "default", "brief", "shorter", PublishHow(override="users asked for it"))
    assert record.published
    assert workspace.open().manifest.gate.override is not None


def test_a_candidate_is_judged_again_when_another_release_went_live_meanwhile(workspace: Workspace) -> None:
    first = edited(workspace, Judge(), publish=False)
    workspace.write({"b.md": "# Pears\n\nPears ripen in week 40.\n"})
    second = ingest(IngestRequest(), workspace.environment(judge=Judge()))
    assert first.release is not None
    judge = Judge("pears are gone")
    environment = workspace.environment(judge=judge)
    with pytest.raises(GateRefusedError, match="pears are gone"):
        publish(environment, "default", first.release, None)
    assert judge.asked == [(first.release, second.release)]
    assert live_of(workspace) == second.release
    record = publish(environment, "default", first.release, "pears come later", by="ann")
    assert record.release == first.release
    manifest = environment.releases("default").get(first.release)
    assert [(one.why, one.by) for one in environment.releases("default").overrides(manifest)] == [
        ("pears come later", "ann")
    ]


def test_a_release_that_was_live_before_returns_without_being_judged(workspace: Workspace) -> None:
    before = live_of(workspace)
    edited(workspace, Judge())
    judge = Judge("would refuse everything")
    assert before is not None
    assert rollback(workspace.environment(judge=judge), "default", None).release == before
    later = publish(workspace.environment(judge=judge), "default", before, None)
    assert (later.release, judge.asked) == (before, [])
