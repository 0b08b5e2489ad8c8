"""Fusion against its definitions, and what it must do with searches that know nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragpress.settings import RetrievalSettings
from retrieval.fuse import convex_combination, fuse, reciprocal_rank_fusion, relative, shares

EQUAL = (1.0, 1.0)
Scored = list[tuple[int, float]]


def ranked(scores: list[float]) -> Scored:
    """Items numbered by rank."""
    return list(enumerate(sorted(scores, reverse=True)))


def order(scores: dict[int, float]) -> list[int]:
    """Items by score, then by number."""
    return sorted(scores, key=lambda item: (-scores[item], item))


cosines = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30, unique=True).map(ranked)
bm25 = st.lists(st.floats(0.125, 60, width=32), max_size=30, unique=True).map(ranked)


def test_the_sum_over_rankings() -> None:
    fused = reciprocal_rank_fusion({"a": ["x", "y"], "b": ["y"]}, {"a": 1.0, "b": 2.0}, 60)

    assert fused == pytest.approx({"x": 1 / 61, "y": 1 / 62 + 2 / 61})


def test_a_stage_without_weight_adds_nothing() -> None:
    assert reciprocal_rank_fusion({"a": ["x"], "b": ["y"]}, {"a": 1.0, "b": 0.0}, 60) == pytest.approx({"x": 1 / 61})
    assert convex_combination([("x", 0.9)], [("y", 9.0)], (1.0, 0.0), 10.0, 50) == {"x": 1.0}
    assert convex_combination([("x", 0.9)], [("y", 9.0)], (0.0, 1.0), 10.0, 50) == {"y": 0.9}


@given(st.lists(st.integers(), unique=True, max_size=30))
def test_one_ranking_keeps_its_order(items: list[int]) -> None:
    fused = reciprocal_rank_fusion({"a": items}, {"a": 0.5}, 60)

    assert sorted(fused, key=lambda item: -fused[item]) == items


def test_cosines_count_from_the_last_candidate_to_the_best() -> None:
    assert relative([("a", 0.9), ("b", 0.85), ("c", 0.8)]) == pytest.approx({"a": 1.0, "b": 0.5, "c": 0.0})
    assert relative([("a", 0.9), ("b", 0.9)]) == {"a": 1.0, "b": 1.0}
    assert relative([]) == {}


def test_lexical_scores_are_shares_of_the_ceiling() -> None:
    ranking = [("a", 8.0), ("b", 2.0)]

    assert shares(ranking, 10.0, depth=3) == {"a": 0.8, "b": 0.2}
    assert shares(ranking, 10.0, depth=2) == pytest.approx({"a": 0.6, "b": 0.0})
    assert shares(ranking, 0.0, depth=3) == {"a": 0.0, "b": 0.0}


def test_the_weighted_mean_of_both() -> None:
    fused = convex_combination([("x", 0.9), ("y", 0.7)], [("y", 6.0), ("z", 3.0)], (3.0, 1.0), 12.0, 50)

    assert fused == pytest.approx({"x": 0.75, "y": 0.125, "z": 0.0625})


def test_words_that_hardly_match_do_not_move_what_the_dense_search_finds() -> None:
    dense = [("right", 0.86), ("near", 0.84), ("far", 0.78)]
    noise = [("far", 1.1), ("other", 0.9)]

    by_score = convex_combination(dense, noise, EQUAL, 40.0, 50)
    by_rank = reciprocal_rank_fusion({"a": ["right", "near", "far"], "b": ["far", "other"]}, {"a": 1.0, "b": 1.0}, 60)

    assert max(by_score, key=lambda item: by_score[item]) == "right"
    assert max(by_rank, key=lambda item: by_rank[item]) == "far"


def test_a_full_match_of_rare_words_outweighs_a_small_gap_of_cosines() -> None:
    dense = [("similar", 0.86), ("exact", 0.855), ("far", 0.78)]

    fused = convex_combination(dense, [("exact", 20.0), ("similar", 4.0)], EQUAL, 40.0, 50)

    assert max(fused, key=lambda item: fused[item]) == "exact"


@given(cosines)
def test_the_dense_search_alone_keeps_its_order(dense: Scored) -> None:
    assert order(convex_combination(dense, [], EQUAL, 0.0, 50)) == [item for item, _ in dense]


@given(bm25, st.floats(1, 500), st.integers(1, 40))
def test_the_lexical_search_alone_keeps_its_order(lexical: Scored, ceiling: float, depth: int) -> None:
    fused = convex_combination([], lexical, EQUAL, ceiling, depth)

    assert all(fused[a] >= fused[b] for (a, _), (b, _) in pairwise(lexical))


@given(cosines, bm25, st.floats(1, 500))
def test_only_the_ratio_of_the_weights_matters(dense: Scored, lexical: Scored, ceiling: float) -> None:
    once = convex_combination(dense, lexical, (0.5, 0.75), ceiling, 50)

    assert convex_combination(dense, lexical, (2.0, 3.0), ceiling, 50) == pytest.approx(once)
    assert set(once) == {item for item, _ in dense} | {item for item, _ in lexical}


@given(cosines, bm25, st.floats(1, 500))
def test_better_in_both_is_better(dense: Scored, lexical: Scored, ceiling: float) -> None:
    fused = convex_combination(dense, lexical, EQUAL, ceiling, 50)
    first, second = dict(dense), dict(lexical)
    for item in first.keys() & second.keys():
        for other in first.keys() & second.keys():
            if first[item] > first[other] and second[item] > second[other]:
                assert fused[item] >= fused[other]


def test_what_cannot_hold_the_words_is_not_held_back_by_them() -> None:
    dense = [("foreign", 0.9), ("own", 0.86), ("far", 0.8)]
    lexical = [("own", 8.0), ("far", 1.0)]

    unaware = convex_combination(dense, lexical, EQUAL, 10.0, 50)
    aware = convex_combination(dense, lexical, EQUAL, 10.0, 50, {"foreign", "not found at all"})

    assert max(unaware, key=lambda item: unaware[item]) == "own"
    assert aware == pytest.approx({"foreign": 0.5 + 0.4, "own": unaware["own"], "far": unaware["far"]})


def test_a_foreign_item_keeps_a_better_lexical_score_of_its_own() -> None:
    lexical = [("name", 9.0), ("own", 3.0)]

    aware = convex_combination([("own", 0.9), ("name", 0.8)], lexical, EQUAL, 10.0, 50, {"name"})

    assert aware["name"] == pytest.approx(0.45)


@given(cosines, bm25, st.floats(1, 500))
def test_where_everything_is_foreign_and_no_word_matches_the_dense_order_stands(
    dense: Scored, lexical: Scored, ceiling: float
) -> None:
    others = [(-1 - item, score) for item, score in lexical]
    foreign = {item for item, _ in dense}

    fused = convex_combination(dense, others, EQUAL, ceiling, 50, foreign)

    assert [fused[item] for item, _ in dense] == sorted((fused[item] for item in foreign), reverse=True)


def test_the_settings_choose_the_method() -> None:
    dense, lexical = [("x", 0.9), ("y", 0.8)], [("y", 5.0)]
    by_rank = RetrievalSettings(fusion="reciprocal_rank", lexical_weight=2.0)

    assert fuse(dense, lexical, by_rank, 10.0, 50) == pytest.approx({"x": 1 / 61, "y": 1 / 62 + 2 / 61})
    by_score = RetrievalSettings(dense_weight=1.0, lexical_weight=1.0)
    assert fuse(dense, lexical, by_score, 10.0, 50) == pytest.approx({"x": 0.5, "y": 0.25})
