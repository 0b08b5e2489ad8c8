"""Candidates are judged on the cases before they go live, and a person can let one through all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.judge import judge_candidate
from index.evaluations import EvaluationSummary, list_evaluations
from index.history import publish
from index.judging import Judgement
from index.pipeline import IngestRequest, ingest
from index.prompt_versions import PublishHow, publish_prompt
from index.report import IngestReport
from ragpress.errors import GateRefusedError, SettingsError
from ragpress.prompts import built_in_text
from serving.commands.shared import DONE, REFUSED
from tests.evaluation.comparing.samples import DOCUMENTS, LINES, SETTINGS, cased_workspace, write_cases
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

REPOSITORY = Path(__file__).parents[2]
WITHOUT = """
import sys
from pathlib import Path
from evaluation.judge import judge_candidate
from index.environment import open_release
from ragpress.wiring import open_environment
environment = open_environment(Path(sys.argv[1]))
release = open_release(environment, "default", None)
before = set(sys.modules)
assert judge_candidate(environment, release, release) is None
print(",".join(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""


def evaluations(workspace: Workspace) -> list[EvaluationSummary]:
    return list_evaluations(workspace.environment().store)


def run(workspace: Workspace, **request: Any) -> IngestReport:
    return ingest(IngestRequest(**request), workspace.environment())


def live_of(workspace: Workspace) -> str | None:
    return workspace.environment().releases("default").live_id()


def judged(workspace: Workspace) -> Judgement | None:
    return judge_candidate(workspace.environment(), workspace.open(), workspace.open())


def without_vpn(workspace: Workspace, **request: Any) -> IngestReport:
    """An ingest after the document of a ``must`` case was removed."""
    (workspace.docs / "vpn.md").unlink()
    return run(workspace, **request)


def test_without_cases_there_is_nothing_to_judge_by(workspace: Workspace) -> None:
    (workspace.root / "cases" / "own.jsonl").unlink()
    assert judged(workspace) is None
    (workspace.root / "cases").rmdir()
    assert judged(workspace) is None
    assert evaluations(workspace) == []


def test_only_accepted_cases_of_the_collection_count(workspace: Workspace) -> None:
    lines = [LINES[0] | {"state": "proposed"}, LINES[1] | {"collection": "other"}, LINES[2] | {"state": "rejected"}]
    write_cases(workspace, lines)
    assert judged(workspace) is None


def test_cases_of_a_collection_that_there_is_not_are_named(workspace: Workspace) -> None:
    write_cases(workspace, [*LINES[:3], LINES[3] | {"collection": "defualt"}])
    found = judged(workspace)
    assert found is not None
    assert found.warnings[-1].startswith("nobody is asked 1 of the cases: 'roses' is of 'defualt'")


def test_the_gate_can_leave_the_cases_out(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + 'cases = "off"\n')
    write_cases(workspace, [{"nonsense": 1}])
    found = judged(workspace)
    assert found is not None
    assert (found.verdict, found.checks, found.evaluation) == ("pass", (), None)
    assert found.warnings == ('no case was asked: [gate] cases is "off"',)


def test_what_the_gate_was_not_asked_is_said_in_the_release(workspace: Workspace) -> None:
    assert run(workspace, compact=True).evaluation is not None
    (workspace.root / "cases" / "own.jsonl").unlink()
    report = run(workspace, compact=True)
    assert (report.gate, report.published, report.evaluation) == ("pass", True, None)
    (warning,) = report.gate_warnings
    assert "there are none any more" in warning
    assert workspace.open().manifest.gate.warnings == report.gate_warnings


def test_cases_and_rules_that_the_release_before_was_judged_by_are_not_dropped_unseen(workspace: Workspace) -> None:
    run(workspace, compact=True)
    write_cases(workspace, [LINES[0] | {"question": "When are refunds paid?"}, *LINES[2:]])
    workspace.configure(SETTINGS.replace("margin = 0.02", 'margin = 0.5\nmetrics = ["passed"]'))
    report = without_vpn(workspace)
    assert (report.gate, report.published) == ("pass", True)
    gone, changed, rules, *_ = report.gate_warnings
    assert gone == "1 of the 4 cases that the release before was judged on is gone (1 of them had to pass)"
    assert changed.endswith("has another question, answer or evidence")
    assert "margin 0.02 → 0.5, metrics without recall@10" in rules
    page = workspace.environment().store.read(f"evaluations/{report.evaluation}/report.html").decode()
    assert gone in page
    assert not [note for note in run(workspace, compact=True).gate_warnings if "release before" in note]


def test_a_rebuild_is_compared_with_what_is_live(workspace: Workspace) -> None:
    before = live_of(workspace)
    report = without_vpn(workspace, rebuild=True)
    assert (report.gate, report.published, live_of(workspace)) == ("refuse", False, before)
    assert any("vpn: it passed before" in reason for reason in report.gate_reasons)


def test_a_rebuild_of_a_broken_release_says_that_nothing_was_compared(workspace: Workspace) -> None:
    for file in workspace.open().manifest.files():
        (workspace.root / ".ragpress" / file.key).unlink()
    report = run(workspace, rebuild=True)
    assert (report.gate, report.published) == ("pass", True)
    assert any("only floors and must cases were checked" in note for note in report.gate_warnings)


def test_a_damaged_evaluation_stops_no_gate(workspace: Workspace) -> None:
    kept = run(workspace, compact=True).evaluation
    folder = workspace.root / ".ragpress" / "evaluations" / str(kept)
    for name in ("summary.json", "terms.json", "report.json"):
        path = folder / name
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:40])
    report = run(workspace, compact=True)
    assert (report.gate, report.published) == ("pass", True)
    assert [one.id for one in evaluations(workspace)] == [report.evaluation]


