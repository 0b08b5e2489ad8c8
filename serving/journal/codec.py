"""Answers and feedback as lines of a journal, and back."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from ragpress.storage.journal_entry import Entry
from serving.journal.records import AnswerRecord, FeedbackRecord

_Record = TypeVar("_Record", AnswerRecord, FeedbackRecord)


class _Passage(msgspec.Struct, frozen=True):
    document_id: str
    chunk_id: str


class _Answer(msgspec.Struct, frozen=True):
    context: tuple[_Passage, ...] = ()


class _AnswerColumns(msgspec.Struct, frozen=True):
    id: str
    at: str
    collection: str
    release: str
    status: str
    key: str = ""
    answer: _Answer | None = None


class _FeedbackColumns(msgspec.Struct, frozen=True):
    id: str
    at: str
    answer_id: str
    collection: str
    release: str
    key: str = ""
    rating: str | None = None


_answer_columns = msgspec.json.Decoder(_AnswerColumns)
_feedback_columns = msgspec.json.Decoder(_FeedbackColumns)
_encoder = msgspec.json.Encoder()


def encode(record: AnswerRecord | FeedbackRecord) -> bytes:
    """A record as one line of JSON. Halves of surrogate pairs, which no UTF-8 can hold, become U+FFFD."""
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode(line: bytes, kind: type[_Record]) -> _Record:
    """A record from its line. Fields that this version does not know are ignored.

    Raises:
        msgspec.DecodeError: it is no such record.
    """
    return msgspec.json.decode(line, type=kind)


def describe_answer(line: bytes) -> Entry:
    """The columns of an answer: its documents and chunks are those of the passages that the generator read."""
    found = _answer_columns.decode(line)
    passages = found.answer.context if found.answer else ()
    return Entry(
        id=found.id,
        at=found.at,
        collection=found.collection,
        release=found.release,
        key=found.key,
        status=found.status,
        documents=tuple(dict.fromkeys(passage.document_id for passage in passages)),
        chunks=tuple(dict.fromkeys(passage.chunk_id for passage in passages)),
    )


def describe_feedback(line: bytes) -> Entry:
    """The columns of a feedback: its subject is the answer, its status the rating."""
    found = _feedback_columns.decode(line)
    return Entry(
        id=found.id,
        at=found.at,
        collection=found.collection,
        release=found.release,
        key=found.key,
        status=found.rating or "",
        subject=found.answer_id,
    )
