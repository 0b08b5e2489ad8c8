from __future__ import annotations

import numpy as np
import pytest

from evaluation.permutation import sign_test
from evaluation.sensitivity import cases_needed, smallest_drop

TAIL, MARGIN = 0.05 / 6, 0.02


def test_more_cases_show_smaller_drops() -> None:
    drops = [smallest_drop(cases, 0.02, TAIL, MARGIN) for cases in (20, 50, 100, 300, 1_000, 10_000)]
    assert drops == sorted(drops, reverse=True)
    assert MARGIN < drops[-1] < 0.03
    assert drops[0] > 0.3


def test_more_variation_hides_larger_drops() -> None:
    assert smallest_drop(200, 0.1, TAIL, MARGIN) > smallest_drop(200, 0.0, TAIL, MARGIN)


@pytest.mark.parametrize("cases", [0, 1, 6])
def test_too_few_cases_show_nothing_for_certain(cases: int) -> None:
    assert smallest_drop(cases, 0.0, TAIL, MARGIN) == 1.0


def test_the_two_answers_agree() -> None:
    needed = cases_needed(0.05, 0.03, TAIL, MARGIN)
    assert needed is not None
    assert smallest_drop(needed, 0.03, TAIL, MARGIN) <= 0.05
    assert smallest_drop(needed - 5, 0.03, TAIL, MARGIN) > 0.05


def test_no_number_of_cases_shows_what_is_within_the_margin() -> None:
    assert cases_needed(MARGIN, 0.03, TAIL, MARGIN) is None


@pytest.mark.parametrize(("cases", "churn"), [(100, 0.0), (200, 0.04), (400, 0.1)])
def test_a_drop_of_the_size_that_it_names_is_seen(cases: int, churn: float) -> None:
    """Cases that lose all they had, beside as many that gain and lose by chance: the rule itself, simulated."""
    drop = smallest_drop(cases, churn, TAIL, MARGIN)
    generator = np.random.default_rng(8)
    seen = 0
    for _ in range(400):
        drawn = generator.random(cases)
        worse, better = int((drawn < drop + churn / 2).sum()), int((drawn > 1 - churn / 2).sum())
        seen += (worse - better) / cases > MARGIN and worse > better and sign_test(better, worse) / 2 < TAIL
    assert seen / 400 >= 0.92
