"""Measures of a ranking and of retrieved spans, as pure functions.

Binary relevance throughout. Definitions: hit@k and reciprocal rank as in Voorhees (TREC-8, 1999), nDCG as in
Järvelin and Kekäläinen (TOIS 2002), spans as in "Evaluating Chunking Strategies for Retrieval" (Smith and
Troynikov, Chroma 2024) with characters in place of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

Span = tuple[str, int, int]


class Overlap(NamedTuple):
    """How the retrieved spans of one question cover its gold spans; all shares of characters.

    Attributes:
        recall: of the gold characters, those that were retrieved.
        precision: of the retrieved characters, those that are gold.
        iou: those in both, of those in either.
    """

    recall: float
    precision: float
    iou: float


def hit(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """1 if one of the first ``k`` is relevant, else 0."""
    return float(any(item in gold for item in ranking[:k]))


def recall(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Share of the relevant items that stand among the first ``k``."""
    return len(set(ranking[:k]) & set(gold)) / len(gold)


def reciprocal_rank(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """1 over the rank of the first relevant item, 0 when none is among the first ``k``."""
    return next((1 / rank for rank, item in enumerate(ranking[:k], start=1) if item in gold), 0.0)


def ndcg(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Normalised discounted cumulative gain of the first ``k``; items of the ranking are distinct."""
    gain = sum(_discount(rank) for rank, item in enumerate(ranking[:k], start=1) if item in gold)
    return gain / sum(_discount(rank) for rank in range(1, min(k, len(gold)) + 1))


def overlap(retrieved: Iterable[Span], gold: Iterable[Span]) -> Overlap:
    """Compare the union of the retrieved spans with the union of the gold spans.

    Args:
        retrieved: source, first character, one past the last.
        gold: the same; at least one character in all.
    """
    found, wanted = _characters(retrieved), _characters(gold)
    both = len(found & wanted)
    return Overlap(both / len(wanted), both / len(found) if found else 0.0, both / len(found | wanted))


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    known = list(values)
    return fmean(known) if known else None


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def _characters(spans: Iterable[Span]) -> set[tuple[str, int]]:
    return {(source, at) for source, start, end in spans for at in range(start, end)}
