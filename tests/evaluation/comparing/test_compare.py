"""Two releases over real documents: who lost what, what is judged again, and what the gate says."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cases.files import accepted, load_cases
from evaluation.comparing.candidates import Named, open_baseline, open_candidate
from evaluation.comparing.changes import parse_change
from evaluation.comparing.compare import compare
from evaluation.comparing.records import ChangedCase, Comparison
from evaluation.records import EvidenceState
from evaluation.running.evaluate import RunOptions
from tests.evaluation.comparing.samples import DOCUMENTS, LINES, SETTINGS, write_cases
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


def compared(workspace: Workspace, *options: str, prompt: str | None = None, fresh: bool = False) -> Comparison:
    environment = workspace.environment()
    named = Named(change=parse_change(prompt, options))
    cases = accepted(load_cases(workspace.root, "default"))
    sides = open_baseline(environment, named), open_candidate(environment, named)
    return compare(environment, "default", *sides, cases, RunOptions(reuse=not fresh))


def of_case(comparison: Comparison, name: str) -> ChangedCase:
    return next(case for case in comparison.changed if case.case == name)


def codes(comparison: Comparison, name: str) -> list[str]:
    return [why.code for why in of_case(comparison, name).why]


def edit(workspace: Workspace, name: str, old: str, new: str) -> None:
    assert old in DOCUMENTS[name]
    workspace.write({name: DOCUMENTS[name].replace(old, new)})


def verdict_of(comparison: Comparison) -> object:
    scores = [(side.case, side.review, side.scores, side.answer) for side in comparison.candidate.results]
    return comparison.verdict, comparison.metrics, scores, comparison.changed


def test_what_did_not_change_passes_and_is_judged_once(workspace: Workspace) -> None:
    comparison = compared(workspace)
    assert comparison.verdict.verdict == "pass"
    assert comparison.changed == ()
    assert comparison.what.nothing
    assert (comparison.baseline.totals.judged, comparison.candidate.totals.judged) == (len(LINES), 0)
    assert all(delta.delta in {0.0, None} for delta in comparison.metrics.values())
    again = compared(workspace)
    assert (again.baseline.totals.reused, again.candidate.totals.reused) == (len(LINES), len(LINES))
    assert again.candidate.totals.saved_seconds > 0


def test_after_an_edit_only_the_cases_that_it_touches_are_judged_again(workspace: Workspace) -> None:
    compared(workspace)
    edit(workspace, "vpn.md", "gate7. Use", "gate7 and stands in Lille. Use")
    again = compared(workspace)
    assert again.candidate.totals.judged == 1
    assert [result.case for result in again.candidate.results if not result.reused] == ["vpn"]
    assert again.candidate.totals.reused == len(LINES) - 1
    fresh = compared(workspace, fresh=True)
    assert fresh.candidate.totals.judged == len(LINES)
    assert verdict_of(again) == verdict_of(fresh)


def test_a_document_that_is_gone_fails_its_cases(workspace: Workspace) -> None:
    (workspace.docs / "vpn.md").unlink()
    comparison = compared(workspace)
    assert comparison.verdict.verdict == "refuse"
    assert "must" in {reason.code for reason in comparison.verdict.reasons}
    lost = of_case(comparison, "vpn")
    assert comparison.changed[0] == lost
    assert (lost.direction, lost.newly_failed) == ("worse", True)
    assert lost.evidence[0].after is EvidenceState.GONE
    assert codes(comparison, "vpn") == ["document_gone"]
    assert [(change.source, change.change) for change in comparison.what.documents] == [("docs/vpn.md", "removed")]


def test_text_that_cleaning_takes_away_is_lost_by_the_candidate(workspace: Workspace) -> None:
    comparison = compared(workspace, 'clean.drop_patterns=["The VPN server.*"]')
    lost = of_case(comparison, "vpn")
    assert comparison.verdict.verdict == "refuse"
    assert lost.evidence[0].after is EvidenceState.CHANGED
    assert codes(comparison, "vpn")[0] == "text_lost"
    assert not any(result.review for result in comparison.candidate.results)
    at = [result.case for result in comparison.candidate.results].index("vpn")
    assert comparison.candidate.results[at].scores["recall@10"] == 0.0


def test_evidence_that_was_edited_away_counts_on_no_side(workspace: Workspace) -> None:
    edit(workspace, "refunds.md", "14 days", "30 days")
    comparison = compared(workspace)
    reviews = [
        (before.case, after.case)
        for before, after in zip(comparison.baseline.results, comparison.candidate.results, strict=True)
        if before.review and after.review
    ]
    assert reviews == [("refund", "refund")]
    assert comparison.metrics["recall@10"].n == len(LINES) - 1
    assert [reason.code for reason in comparison.verdict.reasons] == ["review"]
    assert codes(comparison, "refund") == ["review"]


def test_a_file_that_was_renamed_is_still_evidence(workspace: Workspace) -> None:
    (workspace.docs / "kitchen.md").rename(workspace.docs / "canteen.md")
    comparison = compared(workspace)
    assert comparison.verdict.verdict == "pass"
    assert comparison.metrics["recall@10"].delta == 0.0
    assert codes(comparison, "tea")[0] == "evidence_moved"


def test_a_document_that_was_missing_is_a_gain(workspace: Workspace) -> None:
    line = {
        "id": "lift",
        "question": "Where does the new lift stand?",
        "answer": "It stands in the north wing.",
        "evidence": [{"source": "docs/lift.md", "quote": "The new lift stands in the north wing"}],
    }
    write_cases(workspace, [*LINES, line])
    workspace.write({"lift.md": "# Lift\n\nThe new lift stands in the north wing.\n"})
    comparison = compared(workspace)
    assert comparison.verdict.verdict == "pass"
    gained = of_case(comparison, "lift")
    assert (gained.direction, gained.newly_passed) == ("better", True)
    assert codes(comparison, "lift")[0] == "document_added"
    assert comparison.metrics["recall@10"].better == 1


def test_smaller_chunks_are_told_from_edited_documents(workspace: Workspace) -> None:
    comparison = compared(workspace, "chunk.max_tokens=16", "chunk.min_tokens=1")
    assert {change.change for change in comparison.what.documents} == {"recut"}
    assert "steps.chunk" in {change.name for change in comparison.what.settings}
    cut = [case for case in comparison.changed if "chunk_cut" in {why.code for why in case.why}]
    recut = [case for case in comparison.changed if "document_recut" in {why.code for why in case.why}]
    assert cut or recut


def test_a_candidate_that_cannot_answer_is_refused(workspace: Workspace) -> None:
    server = ("generator.base_url=http://127.0.0.1:9/v1", "generator.model=none", "generator.retries=0")
    comparison = compared(workspace, *server)
    assert comparison.verdict.verdict == "refuse"
    assert "errors" in {reason.code for reason in comparison.verdict.reasons}
    assert all(result.error is not None for result in comparison.candidate.results)
    assert {why.code for case in comparison.changed for why in case.why} == {"error"}


def test_a_strict_abstention_loses_answers(workspace: Workspace) -> None:
    comparison = compared(workspace, "answer.abstain=1.0")
    assert comparison.verdict.verdict == "refuse"
    assert all(case.newly_failed for case in comparison.changed)
    settings = [why for case in comparison.changed for why in case.why if why.code == "settings"]
    assert {why.details for why in settings} == {("answer.abstain: 0.38 → 1.0",)}


def test_both_sides_are_judged_by_the_same_checker(workspace: Workspace) -> None:
    comparison = compared(workspace, "answer.support=0.9")
    before, after = comparison.baseline.results, comparison.candidate.results
    assert [one.scores["faithfulness"] for one in before] == [one.scores["faithfulness"] for one in after]


def test_a_candidate_without_integrity_is_refused_whatever_it_answers(workspace: Workspace) -> None:
    from msgspec.structs import replace

    from evaluation.comparing.compare import INTEGRITY
    from index.release import GateRecord

    environment = workspace.environment()
    live = open_baseline(environment, Named())
    manifest = replace(live.manifest, gate=GateRecord("refuse", ("row_counts",), ("3 rows are missing",)))
    live.release.manifest = manifest
    cases = accepted(load_cases(workspace.root, "default"))
    comparison = compare(environment, "default", live, live, cases, RunOptions())
    assert comparison.verdict.verdict == "refuse"
    assert [(reason.code, reason.message) for reason in comparison.verdict.reasons] == [
        (INTEGRITY, "3 rows are missing")
    ]


def test_settings_of_the_file_are_part_of_what_is_compared(workspace: Workspace, tmp_path: Path) -> None:
    workspace.configure(SETTINGS.replace("passages = 1", "passages = 3"))
    comparison = compared(workspace)
    assert [(one.name, one.before, one.after) for one in comparison.what.settings] == [("context.passages", "1", "3")]
    assert all(case.evidence[0].read_after for case in comparison.changed)
