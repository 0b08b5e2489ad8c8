"""What is new outweighs nothing that is lost: cases whose evidence came with the candidate are no excuse."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evaluation.comparing.compare import Pair, reckoned
from evaluation.comparing.differences import Differences
from evaluation.comparing.records import Comparison, WhatChanged
from evaluation.comparing.settle import new_to
from evaluation.records import CaseResult, EvaluatedRelease, EvidenceState, SubjectInfo, Totals
from ragpress.evaluation_settings import EvaluationSettings, GateSettings
from ragpress.settings import CollectionSettings
from tests.evaluation.comparing.samples import case, failed, located, result
from tests.workspace import default_settings

GONE, FOUND = EvidenceState.GONE, EvidenceState.FOUND
SIDE = SubjectInfo(
    label="live",
    release="r1",
    trial=False,
    prompt="p",
    generator="g",
    content="c",
    documents=1,
    chunks=1,
    created="",
)
NOTHING = Differences(what=WhatChanged(), documents={})


def settings() -> CollectionSettings:
    own: CollectionSettings = default_settings()
    return replace(own, evaluation=EvaluationSettings(resamples=400), gate=GateSettings(metrics=("passed",)))


def side(name: str, passed: float, state: EvidenceState = FOUND) -> CaseResult:
    return result(case=name, scores={"passed": passed}, evidence=(located(state),))


def compared(before: list[CaseResult], after: list[CaseResult]) -> Comparison:
    sides = [EvaluatedRelease(subject=SIDE, results=tuple(found), totals=Totals()) for found in (before, after)]
    cases = tuple(case(id=found.case) for found in after)
    return reckoned("default", Pair(cases=cases, baseline=sides[0], candidate=sides[1]), settings(), NOTHING, ())


def test_gains_on_new_evidence_hide_no_loss() -> None:
    old = [f"old-{number:03d}" for number in range(100)]
    new = [f"new-{number:03d}" for number in range(60)]
    before = [*(side(name, 1.0) for name in old), *(side(name, 0.0, GONE) for name in new)]
    after = [*(side(name, float(at >= 15)) for at, name in enumerate(old)), *(side(name, 1.0) for name in new)]
    found = compared(before, after)
    assert found.metrics["passed"].delta == pytest.approx((60 - 15) / 160)
    (reason,) = found.verdict.reasons
    assert (reason.code, reason.metric, reason.values["n"], reason.values["worse"]) == ("worse", "passed", "100", "15")
    (note,) = [note for note in found.verdict.warnings if note.code == "new_evidence"]
    assert note.message.startswith("60 of 160 cases ask for evidence that the baseline does not have")


def test_cases_that_are_all_new_are_let_through_and_it_says_that_nothing_was_measured() -> None:
    found = compared([side("a", 0.0, GONE), side("b", 0.0, GONE)], [side("a", 1.0), side("b", 0.0)])
    assert found.verdict.verdict == "pass"
    assert {note.code for note in found.verdict.warnings} == {"unmeasured", "new_evidence"}


def test_a_baseline_that_cannot_run_is_said() -> None:
    broken = [replace(side(name, 1.0), scores={}, error=failed()) for name in "ab"]
    found = compared(broken, [side("a", 1.0), side("b", 1.0)])
    assert found.verdict.verdict == "pass"
    assert "baseline_errors" in {note.code for note in found.verdict.warnings}


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [((GONE,), (FOUND,), True), ((GONE, FOUND), (FOUND, FOUND), False), ((GONE,), (GONE,), False), ((), (), False)],
)
def test_new_is_a_case_of_which_the_baseline_has_no_evidence_at_all(
    before: tuple[EvidenceState, ...], after: tuple[EvidenceState, ...], new: bool
) -> None:
    sides = [result(evidence=tuple(located(state) for state in states)) for states in (before, after)]
    assert new_to(*sides) is new
