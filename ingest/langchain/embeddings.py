"""Embedding models of LangChain as embedders of ragpress, and the other way round."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from ingest.embed.counting import check_window
from ingest.embed.hashing import WordCounter
from ragpress.errors import ModelError
from ragpress.fingerprint import hexdigest
from ragpress.types import Embedder, Float32Matrix, TokenCounter

_PROBE = "dimension"


class EmbeddingModel(Protocol):
    """What ragpress needs of a ``langchain_core.embeddings.Embeddings``."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        ...


class LangChainEmbedder:
    """An embedder of ragpress that asks a LangChain model.

    Args:
        model: the model.
        name: as written in the settings.
        fingerprint: decides every vector: the model's name and revision, its options. Vectors are kept by it, so
            two models must never share one.
        window: the most tokens it reads at once, in the tokens of ``tokens``.
        tokens: counts tokens as the model does. Left out, words and single Han characters are counted: then give a
            window well below the model's own, half of it for most.
        prefixes: put before a question and before a passage.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        name: str,
        fingerprint: str,
        window: int,
        tokens: TokenCounter | None = None,
        prefixes: tuple[str, str] = ("", ""),
    ) -> None:
        if not fingerprint:
            raise ModelError(
                f"The embedder {name!r} has no fingerprint: expected a text that changes whenever its vectors do, for "
                "example the model's name and revision."
            )
        self._model = model
        self.name = name
        self.fingerprint = hexdigest("langchain embeddings", fingerprint, prefixes)
        self.tokens: TokenCounter = tokens or WordCounter()
        self.query_prefix, self.passage_prefix = prefixes
        self.window = window
        self.passage_limit = window - len(self.tokens.token_starts(self.passage_prefix))

    @cached_property
    def dimension(self) -> int:
        """Length of a vector; the first use asks the model for one."""
        return len(self._model.embed_query(_PROBE))

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """Embed texts as passages. Returns float32 of shape (len(texts), dimension), rows of length 1.

        Raises:
            ModelError: a text is longer than the window, or the model gave vectors of another shape.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        prefixed = [self._checked(self.passage_prefix, text) for text in texts]
        return self._unit(self._model.embed_documents(prefixed), len(texts))

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question. Returns float32 of shape (dimension,), length 1.

        Raises:
            ModelError: the question is longer than the window, or the model gave a vector of another shape.
        """
        vector: npt.NDArray[np.float32] = self._unit(
            [self._model.embed_query(self._checked(self.query_prefix, text))], 1
        )[0]
        return vector

    def _checked(self, prefix: str, text: str) -> str:
        check_window(self.name, text, len(self.tokens.token_starts(prefix + text)), self.window)
        return prefix + text

    def _unit(self, vectors: list[list[float]], count: int) -> Float32Matrix:
        matrix = np.asarray(vectors, dtype=np.float32)
        if matrix.shape != (count, self.dimension) or not np.isfinite(matrix).all():
            raise ModelError(
                f"The embedder {self.name!r} gave an array of shape {matrix.shape}: expected "
                f"{(count, self.dimension)} of finite numbers. Check the model's own log."
            )
        norms: npt.NDArray[np.float32] = np.linalg.norm(matrix, axis=1)
        # A vector must have a direction, also that of a text in which the model sees nothing.
        matrix[norms < 1e-12, 0] = norms[norms < 1e-12] = 1.0
        unit: Float32Matrix = matrix / norms[:, None]
        return unit


class RagpressEmbeddings(Embeddings):
    """An embedder of ragpress for LangChain. Its vectors have length 1.

    Args:
        embedder: the embedder.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts as passages.

        Raises:
            ModelError: a text is longer than the window; nothing is ever cut.
        """
        vectors: list[list[float]] = self.embedder.embed_passages(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed a question.

        Raises:
            ModelError: the question is longer than the window.
        """
        vector: list[float] = self.embedder.embed_query(text).tolist()
        return vector
