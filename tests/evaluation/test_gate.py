from __future__ import annotations

from typing import Any

import msgspec
import pytest

from evaluation.gate import check_names, decide
from evaluation.records import Case, CaseResult, GateVerdict
from evaluation.statistics import compare_metrics
from ragpress.errors import SettingsError
from ragpress.evaluation_settings import EvaluationSettings, GateSettings
from tests.evaluation.results import FEW, result

GATE = GateSettings(metrics=("passed",))


def cases(count: int, **fields: Any) -> tuple[Case, ...]:
    return tuple(Case(id=f"case-{number:04d}", question="?", **fields) for number in range(count))


def passing(count: int, failing: int = 0, name: str = "passed") -> list[CaseResult]:
    """So many results, of which the first ones fail."""
    return [result(f"case-{number:04d}", {name: float(number >= failing)}) for number in range(count)]


def verdict(
    asked: tuple[Case, ...], baseline: list[CaseResult] | None, candidate: list[CaseResult], gate: GateSettings = GATE
) -> GateVerdict:
    deltas = {} if baseline is None else compare_metrics(baseline, candidate, FEW, gate.metrics)
    return decide(asked, baseline, candidate, deltas, gate, FEW)


def codes(found: GateVerdict) -> list[str]:
    return [reason.code for reason in found.reasons]


def warned(found: GateVerdict) -> list[str]:
    return [reason.code for reason in found.warnings]


def test_equal_results_pass() -> None:
    found = verdict(cases(400), passing(400), passing(400))
    assert (found.verdict, found.reasons, found.warnings) == ("pass", (), ())
    assert found.checks == ("metrics", "values", "review", "errors", "must")


def test_a_drop_beyond_margin_and_chance_refuses_with_its_figures() -> None:
    found = verdict(cases(400), passing(400), passing(400, failing=40))
    assert (found.verdict, codes(found)) == ("refuse", ["worse"])
    (reason,) = found.reasons
    assert reason.metric == "passed"
    assert reason.values["before"] == "1.000"
    assert reason.values["after"] == "0.900"
    assert reason.values["n"] == "400"
    assert "1.000 → 0.900 (-0.100" in reason.message
    assert "40 fell, 0 rose" in reason.message


def test_a_drop_within_the_margin_passes_however_sure_it_is() -> None:
    found = verdict(cases(1000), passing(1000), passing(1000, failing=19))
    assert (found.verdict, found.warnings) == ("pass", ())


def test_a_drop_that_few_cases_cannot_tell_from_chance_passes_with_a_warning() -> None:
    found = verdict(cases(30), passing(30), passing(30, failing=4))
    assert found.verdict == "pass"
    assert warned(found) == ["undecided", "few_cases"]
    assert "cannot tell from chance" in found.warnings[0].message
    assert found.warnings[1].values["n"] == "30"
    assert int(found.warnings[1].values["needed"]) > 100


def test_sensitivity_says_what_so_many_cases_can_show() -> None:
    few = verdict(cases(50), passing(50), passing(50)).sensitivity["passed"]
    many = verdict(cases(1000), passing(1000), passing(1000)).sensitivity["passed"]
    assert few > 0.1
    assert many < 0.05


def test_a_rise_never_refuses() -> None:
    assert verdict(cases(400), passing(400, failing=100), passing(400)).verdict == "pass"


def test_more_of_what_is_better_less_refuses() -> None:
    gate = GateSettings(metrics=("total_seconds",))
    slow, fast = passing(100, name="total_seconds"), passing(100, failing=60, name="total_seconds")
    assert codes(verdict(cases(100), fast, slow, gate)) == ["worse"]
    assert verdict(cases(100), slow, fast, gate).verdict == "pass"


def test_more_metrics_ask_for_more_certainty() -> None:
    names = ("passed", "recall@10", "mrr", "token_f1", "faithfulness", "citation_recall")
    before = [result(f"case-{number:04d}", dict.fromkeys(names, 1.0)) for number in range(100)]
    after = [
        result(f"case-{number:04d}", dict.fromkeys(names, 1.0) | {"passed": float(number >= 5)})
        for number in range(100)
    ]
    assert codes(verdict(cases(100), before, after)) == ["worse"]
    found = verdict(cases(100), before, after, GateSettings(metrics=names))
    assert (found.verdict, warned(found)) == ("pass", ["undecided", "few_cases"])


