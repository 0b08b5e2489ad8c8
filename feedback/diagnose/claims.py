"""What the right answer is, as far as anybody says; and whether a text says it."""

from __future__ import annotations

from evaluation.metrics.answers import PASS
from evaluation.metrics.correctness import correctness
from evaluation.metrics.overlap import holds_tokens
from evaluation.metrics.steady import SteadyEmbedder, steady
from evaluation.subjects import Subject
from feedback.diagnose.observation import Expected
from feedback.records import BadCase
from serving.evidence.sentences import split_sentences, without_citations
from serving.types import Answer


def claimed(bad: BadCase) -> Expected:
    """What people say of the right answer: the correction, else the case's reference, else the sources they name."""
    claim, case = bad.claim, bad.case
    sources = claim.sources or tuple(item.source for item in (case.evidence if case else ()))
    if claim.answer or claim.abstain:
        return Expected(text=claim.answer.strip(), abstain=claim.abstain, origin="correction", sources=sources)
    if case is not None and (case.references or case.must_abstain):
        text = case.references[0] if case.references else ""
        return Expected(text=text, abstain=case.must_abstain, origin="case", sources=sources)
    if sources:
        return Expected(origin="source", sources=sources)
    return Expected()


class Judge:
    """Whether texts say what is expected.

    Args:
        question: what was asked.
        subject: its embedder speaks where texts are in different scripts.
    """

    def __init__(self, question: str, subject: Subject) -> None:
        self._question = question
        self._embedder: SteadyEmbedder = steady(subject.embedder)

    def agrees(self, text: str, expected: str) -> bool:
        """Whether a text says the same; a long one that holds a short fact does."""
        body = without_citations(text)
        if not body.strip() or not expected.strip():
            return False
        if correctness(self._question, body, [expected], self._embedder) >= PASS:
            return True
        return any(
            correctness(self._question, body[start:end], [expected], self._embedder) >= PASS
            for start, end in split_sentences(body)
        )

    def is_right(self, answer: Answer, expected: Expected) -> bool:
        """Whether an answer is what is expected; never where nothing is expected."""
        if expected.abstain:
            return answer.abstained
        return bool(expected.text) and not answer.abstained and self.agrees(answer.answer, expected.text)

    def same(self, one: Answer, other: Answer) -> bool:
        """Whether two answers say the same."""
        if one.abstained or other.abstained:
            return one.abstained and other.abstained
        return self.agrees(one.answer, first_sentence(other.answer)) or self.agrees(
            other.answer, first_sentence(one.answer)
        )


def first_sentence(text: str) -> str:
    """What an answer says first, without citation marks."""
    body = without_citations(text)
    spans = split_sentences(body)
    return body[spans[0].start : spans[0].end] if spans else body


def holds(text: str, expected: str) -> bool:
    """Whether a text holds what is expected, word for word."""
    return bool(expected.strip()) and holds_tokens(text, expected)


def support_of(answer: Answer) -> float:
    """Support (0..1) of an answer by what it cites: that of its best sentence."""
    return max((check.support or 0.0 for check in answer.sentences), default=0.0)
