"""Answers and feedback for the tests of their journals."""

from __future__ import annotations

from typing import Any

from ragpress.storage.record_ids import new_record_id
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.types import Answer, Citation, GeneratorName, Seconds, Usage
from tests.serving.answering import passage


def answer_of(record_id: str, cited: tuple[Citation, ...] = (), documents: tuple[str, ...] = ("d1",)) -> Answer:
    """A whole answer that read a passage of each document."""
    return Answer(
        id=record_id,
        question="When is tea?",
        standalone="When is tea?",
        answer="At four. [1]",
        abstained=False,
        language="en",
        citations=cited,
        sentences=(),
        evidence=0.75,
        release="r1",
        generator=GeneratorName("extractive", "words"),
        prompt="default@1",
        seconds=Seconds(0.25, None, 0.5),
        usage=Usage(),
        context=tuple(
            passage(number, "Tea is at four.", document_id=name, chunk_id=f"c-{name}")
            for number, name in enumerate(documents, 1)
        ),
    )


def answer_record(documents: tuple[str, ...] = ("d1",), **fields: Any) -> AnswerRecord:
    """The record of a whole answer."""
    record_id = fields.pop("id", new_record_id())
    given: dict[str, Any] = {
        "at": "2026-11-21T12:00:00.000+00:00",
        "collection": "default",
        "release": "r1",
        "status": "complete",
        "answer": answer_of(record_id, documents=documents),
        **fields,
    }
    return AnswerRecord(id=record_id, **given)


def feedback_record(answer: AnswerRecord, **fields: Any) -> FeedbackRecord:
    """A feedback on an answer."""
    about: dict[str, Any] = {"answer_id": answer.id, "collection": answer.collection, "release": answer.release}
    return FeedbackRecord(id=new_record_id(), at="2026-11-21T12:01:00.000+00:00", **about, **fields)
