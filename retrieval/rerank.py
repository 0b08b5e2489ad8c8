"""Rerankers: a second look at the best candidates.

A reranker reads question and text together, which costs more and sees more than comparing two vectors. It may fail:
then the order so far stands, and the search says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from ragpress.answer_settings import RerankerKind, RerankSettings
from ragpress.errors import ModelError


class Reranker(Protocol):
    """Scores texts for a question. Several threads may ask it at once.

    Attributes:
        name: as explanations name it; decides its scores, so caches tell rerankers apart by it.
    """

    name: str

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text; higher is better.

        Raises:
            ModelError: it cannot score these texts now.
        """
        ...


def rerank_scores(reranker: Reranker, query: str, texts: Sequence[str]) -> list[float]:
    """Ask a reranker, and check what it gives.

    Raises:
        ModelError: it failed, or did not give one finite score for each text.
    """
    try:
        scores = [float(score) for score in reranker.rerank(query, texts)]
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"The reranker {reranker.name!r} failed: {type(error).__name__}: {error}") from error
    if len(scores) != len(texts) or not all(map(math.isfinite, scores)):
        raise ModelError(
            f"The reranker {reranker.name!r}: expected {len(texts)} finite scores, found {len(scores)} of which "
            f"{sum(map(math.isfinite, scores))} are finite."
        )
    return scores


def load_reranker(settings: RerankSettings) -> Reranker | None:
    """The reranker that the settings name; None for none."""
    if settings.kind == RerankerKind.NONE:
        return None
    raise NotImplementedError
