"""An embedder whose vectors depend on the text alone, so that the same text always gets the same score."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from ragpress.types import Embedder, Float32Matrix, TokenCounter
from serving.evidence.support import clip

Vector = npt.NDArray[np.float32]
REMEMBERED = 8192
"""Vectors that are kept; of 384 dimensions they take 12 MB."""


class SteadyEmbedder:
    """Embeds each text in a call of its own, and remembers the last ones. Safe for several threads.

    In bf16 the vector of a text differs in its last bits with the texts that it shares a batch with, and a score that
    is compared with a threshold may then differ wholly. What is embedded alone is padded by its own length alone.

    Args:
        embedder: computes what is not remembered.
        capacity: vectors that are remembered.
    """

    def __init__(self, embedder: Embedder, capacity: int = REMEMBERED) -> None:
        self.name: str = embedder.name
        self.fingerprint: str = embedder.fingerprint
        self.dimension: int = embedder.dimension
        self.window: int = embedder.window
        self.passage_limit: int = embedder.passage_limit
        self.tokens: TokenCounter = embedder.tokens
        self._embedder = embedder
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._lock = threading.Lock()

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self.passage(text) for text in texts])

    def embed_query(self, text: str) -> Vector:
        """See :class:`ragpress.types.Embedder`."""
        known = self._get("query", text)
        return self._keep("query", text, self._embedder.embed_query(text)) if known is None else known

    def passage(self, text: str) -> Vector:
        """The vector of one passage: float32 of shape (dimension,)."""
        known = self._get("passage", text)
        return self._keep("passage", text, self._embedder.embed_passages([text])[0]) if known is None else known

    def _get(self, kind: str, text: str) -> Vector | None:
        with self._lock:
            found = self._known.get((kind, text))
            if found is not None:
                self._known.move_to_end((kind, text))
            return found

    def _keep(self, kind: str, text: str, vector: Vector) -> Vector:
        with self._lock:
            # Whoever was first counts, so that two threads see the same.
            kept = self._known.setdefault((kind, text), vector)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
            return kept


def steady(embedder: Embedder) -> SteadyEmbedder:
    """The embedder as one whose vectors depend on the text alone."""
    return embedder if isinstance(embedder, SteadyEmbedder) else SteadyEmbedder(embedder)


def cosine(one: Vector, other: Vector) -> float:
    """Cosine of two vectors of length 1, the same on every machine and in any order: it is summed exactly."""
    return math.fsum((one.astype(np.float64) * other.astype(np.float64)).tolist())


def passage_vector(embedder: SteadyEmbedder, text: str) -> Vector:
    """The vector of a text of any length; what is beyond the window is cut."""
    return embedder.passage(clip(embedder, text))


def query_vector(embedder: SteadyEmbedder, text: str) -> Vector:
    """The vector of a question of any length; what is beyond the window is cut."""
    return embedder.embed_query(clip(embedder, text))
