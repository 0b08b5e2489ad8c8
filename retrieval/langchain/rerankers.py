"""Rerankers of LangChain as rerankers of ragpress: document compressors and cross-encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from langchain_core.documents import Document

from ragpress.errors import ModelError

_PLACE = "ragpress_place"
_SCORE = "relevance_score"


class Compressor(Protocol):
    """What ragpress needs of a ``langchain_core.documents.BaseDocumentCompressor``."""

    def compress_documents(self, documents: Sequence[Document], query: str) -> Sequence[Document]:
        """The documents that matter for the query, best first."""
        ...


class PairScorer(Protocol):
    """What ragpress needs of a ``langchain_core.cross_encoders.BaseCrossEncoder``."""

    def score(self, text_pairs: list[tuple[str, str]]) -> Sequence[Any]:
        """One score for each pair of query and text."""
        ...


class CompressorReranker:
    """A reranker out of a document compressor.

    Where every Document it gives back has a ``relevance_score``, that is the score; else its place is. What the
    compressor leaves out comes last, in the order it had.

    Args:
        compressor: the compressor. It must keep the metadata of the Documents it is given.
        name: as answers and ``--explain`` name it.
    """

    def __init__(self, compressor: Compressor, name: str) -> None:
        self._compressor = compressor
        self.name = name

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score for each text, higher is better.

        Raises:
            ModelError: the compressor gives back what it was not given.
        """
        given = [Document(page_content=text, metadata={_PLACE: place}) for place, text in enumerate(texts)]
        kept = self._compressor.compress_documents(given, query)
        places = [document.metadata.get(_PLACE) for document in kept]
        if len(set(places)) != len(places) or not set(places) <= set(range(len(texts))):
            raise ModelError(
                f"The reranker {self.name!r} gave back Documents at {places}: expected some of the {len(texts)} it was "
                "given, each once and with its metadata. Use one that only chooses and orders."
            )
        told = [document.metadata.get(_SCORE) for document in kept]
        scores = [float(score) for score in told if isinstance(score, (int, float))]
        if len(scores) < len(kept):
            scores = [float(len(kept) - rank) for rank in range(len(kept))]
        found = dict(zip(places, scores, strict=True))
        least = min(found.values(), default=0.0)
        left_out = (place for place in range(len(texts)) if place not in found)
        found |= {place: least - 1.0 - behind for behind, place in enumerate(left_out)}
        return [found[place] for place in range(len(texts))]


class CrossEncoderReranker:
    """A reranker out of a cross-encoder.

    Args:
        encoder: scores pairs of query and text.
        name: as answers and ``--explain`` name it.
    """

    def __init__(self, encoder: PairScorer, name: str) -> None:
        self._encoder = encoder
        self.name = name

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score for each text, higher is better.

        Raises:
            ModelError: the encoder gives another number of scores.
        """
        scores = [float(score) for score in self._encoder.score([(query, text) for text in texts])]
        if len(scores) != len(texts):
            raise ModelError(f"The reranker {self.name!r} gave {len(scores)} scores: expected {len(texts)}.")
        return scores
