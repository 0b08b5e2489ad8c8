"""Embedding models of LangChain in ragpress, and ragpress's in LangChain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from ingest.embed.hashing import HashingEmbedder
from ingest.langchain.embeddings import LangChainEmbedder, RagpressEmbeddings
from ragpress.errors import ModelError
from ragpress.types import Embedder
from tests.ingest.embed.contract import EmbedderContract


class HashingEmbeddings(RagpressEmbeddings):
    """LangChain's suite wants a class that it can construct."""

    def __init__(self) -> None:
        super().__init__(HashingEmbedder())


class TestLangChainsOwnSuite(EmbeddingsIntegrationTests):
    """The standard tests of langchain-tests."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return HashingEmbeddings


class TestContract(EmbedderContract):
    """There and back again: an embedder of ragpress as LangChain's as ragpress's."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        return adapted()


def adapted(model: Any = None, fingerprint: str = "hashing 1", **changes: Any) -> LangChainEmbedder:
    inner = model or RagpressEmbeddings(HashingEmbedder())
    return LangChainEmbedder(inner, "theirs", fingerprint, **{"window": 512, **changes})


def test_the_vectors_are_the_models_own() -> None:
    texts = ["The kitchen opens at seven.", "厨房七点开门。"]
    own, through = HashingEmbedder(), adapted()

    np.testing.assert_allclose(through.embed_passages(texts), own.embed_passages(texts), atol=1e-6)
    np.testing.assert_allclose(through.embed_query(texts[0]), own.embed_query(texts[0]), atol=1e-6)


def test_vectors_of_any_length_are_scaled_and_the_dimension_is_probed() -> None:
    embedder = adapted(DeterministicFakeEmbedding(size=17))

    vectors = embedder.embed_passages(["one", "two"])

    assert vectors.shape == (2, 17)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_prefixes_reach_the_model_and_count() -> None:
    seen: list[str] = []

    class Recorder(DeterministicFakeEmbedding):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            seen.extend(texts)
            return super().embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            seen.append(text)
            return super().embed_query(text)

    embedder = adapted(Recorder(size=4), prefixes=("query: ", "passage: "))
    embedder.embed_passages(["tea"])
    embedder.embed_query("tea?")

    assert [text for text in seen if "tea" in text] == ["passage: tea", "query: tea?"]
    assert embedder.passage_limit == 510


def test_the_fingerprint_is_the_users_and_the_prefixes() -> None:
    prints = {adapted().fingerprint, adapted(fingerprint="hashing 2").fingerprint}
    prints.add(adapted(prefixes=("q: ", "p: ")).fingerprint)

    assert len(prints) == 3
    assert adapted(window=64).fingerprint == adapted().fingerprint
    with pytest.raises(ModelError, match="has no fingerprint"):
        adapted(fingerprint="")


@pytest.mark.parametrize("vectors", [[[1.0, 2.0]], [[1.0, 2.0, 3.0], [1.0, float("nan"), 0.0]]])
def test_a_model_that_gives_something_else_is_refused(vectors: list[list[float]]) -> None:
    class Odd:
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return vectors

        def embed_query(self, text: str) -> list[float]:
            return [1.0, 0.0, 0.0]

    with pytest.raises(ModelError, match=r"gave an array of shape .*: expected \(2, 3\) of finite numbers"):
        adapted(Odd()).embed_passages(["one", "two"])


def test_a_vector_of_zeros_gets_a_direction() -> None:
    class Blank:
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.0, 0.0] for _ in texts]

        def embed_query(self, text: str) -> list[float]:
            return [0.0, 0.0]

    assert adapted(Blank()).embed_query("").tolist() == [1.0, 0.0]
