"""An embedder that remembers the sentences it embedded last: the sentences of an answer are checked against the same
sentences of evidence, and many answers against the same passages.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from ragpress.types import Embedder, Float32Matrix, TokenCounter

SENTENCES = 4096
"""Vectors that are kept; of 384 dimensions they take 6 MB."""


class RememberedEmbedder:
    """Gives the vectors of another embedder, those of recent passages without computing them. Safe for several threads.

    Args:
        embedder: computes what is not remembered.
        capacity: passages that are remembered.
    """

    def __init__(self, embedder: Embedder, capacity: int = SENTENCES) -> None:
        self.name: str = embedder.name
        self.fingerprint: str = embedder.fingerprint
        self.dimension: int = embedder.dimension
        self.window: int = embedder.window
        self.passage_limit: int = embedder.passage_limit
        self.tokens: TokenCounter = embedder.tokens
        self._embedder = embedder
        self._capacity = capacity
        self._known: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found.update(zip(new, self._embedder.embed_passages(new), strict=True))
        self._remember(found)
        return np.stack([found[text] for text in texts])

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`."""
        return self._embedder.embed_query(text)

    def _remember(self, vectors: dict[str, npt.NDArray[np.float32]]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                self._known[text] = vector
                self._known.move_to_end(text)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)
