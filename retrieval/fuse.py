"""Fusion of the dense and the lexical search into one ranking, as pure functions.

**Convex combination** (the default; Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval",
TOIS 2023) adds up scores, each brought to a common scale first:

- a cosine says little by itself (models crowd all of them into a narrow band), so it is taken relative to the
  question's own candidates: 1 for the best, 0 for the last one;
- a BM25 score is divided by the most that the question's terms could give. It stays an absolute measure: the share of
  the question, weighed by the rarity of its terms, that a chunk really holds. A question whose words do not stand in
  the documents, above all one in another language, gets small lexical scores throughout, and the dense search decides
  alone. Ranks cannot tell this: reciprocal rank fusion gives the best of the noise as much as a perfect match.

A chunk in another script than the question cannot hold its words, whatever it says (``retrieval.scripts``): its lexical
score is missing rather than low, and is taken to agree with the dense search.

What one search did not return has no score there. It is at most that of the last candidate, so scores are counted
from the last candidate's on where the search was cut off, and from 0 where it returned everything it has.

**Reciprocal rank fusion** (Cormack, Clarke and Büttcher, SIGIR 2009) is there for searches without usable scores.

The default weights were chosen on the even half (checksum of the question's id) of the questions of the sets that
``benchmarks.quality`` measures; docs/benchmarks.md shows the other half.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias, TypeVar

from ragpress.settings import RetrievalSettings

Key = TypeVar("Key")
Ranking: TypeAlias = Sequence[tuple[Key, float]]


def fuse(
    dense: Ranking[Key],
    lexical: Ranking[Key],
    settings: RetrievalSettings,
    ceiling: float,
    depth: int,
    foreign: Collection[Key] = (),
) -> dict[Key, float]:
    """Fuse two rankings as the settings say.

    Args:
        dense: items and cosines, best first; empty when the dense search did not run.
        lexical: items and BM25 scores, best first; empty when the lexical search did not run.
        settings: method and weights.
        ceiling: the highest BM25 score that a text could get for the question.
        depth: length at which the rankings were cut off.
        foreign: items in another script than the question, whose words they cannot hold.

    Returns:
        The score of every item that stands in a ranking of non-zero weight; no score depends on the order in which
        equal items come, so ties can be broken by what does not change between builds.
    """
    if settings.fusion == "reciprocal_rank":
        rankings = {"dense": [item for item, _ in dense], "lexical": [item for item, _ in lexical]}
        weights = {"dense": settings.dense_weight, "lexical": settings.lexical_weight}
        return reciprocal_rank_fusion(rankings, weights, settings.rrf_k)
    pair = (settings.dense_weight, settings.lexical_weight)
    return convex_combination(dense, lexical, pair, ceiling, depth, foreign)


def convex_combination(
    dense: Ranking[Key],
    lexical: Ranking[Key],
    weights: tuple[float, float],
    ceiling: float,
    depth: int,
    foreign: Collection[Key] = (),
) -> dict[Key, float]:
    """Fuse by score: the weighted mean of the relative cosine and the share of the highest BM25 score.

    Args:
        dense: items and cosines, best first; at most ``depth``.
        lexical: items and BM25 scores, best first; at most ``depth``.
        weights: of the dense and of the lexical score; only their ratio matters. At least one is above 0.
        ceiling: the highest BM25 score that an item could get for the question.
        depth: a ranking of this length was cut off.
        foreign: items that cannot hold the question's words: their lexical score is missing, not low. They get the best
            share times their relative cosine: as if both searches thought alike of them.

    Returns:
        The score of every item that stands in a ranking of non-zero weight, from 0 to about 1.
    """
    total = sum(weights)
    scores: dict[Key, float] = {}
    nearness, held = relative(dense), shares(lexical, ceiling, depth)
    best = max(held.values(), default=0.0)
    if weights[0] > 0:
        held.update({item: max(held.get(item, 0.0), best * nearness[item]) for item in foreign if item in nearness})
    for parts, weight in ((nearness, weights[0]), (held, weights[1])):
        if weight > 0:
            for item, part in parts.items():
                scores[item] = scores.get(item, 0.0) + weight / total * part
    return scores


def relative(ranking: Ranking[Key]) -> dict[Key, float]:
    """Scores relative to the ranking's own: 1 for the first item, 0 for the last; 1 for all when all are equal."""
    if not ranking:
        return {}
    best, last = ranking[0][1], ranking[-1][1]
    span = best - last
    return {item: (score - last) / span if span > 0 else 1.0 for item, score in ranking}


def shares(ranking: Ranking[Key], ceiling: float, depth: int) -> dict[Key, float]:
    """Scores as shares of the highest possible one, counted from the last item's if the ranking was cut off.

    Args:
        ranking: items and scores above 0, best first.
        ceiling: the highest possible score; nothing is gained where it is not above 0.
        depth: a ranking of this length was cut off.
    """
    floor = ranking[-1][1] if len(ranking) >= depth else 0.0
    return {item: (score - floor) / ceiling if ceiling > 0 else 0.0 for item, score in ranking}


def reciprocal_rank_fusion(
    rankings: Mapping[str, Sequence[Key]], weights: Mapping[str, float], constant: float
) -> dict[Key, float]:
    """Fuse rankings into one score per item: the sum of weight / (constant + rank).

    Args:
        rankings: items by stage, best first.
        weights: weight of each stage.
        constant: damps the difference between the first ranks; 60 in the paper.

    Returns:
        The score of every item that stands in a ranking of non-zero weight.
    """
    scores: dict[Key, float] = {}
    for stage, items in rankings.items():
        weight = weights[stage]
        if weight <= 0:
            continue
        for rank, item in enumerate(items, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (constant + rank)
    return scores