def test_a_metric_that_cases_lost_refuses_though_its_mean_stayed() -> None:
    gate = GateSettings(metrics=("faithfulness",))
    before = passing(200, name="faithfulness")
    after = [result(f"case-{number:04d}", {} if number < 30 else {"faithfulness": 1.0}) for number in range(200)]
    found = verdict(cases(200), before, after, gate)
    assert codes(found) == ["lost"]
    assert "30 of 200 cases" in found.reasons[0].message
    assert len(found.reasons[0].cases) == 20


def turned_down(before: dict[str, float], must_abstain: bool) -> GateVerdict:
    """30 of 200 answers became abstentions."""
    gate = GateSettings(metrics=("faithfulness",))
    rows = [result(f"case-{number:04d}", {"faithfulness": 1.0, **before}) for number in range(200)]
    after = [
        msgspec.structs.replace(row, scores={}, abstained=True) if number < 30 else row
        for number, row in enumerate(rows)
    ]
    return verdict(cases(200, must_abstain=must_abstain), rows, after, gate)


def test_abstaining_where_that_is_right_or_the_answer_was_wrong_loses_nothing() -> None:
    assert turned_down({}, must_abstain=True).verdict == "pass"
    assert turned_down({"passed": 0.0}, must_abstain=False).verdict == "pass"
    assert codes(turned_down({"passed": 1.0}, must_abstain=False)) == ["lost"]
    assert codes(turned_down({}, must_abstain=False)) == ["lost"]


def test_answers_that_became_abstentions_and_back_are_nothing_but_churn() -> None:
    gate = GateSettings(metrics=("faithfulness",))
    before = [result(f"case-{number:04d}", {} if number < 10 else {"faithfulness": 1.0}) for number in range(100)]
    after = [result(f"case-{number:04d}", {} if number >= 90 else {"faithfulness": 1.0}) for number in range(100)]
    assert verdict(cases(100), before, after, gate).verdict == "pass"


@pytest.mark.parametrize(("after", "refused"), [(0.79, True), (0.8, False), (None, True)])
def test_floors_hold_whatever_the_live_release_does(after: float | None, refused: bool) -> None:
    gate = GateSettings(metrics=(), floors={"recall@10": 0.8})
    rows = [result("case-0000", {} if after is None else {"recall@10": after})]
    for baseline in (rows, None):
        found = verdict(cases(1), baseline, rows, gate)
        assert codes(found) == (["floor"] if refused else [])


def test_the_first_release_is_held_to_floors_and_must_cases_alone() -> None:
    asked = cases(10, tags=("must",))
    gate = GateSettings(metrics=("passed",), floors={"passed": 0.5})
    found = verdict(asked, None, passing(10, failing=2), gate)
    assert found.checks == ("floors", "must")
    assert codes(found) == ["must"]
    assert found.reasons[0].cases == ("case-0000", "case-0001")
    assert (found.warnings, found.sensitivity) == ((), {})
    assert verdict(asked, None, passing(10), gate).verdict == "pass"


def one_must(before: CaseResult, after: CaseResult, gate: GateSettings = GATE) -> GateVerdict:
    return verdict(cases(1, tags=("must",)), [before], [after], gate)


PASSES, FAILS = result("case-0000", {"passed": 1.0}), result("case-0000", {"passed": 0.0})
EDITED = result("case-0000", {"passed": 1.0}, review="the source no longer says it")
BROKEN = result("case-0000", error="the server is down")


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (PASSES, FAILS, "it passed before and fails now"),
        (PASSES, BROKEN, "the server is down"),
        (BROKEN, BROKEN, "the server is down"),
        (BROKEN, FAILS, "it fails"),
        (EDITED, EDITED, "the source no longer says it"),
        (PASSES, result("case-0000"), "could not be told"),
    ],
)
def test_a_must_case_that_is_not_shown_to_pass_refuses_and_says_why(
    before: CaseResult, after: CaseResult, why: str
) -> None:
    found = one_must(before, after)
    reasons = [reason for reason in found.reasons if reason.code == "must"]
    assert len(reasons) == 1
    assert why in reasons[0].message


