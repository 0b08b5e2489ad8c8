from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.records import CaseResult, MetricDelta
from evaluation.statistics import compare_metrics, holm, mean_of, summarise
from ragpress.evaluation_settings import EvaluationSettings
from tests.evaluation.results import FEW, coins, result, results

VALUES = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))


def one(baseline: list[CaseResult], candidate: list[CaseResult], name: str = "m") -> MetricDelta:
    return compare_metrics(baseline, candidate, FEW, (name,))[name]


def test_a_mean_counts_what_is_there_and_what_is_missing() -> None:
    found = summarise(results(m=[1.0, 0.0, None, 1.0]), FEW)["m"]
    assert found.mean == pytest.approx(2 / 3)
    assert (found.n, found.missing) == (3, 1)
    assert found.ci is not None
    assert found.ci[0] < 2 / 3 < found.ci[1]


def test_cases_in_review_or_error_have_no_part_in_a_mean() -> None:
    rows = [result("a", {"m": 1.0}), result("b", {"m": 0.0}, review="edited"), result("c", {"m": 0.0}, error="down")]
    found = summarise(rows, FEW)["m"]
    assert (found.mean, found.n, found.missing) == (1.0, 1, 2)
    assert mean_of(rows, "m") == 1.0
    assert mean_of(rows, "other") is None


@pytest.mark.parametrize(
    ("values", "mean", "n"),
    [([], None, 0), ([None, None], None, 0), ([0.4], 0.4, 1), ([0.4, 0.4, 0.4], 0.4, 3), ([None, 0.4], 0.4, 1)],
)
def test_without_variation_the_interval_is_the_mean_itself(
    values: list[float | None], mean: float | None, n: int
) -> None:
    rows = results(m=values) or [CaseResult(case="x", fingerprint="", key="", missing={"m": "none"})]
    found = summarise(rows, FEW)["m"]
    assert (found.mean, found.n) == (mean, n)
    assert found.ci == (None if mean is None else (mean, mean))


def test_no_results_have_no_metrics() -> None:
    assert summarise([], FEW) == {}
    assert compare_metrics([], [], FEW, ("m",)) == {}


def test_values_that_are_no_numbers_are_missing() -> None:
    found = summarise(results(m=[float("nan"), float("inf"), 0.5]), FEW)["m"]
    assert (found.mean, found.n, found.missing) == (0.5, 1, 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), max_size=25), st.randoms(use_true_random=False))
def test_whatever_the_values_figures_are_finite_and_order_does_not_matter(
    pairs: list[tuple[float | None, float | None]], chance: random.Random
) -> None:
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    sides = results(m=before, abstention_precision=before), results(m=after, abstention_precision=after)
    found = compare_metrics(*sides, FEW, ("m", "abstention_precision"))
    for delta in found.values():
        figures = [delta.delta, delta.p, delta.p_adjusted, *(delta.ci or ())]
        assert all(figure is None or np.isfinite(figure) for figure in figures)
        assert delta.n + delta.missing == len(pairs)
        assert (delta.delta is None) == (delta.ci is None) == (delta.p is None)
        if delta.ci is not None and delta.delta is not None and delta.p is not None:
            assert delta.ci[0] <= delta.ci[1]
            assert 0 < delta.p <= 1
    order = list(range(len(pairs)))
    chance.shuffle(order)
    shuffled = [[side[place] for place in order] for side in sides]
    assert compare_metrics(shuffled[0], shuffled[1], FEW, ("m", "abstention_precision")) == found


def test_the_same_results_give_the_same_figures_whatever_else_is_measured() -> None:
    before, after = coins(0.8, 60, 1), coins(0.7, 60, 2)
    alone = compare_metrics(results(m=before), results(m=after), FEW, ("m",))["m"]
    beside = compare_metrics(results(a=after, m=before), results(a=before, m=after), FEW, ("m",))["m"]
    assert alone == beside
    assert summarise(results(m=before), FEW)["m"] == summarise(results(a=after, m=before), FEW)["m"]


