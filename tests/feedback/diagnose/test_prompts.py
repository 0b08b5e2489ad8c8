"""How many other questions were complained of under the same prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback.diagnose.prompts import failing
from feedback.workbench import Workbench
from ragpress.storage.record_ids import new_record_id
from retrieval.access import OPERATOR
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord, FeedbackRecord, Rating
from serving.types import Answer, Question
from tests.feedback.diagnose.cases import Desk

pytestmark = pytest.mark.workspace
AT = "2026-11-21T12:00:00.000+00:00"


def test_other_questions_complained_of_under_the_same_prompt_are_counted_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.healthy()
    environment = desk.workspace.environment()
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    bench = Workbench(environment, "default", journal)
    live = bench.live()
    assert live is not None
    try:
        asked = [
            "When is the lobby cleaned?",
            "When is the lobby cleaned?",
            "When is the cellar cleaned?",
            desk.question,
        ]
        answers = [bench.ask(live, Question(text=text, caller=OPERATOR, id=new_record_id())) for text in asked]
        for answer in answers:
            _keep(journal, answer, rating="down")
        praised = bench.ask(live, Question(text="When is the garage cleaned?", caller=OPERATOR, id=new_record_id()))
        _keep(journal, praised, rating="up")
        assert failing(bench, answers[0].prompt, desk.question) == 2
        assert failing(bench, "another@0123", desk.question) == 0
    finally:
        journal.close()


def _keep(journal: AnswerJournal, answer: Answer, rating: Rating) -> None:
    release, name = answer.release, "default"
    journal.keep(
        AnswerRecord(
            id=answer.id,
            at=AT,
            collection=name,
            release=release,
            status="complete",
            question=answer.question,
            answer=answer,
        )
    ).result()
    said = FeedbackRecord(
        id=new_record_id(), at=AT, answer_id=answer.id, collection=name, release=release, rating=rating
    )
    journal.keep(said).result()
