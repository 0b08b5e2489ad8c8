"""What every embedder must do; a test class inherits this and offers the fixture ``embedder``."""

from __future__ import annotations

import numpy as np
import pytest

from ragpress.errors import ModelError
from ragpress.types import Embedder

PASSAGES = [
    "A release is an immutable manifest. Publishing moves one pointer by compare-and-swap.",
    "发布是一个不可变的清单；发布时只移动一个指针。",
    "The kitchen opens at seven; breakfast is served until ten, and tea all afternoon.",
    "厨房七点开门，早餐供应到十点。",
    "Short",
    "Mixed 中文 and English, números y acentos, 1,234.5 — “quotes” ﬁne print…",
    "line\nbreaks\r\nand\ttabs   and runs of spaces",
]


class EmbedderContract:
    """The promises of :class:`ragpress.types.Embedder`."""

    def test_passages_are_unit_rows_of_float32(self, embedder: Embedder) -> None:
        vectors = embedder.embed_passages(PASSAGES)
        assert vectors.shape == (len(PASSAGES), embedder.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    def test_a_query_is_one_unit_vector(self, embedder: Embedder) -> None:
        vector = embedder.embed_query("How is a release published?")
        assert vector.shape == (embedder.dimension,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)

    def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed_passages([]).shape == (0, embedder.dimension)

    def test_empty_text_has_a_vector(self, embedder: Embedder) -> None:
        assert np.linalg.norm(embedder.embed_passages([""])[0]) == pytest.approx(1.0, abs=1e-5)
        assert np.linalg.norm(embedder.embed_query("")) == pytest.approx(1.0, abs=1e-5)

    def test_too_long_a_text_is_refused_and_nothing_is_cut(self, embedder: Embedder) -> None:
        text = "word " * (embedder.window + 1)
        with pytest.raises(ModelError, match=rf"at most {embedder.window} tokens.*found one of \d+ tokens"):
            embedder.embed_passages(["fine", text])

    def test_the_same_texts_give_the_same_bytes(self, embedder: Embedder) -> None:
        first, second = embedder.embed_passages(PASSAGES), embedder.embed_passages(PASSAGES)
        assert first.tobytes() == second.tobytes()

    def test_a_vector_does_not_depend_on_its_batch(self, embedder: Embedder) -> None:
        together = embedder.embed_passages(PASSAGES)
        alone = np.concatenate([embedder.embed_passages([text]) for text in PASSAGES])
        assert np.sum(together * alone, axis=1).min() >= 0.9999

    def test_rows_keep_the_order_of_the_texts(self, embedder: Embedder) -> None:
        forward, backward = embedder.embed_passages(PASSAGES), embedder.embed_passages(PASSAGES[::-1])
        assert np.sum(forward * backward[::-1], axis=1).min() >= 0.9999

    def test_an_english_question_finds_its_passage(self, embedder: Embedder) -> None:
        scores = embedder.embed_passages(PASSAGES) @ embedder.embed_query("When is breakfast served in the kitchen?")
        assert int(np.argmax(scores)) == 2

    def test_a_chinese_question_finds_its_passage(self, embedder: Embedder) -> None:
        scores = embedder.embed_passages(PASSAGES) @ embedder.embed_query("厨房的早餐供应到几点？")
        assert int(np.argmax(scores)) == 3

    def test_token_starts_ascend_within_the_text(self, embedder: Embedder) -> None:
        for text in PASSAGES:
            starts = embedder.tokens.token_starts(text)
            assert starts.dtype == np.int64
            assert len(starts) > 0
            assert np.all(np.diff(starts) >= 0)
            assert starts[0] >= 0
            assert starts[-1] < len(text)
        assert len(embedder.tokens.token_starts("")) == 0
        assert len(embedder.tokens.fingerprint) == 32

    def test_a_passage_at_the_limit_fits(self, embedder: Embedder) -> None:
        text = "tea " * embedder.passage_limit
        assert len(embedder.tokens.token_starts(text)) == embedder.passage_limit
        assert embedder.embed_passages([text]).shape == (1, embedder.dimension)
