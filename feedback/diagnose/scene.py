"""What a diagnosis starts from: the release, the question, the bad answer, and what the releases before it say."""

from __future__ import annotations

import msgspec

from evaluation.subjects import Subject
from feedback.diagnose.claims import Judge
from feedback.diagnose.history import History
from feedback.records import BadCase
from feedback.workbench import Workbench, question_of
from index.release import Manifest
from serving.types import Answer, Question


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What everything else is worked out from.

    Attributes:
        bench: the collection.
        bad: the bad case.
        subject: the release that is diagnosed.
        question: as its caller asked it.
        answer: the bad answer, as the release makes it.
        judge: tells whether texts say what is expected.
        history: the releases before it.
        earlier: what they say, newest first.
    """

    bench: Workbench
    bad: BadCase
    subject: Subject
    question: Question
    answer: Answer
    judge: Judge
    history: History
    earlier: tuple[tuple[Manifest, Answer], ...]


def scene_of(bench: Workbench, bad: BadCase, subject: Subject) -> Scene:
    """Ask the release and those before it."""
    question = question_of(bad)
    history = History(bench, subject.manifest)
    return Scene(
        bench=bench,
        bad=bad,
        subject=subject,
        question=question,
        answer=bench.ask(subject, question),
        judge=Judge(question.text, subject),
        history=history,
        earlier=tuple(history.answers(question)),
    )