def test_a_wrong_case_is_told(workspace: Workspace) -> None:
    write_cases(workspace, [{"nonsense": 1}])
    with pytest.raises(SettingsError, match=r"own\.jsonl"):
        judged(workspace)


@pytest.mark.process
def test_without_cases_nothing_is_imported(workspace: Workspace) -> None:
    (workspace.root / "cases" / "own.jsonl").unlink()
    command = [sys.executable, "-c", WITHOUT, str(workspace.root)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "evaluation" not in done.stdout
    assert {"numpy", "torch", "pytrec_eval", "jinja2"}.isdisjoint(done.stdout.strip().split(","))


def test_a_first_release_needs_its_floors_and_its_must_cases(tmp_path: Path) -> None:
    workspace = cased_workspace(tmp_path)
    workspace.configure(SETTINGS + '[gate.floors]\n"recall@10" = 0.9\n')
    report = run(workspace)
    assert (report.gate, report.published) == ("pass", True)
    (kept,) = evaluations(workspace)
    assert (kept.kind, kept.verdict, kept.baseline, kept.judged) == ("gate", "pass", None, len(LINES))
    assert kept.id == report.evaluation == workspace.open().manifest.evaluation


def test_a_first_release_below_its_floor_is_refused(tmp_path: Path) -> None:
    workspace = cased_workspace(tmp_path)
    workspace.configure(SETTINGS + "[gate.floors]\npassed = 1.0\n")
    report = without_vpn(workspace)
    assert (report.gate, report.published, live_of(workspace)) == ("refuse", False, None)
    assert any("passed is 0.750" in reason for reason in report.gate_reasons)
    (kept,) = evaluations(workspace)
    assert kept.verdict == "refuse"


def test_an_edit_that_hurts_nothing_goes_live(workspace: Workspace) -> None:
    workspace.write({"vpn.md": DOCUMENTS["vpn.md"] + "\nIt stands in Lille.\n"})
    report = run(workspace)
    assert (report.gate, report.published) == ("pass", True)
    (kept,) = evaluations(workspace)
    assert (kept.kind, kept.verdict, kept.baseline is not None) == ("gate", "pass", True)
    assert kept.label == "candidate"
    assert "cases: must" in workspace.open().manifest.gate.checks


def test_a_lost_must_case_is_refused_and_the_report_is_kept(workspace: Workspace) -> None:
    before = live_of(workspace)
    report = without_vpn(workspace)
    assert (report.gate, report.published, live_of(workspace)) == ("refuse", False, before)
    assert any("vpn" in reason for reason in report.gate_reasons)
    (kept,) = evaluations(workspace)
    assert (kept.id, kept.verdict, kept.release) == (report.evaluation, "refuse", report.release)
    page = workspace.environment().store.read(f"evaluations/{kept.id}/report.html").decode()
    assert "What is the VPN server called?" in page


def test_what_changes_no_answer_is_not_judged_again(workspace: Workspace) -> None:
    assert run(workspace, compact=True).gate == "pass"
    assert run(workspace, compact=True).gate == "pass"
    last, first = evaluations(workspace)
    assert (first.judged, first.reused) == (len(LINES), len(LINES))
    assert (last.judged, last.reused) == (0, 2 * len(LINES))


def test_an_override_is_recorded_in_the_release(workspace: Workspace) -> None:
    report = without_vpn(workspace, override="the VPN was switched off")
    assert (report.gate, report.published) == ("overridden", True)
    manifest = workspace.open().manifest
    override = manifest.gate.override
    assert (manifest.id, manifest.gate.verdict) == (report.release, "refuse")
    assert override is not None
    assert override.why == "the VPN was switched off"
    assert override.by
    assert override.at.startswith("20")
    found = workspace.environment().releases("default").pointer()
    assert found is not None
    assert "the VPN was switched off" in found[0].why


def test_a_refused_release_can_be_published_by_a_person(workspace: Workspace) -> None:
    report = without_vpn(workspace)
    environment = workspace.environment()
    assert report.release is not None
    with pytest.raises(GateRefusedError, match=report.release):
        publish(environment, "default", report.release, None)
    record = publish(environment, "default", report.release, "the VPN was switched off")
    assert live_of(workspace) == report.release
    assert "gate overridden: the VPN was switched off" in record.why
    (override,) = environment.releases("default").overrides(workspace.open().manifest)
    assert (override.why, bool(override.by), override.at[:2]) == ("the VPN was switched off", True, "20")


def test_a_candidate_is_judged_again_only_where_cases_or_rules_are_others(workspace: Workspace) -> None:
    workspace.write({"vpn.md": DOCUMENTS["vpn.md"] + "\nIt stands in Lille.\n"})
    plain = str(run(workspace, publish=False).release)
    (workspace.docs / "kitchen.md").unlink()
    lacking = str(run(workspace, publish=False).release)
    assert len(evaluations(workspace)) == 2
    write_cases(workspace, [*LINES[:2], LINES[2] | {"tags": ["must"]}, LINES[3]])
    with pytest.raises(GateRefusedError, match="tea: it passed before and fails now"):
        publish(workspace.environment(), "default", lacking, None)
    write_cases(workspace, LINES)
    publish(workspace.environment(), "default", plain, None)
    assert live_of(workspace) == plain
    assert len(evaluations(workspace)) == 3


def strict_prompt(workspace: Workspace) -> None:
    (workspace.root / "prompts").mkdir()
    text = built_in_text().replace('system = """', 'system = """Always decline.\n', 1)
    (workspace.root / "prompts" / "strict.toml").write_text(text, encoding="utf-8")


def test_a_prompt_is_judged_and_can_be_overridden(workspace: Workspace) -> None:
    before = live_of(workspace)
    strict_prompt(workspace)
    workspace.configure(SETTINGS.replace("[context]", "[answer]\nabstain = 1.0\n\n[context]"))
    environment = workspace.environment()
    with pytest.raises(GateRefusedError) as refused:
        publish_prompt(environment, "default", "strict", "to be safe")
    assert live_of(workspace) == before
    assert refused.value.evaluation == evaluations(workspace)[0].id
    done = publish_prompt(environment, "default", "strict", "to be safe", PublishHow(override="legal wants it"))
    assert done.published
    override = workspace.open().manifest.gate.override
    assert override is not None
    assert override.why == "legal wants it"


def test_a_generator_that_is_down_is_said_and_can_be_overridden(workspace: Workspace) -> None:
    before = live_of(workspace)
    server = '[generator]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "none"\nretries = 0\n\n'
    workspace.configure(server + SETTINGS)
    report = run(workspace)
    assert (report.gate, report.published, live_of(workspace)) == ("refuse", False, before)
    (reason,) = report.gate_reasons
    assert reason.startswith("the gate could not be run: each of the 4 cases ends in an error")
    assert "GeneratorUnavailableError" in reason
    assert "--override WHY" in reason
    (kept,) = evaluations(workspace)
    assert (kept.verdict, kept.errors, kept.reasons) == ("refuse", len(LINES), (reason,))
    assert run(workspace, override="the server comes back at noon").published


def test_a_first_release_whose_generator_is_down_is_not_waved_through(tmp_path: Path) -> None:
    workspace = cased_workspace(tmp_path, [LINES[0]])
    workspace.configure('[generator]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "none"\nretries = 0\n\n' + SETTINGS)
    report = run(workspace)
    assert (report.gate, report.published) == ("refuse", False)
    assert report.gate_reasons[0].startswith("the gate could not be run")


@pytest.mark.process
def test_every_command_takes_a_persons_word(workspace: Workspace) -> None:
    from tests.ragpress.test_cli import answer

    root = workspace.root
    (workspace.docs / "vpn.md").unlink()
    refused = answer(root, "ingest", code=REFUSED)
    assert (refused["gate"], refused["published"]) == ("refuse", False)
    answer(root, "releases", "publish", refused["release"], "--override", "the VPN is gone", code=DONE)
    assert live_of(workspace) == refused["release"]
    (root / "ragpress.toml").write_text("[answer]\nabstain = 1.0\n\n" + SETTINGS, encoding="utf-8")
    strict_prompt(workspace)
    answer(root, "prompts", "publish", "strict", code=REFUSED)
    done = answer(root, "prompts", "publish", "strict", "--override", "legal wants it", code=DONE)
    assert done["published"] is True
    shown = answer(root, "releases", "show", code=DONE)
    assert shown["gate"]["override"]["why"] == "legal wants it"
