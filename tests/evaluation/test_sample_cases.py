"""The cases of the sample folder: every quote stands in its document, and the sample release answers most of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluation.cases.files import accepted, load_cases
from evaluation.cases.locate import EvidenceFinder
from evaluation.records import MUST, Case, EvidenceState
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.subjects import open_subject
from examples.demo_evaluation import IMPORTANT, SAMPLE_CASES, WANTED
from tests.workspace import Workspace


def sample_cases(root: Path) -> tuple[Case, ...]:
    (root / "cases").mkdir(parents=True)
    shutil.copy(SAMPLE_CASES, root / "cases")
    return load_cases(root, "default")


def test_they_are_of_both_languages_and_some_have_no_answer(tmp_path: Path) -> None:
    cases = sample_cases(tmp_path)
    assert accepted(cases) == cases
    assert 20 <= len(cases) <= 30
    chinese = [case for case in cases if case.question > "\u3400"]
    assert len(chinese) >= 10
    assert len([case for case in cases if case.must_abstain]) >= 4
    assert IMPORTANT in [case.id for case in cases if MUST in case.tags]
    assert len([case for case in cases if MUST in case.tags]) == 2
    assert all(case.must_abstain or (case.answer and case.evidence) for case in cases)


@pytest.mark.model
def test_their_evidence_is_found_and_the_sample_answers_most_of_them(sample: Workspace) -> None:
    cases = sample_cases(sample.root)
    release = sample.open()
    finder = EvidenceFinder(release)
    lost = [item.source for case in cases for item in finder.locate(case) if item.state != EvidenceState.FOUND]
    assert lost == []
    subject = open_subject(sample.environment(), release, "live")
    results = evaluate(sample.environment(), subject, cases, RunOptions()).results
    assert [one.error for one in results if one.error] == []
    passed = {one.case for one in results if one.scores["passed"] == 1.0}
    assert len(passed) >= WANTED * len(cases)
    assert {case.id for case in cases if MUST in case.tags} <= passed
    # Their sentences go on with a clause that negates something else.
    assert {"zh-inlet-height", "zh-password-length"} <= passed
