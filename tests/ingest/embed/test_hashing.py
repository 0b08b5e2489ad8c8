from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.embed import hashing
from ingest.embed.hashing import HashingEmbedder, WordCounter
from tests.ingest.embed.contract import PASSAGES, EmbedderContract


class TestHashingEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> HashingEmbedder:
        return HashingEmbedder()


def test_vectors_stay_the_same_across_processes_and_releases() -> None:
    rounded = np.round(HashingEmbedder().embed_passages(PASSAGES), 4) + 0.0
    assert hashlib.sha256(rounded.tobytes()).hexdigest()[:16] == "2f6985d1c0e77916"


def test_block_limits_change_no_vector() -> None:
    texts = [f"{passage} number {row}" for row in range(400) for passage in PASSAGES[:4]]
    embedder = HashingEmbedder()
    alone = np.concatenate([embedder.embed_passages([text]) for text in texts[-20:]])
    np.testing.assert_array_equal(embedder.embed_passages(texts)[-20:], alone)


@given(st.text(max_size=200))
def test_every_text_has_a_unit_vector(text: str) -> None:
    assert abs(float(np.linalg.norm(HashingEmbedder().embed_query(text))) - 1.0) < 1e-5


@given(st.text(alphabet="ab1_ \n\t.,-(é中文。　", max_size=60))
def test_the_counter_counts_words_and_single_characters(text: str) -> None:
    expected = [found.start() for found in re.finditer(r"[ab1_é]+|[^\s]", text)]
    assert WordCounter().token_starts(text).tolist() == expected


def test_threads_embed_texts_of_any_length_at_once() -> None:
    texts = [f"word{number} " * (1 + 997 * number % 4000) for number in range(64)]
    expected = [HashingEmbedder().embed_query(text) for text in texts]
    for _ in range(5):
        small = mock.patch.object(hashing, "_POWERS", hashing._PowerTable())  # as in a new process
        with small, ThreadPoolExecutor(8) as pool:
            found = list(pool.map(HashingEmbedder().embed_query, texts))
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
