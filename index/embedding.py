"""Vectors for chunk texts: each distinct text is embedded once, however many documents hold it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.report import StepCount
from ingest.memo import VectorMemo
from ragpress.types import Embedder, Float32Matrix


class ChunkEmbedder:
    """Embeds chunk texts, taking from the memo what was embedded before.

    Args:
        embedder: the model.
        memo: vectors of earlier runs, and of this one.
    """

    def __init__(self, embedder: Embedder, memo: VectorMemo) -> None:
        self._embedder = embedder
        self._memo = memo
        self.count = StepCount()

    def embed(self, texts: Sequence[str], keys: Sequence[bytes]) -> Float32Matrix:
        """Vectors of some texts.

        Args:
            texts: what to embed, as passages.
            keys: the memo key of each text, 16 bytes.

        Returns:
            float32 of shape (len(texts), dimension), rows of length 1.
        """
        matrix, found = self._memo.get_many(keys)
        first = {keys[row]: row for row in np.flatnonzero(~found)[::-1].tolist()}
        missing = sorted(first.values())
        if missing:
            fresh = self._embedder.embed_passages([texts[row] for row in missing])
            self._memo.put_many([keys[row] for row in missing], fresh)
            position = {keys[row]: number for number, row in enumerate(missing)}
            for row in np.flatnonzero(~found).tolist():
                matrix[row] = fresh[position[keys[row]]]
        self.count.computed += len(missing)
        self.count.reused += len(texts) - len(missing)
        return matrix

    def missing(self, keys: Sequence[bytes]) -> set[bytes]:
        """The keys whose text would have to be embedded."""
        _, found = self._memo.get_many(keys)
        return {key for key, known in zip(keys, found.tolist(), strict=True) if not known}
