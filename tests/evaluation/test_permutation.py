from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evaluation import permutation
from evaluation.permutation import Swaps, sign_test, two_sided_p
from ragpress.evaluation_settings import EvaluationSettings

SETTINGS = EvaluationSettings(resamples=4_000)


def paired(before: list[float], after: list[float]) -> Swaps:
    everywhere = np.ones(len(before), dtype=bool)
    return Swaps(np.array(before), everywhere, np.array(after), everywhere)


def enumerated(deltas: list[float]) -> float:
    """The share of all signs that give a mean as far from 0, one by one."""
    seen = abs(sum(deltas))
    ways = list(product((1, -1), repeat=len(deltas)))
    extreme = [abs(sum(sign * delta for sign, delta in zip(way, deltas, strict=True))) >= seen - 1e-9 for way in ways]
    return sum(extreme) / len(ways)


@pytest.mark.parametrize("seed", range(5))
def test_few_cases_are_swapped_in_every_way(seed: int) -> None:
    deltas = np.round(np.random.default_rng(seed).normal(0.2, 0.5, size=9), 2).tolist()
    assert two_sided_p([paired([0.0] * 9, deltas)], SETTINGS) == [pytest.approx(enumerated(deltas))]


def test_cases_that_do_not_differ_change_nothing() -> None:
    deltas = [0.3, -0.1, 0.4]
    padded = paired([0.5] * 20, [0.5 + delta for delta in (*deltas, *[0.0] * 17)])
    assert two_sided_p([padded], SETTINGS) == [pytest.approx(enumerated(deltas))]


@pytest.mark.parametrize(("better", "worse"), [(0, 5), (3, 9), (40, 61), (7, 7)])
def test_equal_differences_make_the_sign_test(better: int, worse: int) -> None:
    after = [1.0] * better + [0.0] * worse
    before = [0.0] * better + [1.0] * worse
    found = two_sided_p([paired(before, after)], SETTINGS)
    assert found == [sign_test(better, worse)]
    if better + worse <= 12:
        assert found == [pytest.approx(enumerated([b - a for a, b in zip(before, after, strict=True)]))]


def test_the_sign_test_knows_coins() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(0, 5) == 2 / 32
    assert sign_test(5, 0) == 2 / 32
    assert sign_test(1, 5) == 2 * 7 / 64
    assert sign_test(500, 500) == 1.0


def test_random_swaps_come_near_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    deltas = np.round(np.random.default_rng(3).normal(0.25, 0.5, size=11), 2).tolist()
    exact = enumerated(deltas)
    monkeypatch.setattr(permutation, "EXACT_CASES", 0)
    (found,) = two_sided_p([paired([0.0] * 11, deltas)], SETTINGS)
    assert found is not None
    assert found != exact
    assert found == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 4_000) ** 0.5)


def test_a_value_that_only_one_side_has_moves_with_its_case() -> None:
    swaps = Swaps(
        before=np.array([1.0, 1.0, 0.0, 0.0]),
        has_before=np.array([True, True, False, False]),
        after=np.array([1.0, 0.0, 0.0, 1.0]),
        has_after=np.array([True, False, True, True]),
    )
    seen, extreme, ways = abs(2 / 3 - 1.0), 0, list(product((0, 1), repeat=3))
    for way in ways:
        flips = np.array([False, *map(bool, way)])
        sides = [
            np.where(flips, swaps.after, swaps.before)[np.where(flips, swaps.has_after, swaps.has_before)],
            np.where(flips, swaps.before, swaps.after)[np.where(flips, swaps.has_before, swaps.has_after)],
        ]
        extreme += abs(sides[1].mean() - sides[0].mean()) >= seen - 1e-9
    assert two_sided_p([swaps], SETTINGS) == [pytest.approx(extreme / len(ways))]


def test_where_nothing_differs_or_nothing_is_there() -> None:
    none = np.zeros(2, dtype=bool)
    empty = Swaps(np.zeros(2), none, np.zeros(2), none)
    assert two_sided_p([paired([0.5, 0.5], [0.5, 0.5]), empty], SETTINGS) == [1.0, None]


@pytest.mark.parametrize("kind", ["shares", "amounts", "ratio"])
def test_under_chance_alone_small_p_values_are_as_rare_as_they_say(kind: str) -> None:
    generator = np.random.default_rng(21)
    found = []
    for _ in range(300):
        values = generator.random((2, 60))
        present = np.ones((2, 60), dtype=bool)
        if kind == "shares":
            values = (values < 0.7).astype(float)
        if kind == "ratio":
            present = generator.random((2, 60)) < 0.5
        sides = np.where(present, values, 0.0)
        found.append(Swaps(sides[0], present[0], sides[1], present[1]))
    settings = EvaluationSettings(resamples=400)
    values = np.array([p for swaps in found if (p := two_sided_p([swaps], settings)[0]) is not None])
    for level in (0.05, 0.2, 0.5):
        assert (values <= level).mean() <= level + 3 * (level * (1 - level) / 300) ** 0.5
    if kind == "amounts":
        assert np.mean(values) == pytest.approx(0.5, abs=0.06)
