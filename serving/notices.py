"""What a reader of an answer should know about its sources: marks of the audits, and passages that disagree.

Two passages disagree when a sentence of each bears on the question, both say it in nearly the same words, and their
numbers or dates have nothing in common. Copies of one text (a family) and chunks of one document are not compared.
That finds a changed price or date; it does not find contradictions in other words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from retrieval.context import Passage
from serving.evidence.numbers import numbers_claimed
from serving.evidence.terms import terms_of
from serving.evidence.texts import read_evidence

_MARKS = {
    "injection": "has text that is addressed to a language model; it was treated as text",
    "outdated": "is marked as outdated: a newer document of its family exists",
    "near_duplicate": "is nearly the same as another document",
    "truncated": "seems to be cut off",
    "garbage": "has text that reads as damaged",
    "no_text": "has little text on its pages",
}
# Shares of words: of the question in a sentence, and of two sentences in common (Jaccard).
_BEARS = 0.5
_SAME_TERMS = 0.6


class _Statement(NamedTuple):
    passage: Passage
    stems: frozenset[str]
    values: frozenset[float]


def notices(question: str, passages: Sequence[Passage], cited: frozenset[int]) -> tuple[str, ...]:
    """Warnings for the readers of an answer.

    Args:
        question: the standalone question.
        passages: of the context.
        cited: numbers of those the answer cites; disagreement is told if one side is cited.
    """
    found = [
        f"[{passage.index}] {passage.source} {_MARKS[mark]}."
        for passage in passages
        if passage.index in cited
        for mark in passage.marks
        if mark in _MARKS
    ]
    for first, second in conflicts(question, passages):
        if cited & {first.index, second.index}:
            found.append(f"Passages disagree: [{first.index}] {first.source} and [{second.index}] {second.source}.")
    return tuple(found)


def conflicts(question: str, passages: Sequence[Passage]) -> list[tuple[Passage, Passage]]:
    """Pairs of passages that give different numbers or dates for the same thing."""
    found: dict[tuple[int, int], tuple[Passage, Passage]] = {}
    for one, other in combinations(_statements(question, passages), 2):
        apart = one.passage.document_id != other.passage.document_id
        kin = one.passage.family and one.passage.family == other.passage.family
        if (
            apart
            and not kin
            and one.values.isdisjoint(other.values)
            and _jaccard(one.stems, other.stems) >= _SAME_TERMS
        ):
            found[one.passage.index, other.passage.index] = (one.passage, other.passage)
    return list(found.values())


def _statements(question: str, passages: Sequence[Passage]) -> Iterator[_Statement]:
    """Sentences with numbers that bear on the question."""
    asked = terms_of(question)
    for passage in passages:
        evidence = read_evidence(passage.text)
        for sentence, stems in zip(evidence.sentences, evidence.stems, strict=True):
            values = frozenset(number.value for number in numbers_claimed(sentence))
            if values and asked.coverage(stems) >= _BEARS:
                yield _Statement(passage, frozenset(stem for stem in stems if not _numeric(stem)), values)


def _numeric(stem: str) -> bool:
    return any(char.isdigit() for char in stem)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