def test_swapping_the_sides_turns_the_sign_and_nothing_else() -> None:
    generator = np.random.default_rng(4)
    before, after = generator.random(40).tolist(), generator.random(40).tolist()
    there, back = one(results(m=before), results(m=after)), one(results(m=after), results(m=before))
    assert there.delta is not None
    assert back.delta == pytest.approx(-there.delta)
    assert back.p == there.p
    assert (back.better, back.worse) == (there.worse, there.better)


def test_a_case_counts_only_where_both_sides_have_a_value() -> None:
    found = one(results(m=[1.0, 1.0, None, 0.0]), results(m=[0.0, None, 1.0, 0.0]))
    assert (found.baseline, found.candidate, found.delta) == (0.5, 0.0, -0.5)
    assert (found.n, found.missing, found.worse, found.better) == (2, 2, 1, 0)


def test_a_case_in_review_or_error_on_one_side_counts_on_neither() -> None:
    before = [result("a", {"m": 1.0}), result("b", {"m": 1.0}), result("c", {"m": 1.0})]
    after = [result("a", {"m": 1.0}), result("b", {"m": 0.0}, review="edited"), result("c", error="down")]
    found = one(before, after)
    assert (found.delta, found.n, found.missing, found.worse) == (0.0, 1, 2, 0)


def test_abstention_precision_is_averaged_over_the_abstentions_of_each_side() -> None:
    before = results(abstention_precision=[1.0, 1.0, None, None])
    after = results(abstention_precision=[1.0, None, 0.0, 0.0])
    found = one(before, after, "abstention_precision")
    assert found.baseline == 1.0
    assert found.candidate == pytest.approx(1 / 3)
    assert found.delta == pytest.approx(-2 / 3)
    assert (found.n, found.missing) == (4, 0)


def test_one_side_without_any_value_cannot_be_compared() -> None:
    found = one(results(abstention_precision=[1.0]), results(abstention_precision=[None]), "abstention_precision")
    assert (found.baseline, found.candidate) == (1.0, None)
    assert (found.delta, found.ci, found.p, found.p_adjusted) == (None, None, None, None)


def test_equal_sides_differ_by_nothing() -> None:
    found = one(results(m=[0.2, 0.9, None]), results(m=[0.2, 0.9, None]))
    assert (found.delta, found.ci, found.p, found.p_adjusted) == (0.0, (0.0, 0.0), 1.0, 1.0)


def test_different_cases_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="same cases"):
        one([result("a", {"m": 1.0})], [result("b", {"m": 1.0})])
    with pytest.raises(ValueError, match="one result per case"):
        summarise([result("a"), result("a")], FEW)


def test_only_tested_metrics_are_corrected_and_for_their_number() -> None:
    before = results(x=[1.0] * 10, y=[1.0] * 10, z=[1.0] * 10)
    after = results(x=[0.0] * 10, y=[0.0] * 5 + [1.0] * 5, z=[0.0] * 8 + [1.0] * 2)
    found = compare_metrics(before, after, FEW, ("x", "y", "unknown"))
    assert found["x"].p == pytest.approx(2 / 2**10)
    assert found["x"].p_adjusted == pytest.approx(4 / 2**10)
    assert found["y"].p_adjusted == found["y"].p == pytest.approx(2 / 2**5)
    assert found["z"].p_adjusted is None


def test_holm_is_as_in_his_paper() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_another_seed_draws_other_cases() -> None:
    rows = results(m=np.random.default_rng(5).random(30).tolist())
    other = msgspec.structs.replace(FEW, seed=1)
    assert summarise(rows, FEW)["m"].ci != summarise(rows, other)["m"].ci
    assert summarise(rows, FEW) == summarise(rows, EvaluationSettings(resamples=1_000))
