"""Answers and feedback of other days, for tests of what is computed of the journals."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from ragpress.storage.record_ids import first_id_at
from retrieval.context import Passage
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord, ErrorRecord, FeedbackRecord
from serving.types import Answer, Citation, GeneratorName, Seconds, SentenceCheck, Usage


def id_at(at: datetime) -> str:
    """An id as a record of that moment has it."""
    return first_id_at(at)[:12] + secrets.token_hex(10)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def citation(document_id: str, source: str, index: int = 1) -> Citation:
    return Citation(
        index=index,
        chunk_id=f"{document_id}-0",
        document_id=document_id,
        source=source,
        title="",
        heading=(),
        page=None,
        start=0,
        end=10,
        quote="a passage",
        score=0.9,
    )


def passage(document_id: str, source: str, index: int = 1, text: str = "a passage") -> Passage:
    return Passage(
        index=index,
        chunk_id=f"{document_id}-0",
        document_id=document_id,
        source=source,
        title="",
        heading=(),
        page=None,
        start=0,
        end=len(text),
        chunk=text,
        text=text,
        text_start=0,
        text_end=len(text),
        score=0.5,
    )


def checked(*supported: bool | None) -> tuple[SentenceCheck, ...]:
    """Sentences; None for one that claims nothing."""
    return tuple(
        SentenceCheck(
            start=number,
            end=number + 1,
            citations=(1,),
            support=None if one is None else 0.9 if one else 0.1,
            supported=one is not False,
        )
        for number, one in enumerate(supported)
    )


def answered(at: datetime, **fields: Any) -> AnswerRecord:
    """A complete answer; ``fields`` replace those of the answer, or of the record where it has them."""
    of_record = {name: fields.pop(name) for name in ("question", "text", "collection", "key") if name in fields}
    answer_id, release = id_at(at), fields.pop("release", "r1")
    text = of_record.get("text", "It is so. [1]")
    made: dict[str, Any] = {
        "question": of_record.get("question", "How is it?"),
        "standalone": of_record.get("question", "How is it?"),
        "answer": text,
        "abstained": False,
        "language": "en",
        "citations": (citation("d1", "docs/one.md"),),
        "sentences": checked(True),
        "evidence": 0.8,
        "generator": GeneratorName("openai", "model-a"),
        "prompt": "cited@abc",
        "seconds": Seconds(retrieve=0.01, first_token=0.2, total=1.0),
        "usage": Usage(),
    }
    answer = Answer(id=answer_id, release=release, **{**made, **fields})
    of_record = {"collection": "default", "question": "How is it?", "text": text, **of_record}
    return AnswerRecord(id=answer_id, at=iso(at), release=release, status="complete", answer=answer, **of_record)


def broken(at: datetime, status: Any = "failed", release: str = "r1") -> AnswerRecord:
    """An answer that is not complete."""
    error = ErrorRecord("GeneratorTimeoutError", "it did not answer") if status == "failed" else None
    return AnswerRecord(
        id=id_at(at), at=iso(at), collection="default", release=release, status=status, question="?", error=error
    )


def rated(record: AnswerRecord, at: datetime, rating: Any = "down", **fields: Any) -> FeedbackRecord:
    """Feedback on an answer."""
    return FeedbackRecord(
        id=id_at(at),
        at=iso(at),
        answer_id=record.id,
        collection=record.collection,
        release=record.release,
        rating=rating,
        **fields,
    )


def keep(journal: AnswerJournal, *records: AnswerRecord | FeedbackRecord) -> None:
    """Write records, and wait until they are on the disk."""
    for kept in [journal.keep(record) for record in records]:
        kept.result()
