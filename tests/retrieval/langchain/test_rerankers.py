"""Rerankers of LangChain as rerankers of ragpress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.callbacks import Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document

from ragpress.errors import ModelError
from retrieval.langchain.rerankers import CompressorReranker, CrossEncoderReranker
from retrieval.rerank import Reranker

TEXTS = ["tea", "green tea", "coffee", "green tea in the garden"]


def shared(query: str, text: str) -> int:
    return len(set(query.split()) & set(text.split()))


class Words(BaseDocumentCompressor):
    """Keeps the documents that share a word with the query, most words first."""

    scored: bool = False

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        kept = [document for document in documents if shared(query, document.page_content)]
        kept.sort(key=lambda document: -shared(query, document.page_content))
        if not self.scored:
            return kept
        scores = [shared(query, document.page_content) / 10 for document in kept]
        return [
            Document(document.page_content, metadata={**document.metadata, "relevance_score": score})
            for document, score in zip(kept, scores, strict=True)
        ]


class Pairs(BaseCrossEncoder):
    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [float(shared(query, text)) for query, text in text_pairs]


@pytest.mark.parametrize(
    "reranker",
    [
        CompressorReranker(Words(), "words"),
        CompressorReranker(Words(scored=True), "words"),
        CrossEncoderReranker(Pairs(), "pairs"),
    ],
    ids=["places", "scores", "pairs"],
)
def test_every_text_gets_a_score_in_its_own_place(reranker: Reranker) -> None:
    scores = reranker.rerank("green tea in garden", TEXTS)

    order = sorted(range(len(TEXTS)), key=lambda place: -scores[place])
    assert order == [3, 1, 0, 2]
    assert reranker.rerank("green", []) == []


def test_scores_are_the_compressors_own() -> None:
    assert CompressorReranker(Words(scored=True), "words").rerank("green tea", TEXTS) == [0.1, 0.2, -0.9, 0.2]


def test_what_a_compressor_leaves_out_comes_last_in_its_order() -> None:
    scores = CompressorReranker(Words(), "words").rerank("coffee", TEXTS)

    assert scores == [0.0, -1.0, 1.0, -2.0]


@pytest.mark.parametrize("given", [[Document("new")], [Document("tea", metadata={"ragpress_place": 0})] * 2])
def test_documents_that_were_not_given_are_refused(given: list[Document]) -> None:
    class Odd:
        def compress_documents(self, documents: Sequence[Document], query: str) -> Sequence[Document]:
            return given

    with pytest.raises(ModelError, match="'odd' gave back Documents at"):
        CompressorReranker(Odd(), "odd").rerank("tea", TEXTS)


def test_a_score_too_few_is_refused() -> None:
    class Short:
        def score(self, text_pairs: list[tuple[str, str]]) -> Sequence[Any]:
            return [1.0]

    with pytest.raises(ModelError, match="gave 1 scores: expected 4"):
        CrossEncoderReranker(Short(), "short").rerank("tea", TEXTS)
