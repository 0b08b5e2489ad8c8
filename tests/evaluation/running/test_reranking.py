"""A reranker is asked once for each pair of question and text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evaluation.running import reranking
from evaluation.running.reranking import RememberedReranker
from ragpress.errors import ModelError


class Lengths:
    """Scores a text by its length, and keeps what it was asked."""

    name = "lengths"

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((query, list(texts)))
        if "broken" in texts:
            raise ModelError("no scores")
        return [float(len(text)) for text in texts]


def test_only_what_is_new_is_asked() -> None:
    lengths = Lengths()
    remembered = RememberedReranker(lengths)

    assert remembered.rerank("tea?", ["a", "bb"]) == [1.0, 2.0]
    assert remembered.rerank("tea?", ["bb", "ccc", "a", "bb"]) == [2.0, 3.0, 1.0, 2.0]
    assert remembered.rerank("ferry?", ["a"]) == [1.0]
    assert lengths.asked == [("tea?", ["a", "bb"]), ("tea?", ["ccc"]), ("ferry?", ["a"])]
    assert remembered.name == "lengths"


def test_what_fails_is_asked_again() -> None:
    lengths = Lengths()
    remembered = RememberedReranker(lengths)
    for _ in range(2):
        with pytest.raises(ModelError):
            remembered.rerank("tea?", ["a", "broken"])
    assert len(lengths.asked) == 2


def test_the_oldest_questions_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reranking, "QUESTIONS", 1)
    lengths = Lengths()
    remembered = RememberedReranker(lengths)
    for question in ("tea?", "ferry?", "ferry?", "tea?"):
        remembered.rerank(question, ["a"])
    assert [query for query, _ in lengths.asked] == ["tea?", "ferry?", "tea?"]
