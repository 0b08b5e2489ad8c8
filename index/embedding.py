"""Vectors for chunk texts: each distinct text is embedded once, however many documents hold it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from index.report import StepCount
from ingest.chunk import embedding_text
from ingest.memo import VectorMemo
from ragpress.fingerprint import digest
from ragpress.settings import ChunkSettings
from ragpress.types import ChunkSpan, ElementKind, Embedder, Float32Matrix


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

    def embed_rows(self, chunks: pa.Table, settings: ChunkSettings) -> Float32Matrix:
        """Vectors of stored chunk rows, as they would be embedded now: float32 of shape (len(chunks), dimension)."""
        texts = stored_texts(chunks, settings)
        return self.embed(texts, [digest(text) for text in texts])


def stored_texts(chunks: pa.Table, settings: ChunkSettings) -> list[str]:
    """What is embedded for each of some stored chunk rows (schema ``index.segment.CHUNK_SCHEMA``)."""
    columns = (chunks[name].to_pylist() for name in ("text", "heading", "kind"))
    return [
        embedding_text(text, ChunkSpan(0, len(text), None, tuple(heading), ElementKind(kind), 0), settings)
        for text, heading, kind in zip(*columns, strict=True)
    ]
