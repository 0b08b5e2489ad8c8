"""Questions over examples/sample, through the real pipeline: what is found, quoted and turned down."""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path

import msgspec
import pytest

from serving.opening import open_answers
from serving.types import Answer, Question
from tests.workspace import Workspace

QUESTIONS = Path(__file__).with_name("sample_questions.jsonl")


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question.

    Attributes:
        question: its text.
        source: end of the path of the document that answers; empty where several do.
        words: what an answer must have, all of it.
        across: only documents in the other language answer.
        unanswerable: no document answers.
    """

    question: str
    source: str = ""
    words: tuple[str, ...] = ()
    across: bool = False
    unanswerable: bool = False

    def answered_by(self, answer: Answer) -> bool:
        """Whether an answer says what it must and cites the document it must."""
        cited = not self.source or any(citation.source.endswith(self.source) for citation in answer.citations)
        return not answer.abstained and cited and all(word in answer.answer for word in self.words)


def samples() -> list[Sample]:
    lines = QUESTIONS.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Sample) for line in lines]


def answers(workspace: Workspace, asked: list[Sample]) -> list[Answer]:
    async def ask() -> list[Answer]:
        answerer = open_answers(workspace.environment(), "default")
        found = [await answerer.answer(Question(text=one.question)) for one in asked]
        await answerer.aclose()
        return found

    return asyncio.run(ask())


def test_the_questions_cover_what_people_ask() -> None:
    asked = samples()
    assert len(asked) >= 40
    assert sum(any(char > "\u3400" for char in one.question) for one in asked) >= len(asked) / 2
    assert sum(one.unanswerable for one in asked) >= 6
    assert sum(one.across for one in asked) >= 4
    assert all(one.unanswerable != bool(one.words) for one in asked)


@pytest.mark.model
def test_most_questions_over_the_sample_are_answered_as_they_should(sample: Workspace) -> None:
    asked = samples()
    found = answers(sample, asked)
    pairs = list(zip(asked, found, strict=True))
    right = [one.answered_by(answer) for one, answer in pairs if not one.unanswerable and not one.across]
    across = [one.answered_by(answer) for one, answer in pairs if one.across]
    refused = [answer.abstained for one, answer in pairs if one.unanswerable]
    lengths = [len(answer.sentences) for _, answer in pairs if not answer.abstained]
    failed = [one.question for one, answer in pairs if not one.unanswerable and not one.answered_by(answer)]
    assert statistics.fmean(right) >= 0.85, failed
    assert statistics.fmean(across) >= 0.4, failed
    assert statistics.fmean(refused) >= 0.7, [one.question for one, answer in pairs if one.unanswerable]
    assert statistics.fmean(lengths) <= 2.0
