"""Reciprocal rank fusion against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import reciprocal_rank_fusion


def test_the_sum_over_rankings() -> None:
    fused = reciprocal_rank_fusion({"a": ["x", "y"], "b": ["y"]}, {"a": 1.0, "b": 2.0}, 60)

    assert fused == pytest.approx({"x": 1 / 61, "y": 1 / 62 + 2 / 61})


def test_a_stage_without_weight_adds_nothing() -> None:
    assert reciprocal_rank_fusion({"a": ["x"], "b": ["y"]}, {"a": 1.0, "b": 0.0}, 60) == pytest.approx({"x": 1 / 61})


@given(st.lists(st.integers(), unique=True, max_size=30))
def test_one_ranking_keeps_its_order(items: list[int]) -> None:
    fused = reciprocal_rank_fusion({"a": items}, {"a": 0.5}, 60)

    assert sorted(fused, key=lambda item: -fused[item]) == items
