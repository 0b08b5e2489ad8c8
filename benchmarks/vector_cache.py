"""An embedder that keeps its vectors in a file, so that a benchmark that is run again embeds nothing twice."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragpress.types import Embedder, Float32Matrix

_BLOCK = 64


class VectorCache:
    """Answers from a file what it has seen, and asks the embedder for the rest.

    Args:
        embedder: computes what the file lacks.
        path: the file; another embedder in the same file is kept apart by its fingerprint.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder = embedder
        self._file = sqlite3.connect(path, timeout=60, check_same_thread=False)
        # What a crash loses is computed again.
        self._file.execute("pragma synchronous = off")
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("create table if not exists vectors (key blob primary key, vector blob)")
        self.name, self.fingerprint = embedder.name, embedder.fingerprint
        self.dimension, self.window = embedder.dimension, embedder.window
        self.passage_limit, self.tokens = embedder.passage_limit, embedder.tokens
        self.computed = 0

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`; a text longer than the window is cut."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        missing: dict[str, list[int]] = {}
        for position, text in enumerate(texts):
            found = self._get("passage", text)
            if found is None:
                missing.setdefault(text, []).append(position)
            else:
                vectors[position] = found
        waiting = sorted(missing, key=len)
        for first in range(0, len(waiting), _BLOCK):
            block = waiting[first : first + _BLOCK]
            for text, vector in zip(block, self._embedder.embed_passages([*map(self._cut, block)]), strict=True):
                vectors[missing[text]] = vector
                self._put("passage", text, vector)
            self._file.commit()
        return vectors

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`; a text longer than the window is cut."""
        found = self._get("query", text)
        if found is None:
            found = self._embedder.embed_query(self._cut(text))
            self._put("query", text, found)
            self._file.commit()
        return found

    def _cut(self, text: str) -> str:
        starts = self.tokens.token_starts(text)
        limit = self.passage_limit - 8
        return text if len(starts) <= limit else text[: int(starts[limit])]

    def _key(self, kind: str, text: str) -> bytes:
        return hashlib.sha1(f"{self.fingerprint}\n{kind}\n{text}".encode(), usedforsecurity=False).digest()

    def _get(self, kind: str, text: str) -> npt.NDArray[np.float32] | None:
        row = self._file.execute("select vector from vectors where key = ?", (self._key(kind, text),)).fetchone()
        return np.frombuffer(row[0], dtype=np.float32) if row else None

    def _put(self, kind: str, text: str, vector: npt.NDArray[np.float32]) -> None:
        self.computed += 1
        self._file.execute("insert or replace into vectors values (?, ?)", (self._key(kind, text), vector.tobytes()))
