"""Records that the tests of telemetry count."""

from __future__ import annotations

from typing import Any

import msgspec

from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.types import Answer, GeneratorName, Seconds, Usage

QUESTION = "canary-question-7391"
TEXT = "canary-answer-5520"


def answer(**changes: Any) -> Answer:
    """A complete answer."""
    made = Answer(
        id="answer-1",
        question=QUESTION,
        standalone=QUESTION,
        answer=TEXT,
        abstained=False,
        language="en",
        citations=(),
        sentences=(),
        evidence=1.0,
        release="r1",
        generator=GeneratorName("openai", "small"),
        prompt="default@1",
        seconds=Seconds(retrieve=0.02, first_token=0.3, total=1.5),
        usage=Usage(prompt_tokens=100, completion_tokens=7),
    )
    return msgspec.structs.replace(made, **changes)


def record(**changes: Any) -> AnswerRecord:
    """The record of a complete answer."""
    made = AnswerRecord(
        id="answer-1",
        at="2026-01-01T00:00:00.000+00:00",
        collection="default",
        release="r1",
        status="complete",
        model="default",
        question=QUESTION,
        text=TEXT,
        answer=answer(),
    )
    return msgspec.structs.replace(made, **changes)


def feedback(**changes: Any) -> FeedbackRecord:
    """A thumb up."""
    made = FeedbackRecord(
        id="f1",
        at="2026-01-01T00:00:00.000+00:00",
        answer_id="answer-1",
        collection="default",
        release="r1",
        rating="up",
    )
    return msgspec.structs.replace(made, **changes)
