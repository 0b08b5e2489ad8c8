"""What the right answer is, as far as anybody says; and whether a text says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from evaluation.cases.folding import FoldedText
from evaluation.metrics.answers import PASS
from evaluation.metrics.correctness import correctness
from evaluation.metrics.overlap import holds_tokens
from evaluation.metrics.steady import SteadyEmbedder, steady
from evaluation.subjects import Subject
from feedback.diagnose.observation import Expected
from feedback.records import BadCase
from feedback.wording.stated import stated
from serving.evidence.numbers import numbers_claimed, numbers_held
from serving.evidence.sentences import split_sentences, without_citations
from serving.evidence.terms import names, shares_script, stems_of
from serving.types import Answer

_SAME = 0.8
_MOSTLY = 0.6
_WORDED = 0.9
_HAN = re.compile(r"[\u3400-\u9fff]")
_FACT = 8
_STATEMENT = 30
_FEW = 3
_CODE = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,4}-?\d{1,6}|\d{1,6}[A-Za-z]{1,3})(?![A-Za-z0-9])")
_SPELLED = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand dozen once twice"
)
_COUNTED = frozenset(_SPELLED.split())
_WORDS = re.compile(r"[\u3400-\u9fff]|\w+")


def claimed(bad: BadCase, wrong: str = "", texts: Iterable[FoldedText] = ()) -> Expected:
    """What people say of the right answer: the correction, else the case's reference, else the sources they name.

    Args:
        bad: the bad case.
        wrong: the answer that is complained of, as it is now.
        texts: where what is right may stand, in use or not: they tell a claim from the words around it.
    """
    claim, case = bad.claim, bad.case
    sources = claim.sources or tuple(item.source for item in (case.evidence if case else ()))
    if claim.answer or claim.abstain:
        said = stated(claim.words or claim.answer, bad.question, wrong, texts)
        return Expected(text=said, abstain=claim.abstain, origin="correction", sources=sources)
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
        if not body.strip() or not expected.strip() or lacks(body, expected, self._question):
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
        if not expected.text or answer.abstained:
            return False
        # Word for word what a person says, and the bad answer does not say it: the two tell themselves apart.
        said = bool(expected.against) and holds(answer.answer, expected.text)
        return said or self.agrees(answer.answer, expected.text)

    def same(self, one: Answer, other: Answer) -> bool:
        """Whether two answers say the same first."""
        if one.abstained or other.abstained:
            return one.abstained and other.abstained
        first, second = first_sentence(one.answer), first_sentence(other.answer)
        if folded(first) == folded(second):
            return True
        one_said, other_said = set(_WORDS.findall(first.lower())), set(_WORDS.findall(second.lower()))
        if len(one_said & other_said) >= _MOSTLY * max(len(one_said), len(other_said)):
            return one_said <= other_said or other_said <= one_said
        pairs = ((first, second), (second, first))
        return all(correctness(self._question, said, [told], self._embedder) >= _SAME for said, told in pairs)


def lacks(text: str, expected: str, question: str) -> bool:
    """Whether a text surely does not say a claim: its figures, code, number in words or only name is not in it.

    Args:
        text: what is said.
        expected: what is claimed; of a longer one only figures are told, of a long one nothing.
        question: what was asked; its words need not be said again.
    """
    tokens = _WORDS.findall(expected.lower())
    asked_values = numbers_held(question)
    figures = {number.value for number in numbers_claimed(expected)} - asked_values
    if figures and len(tokens) <= _STATEMENT and not figures & _values(text):
        return True
    if not tokens or len(tokens) > _FACT:
        return False
    said, asked = text.lower(), question.lower()
    codes = [code.lower() for code in _CODE.findall(expected) if code.lower() not in asked]
    if any(re.search(rf"(?<![a-z0-9]){re.escape(code)}(?![a-z0-9])", said) is None for code in codes):
        return True
    counted = [word for word in tokens if word in _COUNTED]
    if counted and not _values(expected) <= _values(text) and _values(text):
        return True
    if not expected.isascii() or not shares_script(text, expected):
        return False
    known, own = set(stems_of(text)) | set(stems_of(question)), set(stems_of(expected))
    return 0 < len(own) <= _FEW and bool(own - known) and not counted and not numbers_held(expected)


def _values(text: str) -> frozenset[float]:
    """Numbers that a text states in figures or in words, less those of names of months and the like."""
    named = {word for word in _WORDS.findall(text.lower()) if word in _COUNTED}
    spelled = frozenset[float]().union(*(numbers_held(word) for word in named))
    return spelled | {number.value for number in numbers_claimed(text)}


def folded(text: str) -> str:
    """Letters and digits of a text alone, in lower case."""
    return "".join(sign for sign in text.lower() if sign.isalnum())


def in_its_words(answer: str, expected: Expected, question: str) -> bool:
    """Whether an answer has nearly all words of what is expected; where that is in another script, it may differ.

    Who corrects an answer means that it is wrong: that it sounds alike is no agreement, and one name makes another
    statement of a sentence.
    """
    if expected.abstain or bool(_HAN.search(expected.text)) != bool(_HAN.search(question)):
        return True
    wanted, said = _pieces(expected.text), _pieces(answer)
    named = {name for name in names(expected.text) if name not in question.lower()}
    return len(wanted & said) >= _WORDED * len(wanted) and all(name in answer.lower() for name in named)


def _pieces(text: str) -> set[str]:
    """Words of a text, and pairs of its ideographs: single ones stand in most texts."""
    signs = _WORDS.findall(text.lower())
    pairs = {one + two for one, two in pairwise(signs) if one >= "\u3400" and two >= "\u3400"}
    return {sign for sign in signs if sign < "\u3400"} | (pairs or {sign for sign in signs if sign >= "\u3400"})


def news_of(answer: Answer, other: Answer) -> str:
    """The first sentence of an answer that another one does not say; its first one where there is none."""
    body, known = without_citations(answer.answer), folded(without_citations(other.answer))
    pieces = [body[start:end] for start, end in split_sentences(body)]
    return next((piece for piece in pieces if folded(piece) and folded(piece) not in known), first_sentence(body))


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