@pytest.mark.parametrize(
    ("before", "after"), [(PASSES, PASSES), (FAILS, FAILS), (FAILS, PASSES), (BROKEN, PASSES), (FAILS, BROKEN)]
)
def test_a_must_case_that_passes_or_failed_before_does_not(before: CaseResult, after: CaseResult) -> None:
    assert "must" not in codes(one_must(before, after))


def test_must_cases_can_be_let_go() -> None:
    assert one_must(PASSES, FAILS, GateSettings(metrics=("passed",), must=False)).verdict == "pass"


@pytest.mark.parametrize(("edited", "refused"), [(5, False), (6, True)])
def test_too_many_cases_in_review_prove_nothing(edited: int, refused: bool) -> None:
    rows = [
        result(f"case-{number:04d}", {"passed": 1.0}, review="edited" if number < edited else "")
        for number in range(100)
    ]
    found = verdict(cases(100), rows, rows)
    assert codes(found) == (["review"] if refused else [])


@pytest.mark.parametrize(("broken", "refused"), [(2, False), (3, True)])
def test_new_errors_refuse_above_their_share(broken: int, refused: bool) -> None:
    after = passing(100)
    after[:broken] = [result(f"case-{number:04d}", error="timeout") for number in range(broken)]
    found = verdict(cases(100), passing(100), after)
    assert codes(found) == (["errors"] if refused else [])
    if refused:
        assert "case-0000: generate: GeneratorError: timeout" in found.reasons[0].message


def test_errors_that_the_live_release_has_too_are_not_the_candidates() -> None:
    rows = passing(100)
    rows[:10] = [result(f"case-{number:04d}", error="timeout") for number in range(10)]
    assert verdict(cases(100), rows, rows).verdict == "pass"


def test_when_every_case_ends_in_an_error_on_both_sides_nothing_is_shown() -> None:
    rows = [result(f"case-{number:04d}", error="down") for number in range(3)]
    found = verdict(cases(3), rows, rows)
    assert codes(found) == ["errors"]
    assert "No case could be compared" in found.reasons[0].message


def test_a_gated_metric_that_no_case_has_is_named() -> None:
    found = verdict(cases(400), passing(400), passing(400), GateSettings(metrics=("passed", "citation_recall")))
    assert (found.verdict, warned(found)) == ("pass", ["unmeasured"])
    assert found.warnings[0].metric == "citation_recall"
    many = verdict(cases(400), passing(400), passing(400), GateSettings(metrics=("mrr", "passed", "citation_recall")))
    assert [note.message for note in many.warnings] == [
        "mrr, citation_recall are gated, and no case has a value of them on both sides"
    ]


def test_too_few_draws_to_refuse_anything_are_no_pass() -> None:
    sure = EvaluationSettings(resamples=200, confidence=0.999)
    before, after = passing(400), passing(400, failing=200)
    deltas = compare_metrics(before, after, sure, GATE.metrics)
    with pytest.raises(SettingsError, match="set it to 1000 or more"):
        decide(cases(400), before, after, deltas, GATE, sure)


def test_without_cases_there_is_nothing_to_refuse() -> None:
    assert verdict((), [], []).verdict == "pass"


@pytest.mark.parametrize("gate", [GateSettings(metrics=("recal@10",)), GateSettings(floors={"recal@10": 0.5})])
def test_a_metric_that_is_misspelt_is_named_with_the_nearest(gate: GateSettings) -> None:
    with pytest.raises(SettingsError, match=r"'recal@10', which is no metric. Did you mean 'recall@10'"):
        check_names(gate, set())


def test_metrics_of_plugins_are_known_by_the_results_that_have_them() -> None:
    check_names(GateSettings(metrics=("house_style",)), {"house_style"})
    with pytest.raises(SettingsError, match="It may be one of"):
        check_names(GateSettings(metrics=("zzz",)), set())
