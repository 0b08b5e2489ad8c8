from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from feedback.loop.sequential import evidence, sign_test, together


def turned(seed: int, before: float, after: float, sizes: tuple[int, int] = (1000, 250)) -> bool:
    """Whether the test, looked at after every answer, ever says that the share of bad answers rose."""
    drawn = np.random.default_rng(seed)
    old, new = (list(drawn.random(size) < share) for size, share in zip(sizes, (before, after), strict=True))
    return bool((evidence(old, new) >= 20).any())


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_looking_after_every_answer_rarely_raises_a_false_alarm(share: float) -> None:
    assert sum(turned(seed, share, share) for seed in range(200)) <= 10


def test_fewer_bad_answers_are_never_a_turn_for_the_worse() -> None:
    assert sum(turned(seed, 0.4, 0.1) for seed in range(100)) == 0


def test_many_more_bad_answers_are_seen() -> None:
    assert sum(turned(seed, 0.05, 0.4) for seed in range(100)) == 100


@pytest.mark.parametrize("learnt", [[False], [True]])
@pytest.mark.parametrize(("before", "after"), [(0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.5, 0.2), (0.9, 0.1)])
def test_a_block_expects_at_most_one_where_the_share_did_not_rise(
    learnt: list[bool], before: float, after: float
) -> None:
    expected = 0.0
    for old, new in product((False, True), repeat=2):
        weight = (before if old else 1 - before) * (after if new else 1 - after)
        # The first quarter of what was before is learnt from; one block is looked at.
        expected += weight * float(evidence([*learnt, old, *([False] * 4)], [new])[-1])
    assert expected <= 1 + 1e-9


def test_nothing_known_of_one_side_says_nothing() -> None:
    assert len(evidence([], [True] * 50)) == 0
    assert len(evidence([False] * 50, [])) == 0
    assert len(together([])) == 0
    assert len(together([np.ones(0), np.ones(3)])) == 3


def test_several_signs_together_are_their_mean() -> None:
    assert together([np.array([1.0, 4.0]), np.array([3.0, 0.0])]).tolist() == [2.0, 2.0]


def test_evidence_stays_finite() -> None:
    process = evidence([False] * 4000, [True] * 2000)
    assert np.isfinite(process).all()
    assert process[-1] > 1e100


@pytest.mark.parametrize(
    ("worse", "better", "probability"), [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (3, 1, 5 / 16), (0, 4, 1.0)]
)
def test_the_sign_test_is_exact(worse: int, better: int, probability: float) -> None:
    assert sign_test(worse, better) == pytest.approx(probability)
