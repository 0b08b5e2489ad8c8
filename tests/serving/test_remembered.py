"""The embedder that remembers: same vectors, computed once, a bounded number kept."""

from __future__ import annotations

import numpy as np

from ingest.embed.hashing import HashingEmbedder
from ragpress.types import Float32Matrix
from serving.remembered import RememberedEmbedder


class Counting(HashingEmbedder):
    """The hashing embedder; it notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        self.asked += texts
        return super().embed_passages(texts)


def test_vectors_are_those_of_the_embedder_and_computed_once() -> None:
    plain, counting = HashingEmbedder(), Counting()
    remembered = RememberedEmbedder(counting)
    first = remembered.embed_passages(["red", "blue", "red"])
    second = remembered.embed_passages(["green", "blue"])
    np.testing.assert_array_equal(first, plain.embed_passages(["red", "blue", "red"]))
    np.testing.assert_array_equal(second, plain.embed_passages(["green", "blue"]))
    assert counting.asked == ["red", "blue", "green"]


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    counting = Counting()
    remembered = RememberedEmbedder(counting, capacity=2)
    for text in ("red", "blue", "red", "green", "red", "blue"):
        remembered.embed_passages([text])
    assert counting.asked == ["red", "blue", "green", "blue"]


def test_a_question_is_embedded_as_a_question() -> None:
    plain = HashingEmbedder()
    remembered = RememberedEmbedder(plain)
    np.testing.assert_array_equal(remembered.embed_query("red"), plain.embed_query("red"))
    assert (remembered.name, remembered.passage_limit) == (plain.name, plain.passage_limit)
