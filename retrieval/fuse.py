"""Reciprocal rank fusion of several rankings (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")


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
