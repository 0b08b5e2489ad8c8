from __future__ import annotations

import numpy as np
import pytest

from evaluation.resampling import Ratio, draws_of_cases, intervals
from ragpress.evaluation_settings import EvaluationSettings

SIMULATED = 250


def test_every_resample_has_as_many_cases_as_there_are() -> None:
    blocks = list(draws_of_cases(7, 50, 3))
    drawn = np.concatenate(blocks)
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn.sum(axis=0) > 0).all()


def test_large_samples_are_drawn_in_blocks_that_differ() -> None:
    blocks = list(draws_of_cases(2_500_000, 2, 0))
    assert [block.shape for block in blocks] == [(1, 2_500_000)] * 2
    assert (blocks[0] != blocks[1]).any()


def test_an_interval_agrees_with_all_resamples_of_few_cases() -> None:
    """Every resample of four cases, each as likely as any other: the levels can be looked up."""
    values = np.array([0.0, 0.1, 0.5, 1.0])
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 4), axis=-1).reshape(-1, 4)
    means = values[grid].mean(axis=1)
    settings = EvaluationSettings(resamples=40_000, confidence=0.8)
    (found,) = intervals([(Ratio(values, np.ones(4)),)], settings)
    assert found is not None
    covered = ((means >= found[0]) & (means <= found[1])).mean()
    assert covered == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(("chance", "cases"), [(0.5, 40), (0.85, 60), (0.95, 200)])
def test_intervals_of_shares_hold_the_truth_as_often_as_they_say(chance: float, cases: int) -> None:
    generator = np.random.default_rng(11)
    settings = EvaluationSettings(resamples=500, confidence=0.9)
    samples = (generator.random((SIMULATED, cases)) < chance).astype(float)
    # All samples are resampled by the same draws, which correlates nothing that is counted here.
    bounds = intervals([(Ratio(sample, np.ones(cases)),) for sample in samples], settings)
    held = [low <= chance <= high for found in bounds if found is not None for low, high in [found]]
    assert len(held) == SIMULATED
    assert 0.84 <= np.mean(held) <= 0.96


def test_intervals_of_a_ratio_hold_the_truth_though_its_count_varies() -> None:
    generator = np.random.default_rng(12)
    settings = EvaluationSettings(resamples=500, confidence=0.9)
    present = generator.random((SIMULATED, 120)) < 0.4
    values = np.where(present, generator.random((SIMULATED, 120)) ** 3, 0.0)
    bounds = intervals([(Ratio.of(*pair),) for pair in zip(values, present, strict=True)], settings)
    held = [low <= 0.25 <= high for found in bounds if found is not None for low, high in [found]]
    assert len(held) == SIMULATED
    assert 0.84 <= np.mean(held) <= 0.96


def test_a_skewed_sample_gets_a_skewed_interval() -> None:
    values = np.array([0.0] * 45 + [1.0] * 5)
    (found,) = intervals([(Ratio(values, np.ones(50)),)], EvaluationSettings(resamples=2_000))
    assert found is not None
    assert found[1] - 0.1 > 0.1 - found[0]
