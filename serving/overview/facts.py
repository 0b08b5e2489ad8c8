"""The few facts of answers and feedback that figures are made of, as Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import pyarrow as pa

_TIME = pa.timestamp("us")

ANSWERS = pa.schema(
    [
        ("id", pa.string()),
        ("at", _TIME),
        ("collection", pa.string()),
        ("release", pa.string()),
        ("status", pa.string()),
        ("abstained", pa.bool_()),
        ("first_token", pa.float64()),
        ("total", pa.float64()),
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("claims", pa.int32()),
        ("unsupported", pa.int32()),
        ("cited_ids", pa.list_(pa.string())),
        ("cited_sources", pa.list_(pa.string())),
    ]
)
"""Times are UTC without a zone; what an answer does not tell is null."""

RATINGS = pa.schema(
    [
        ("id", pa.string()),
        ("answer_id", pa.string()),
        ("at", _TIME),
        ("collection", pa.string()),
        ("rating", pa.string()),
    ]
)
"""Feedback that rates; of one answer the one with the greatest id is the last."""


class _Cited(msgspec.Struct, frozen=True):
    document_id: str
    source: str


class _Check(msgspec.Struct, frozen=True):
    supported: bool
    support: float | None = None


class _Seconds(msgspec.Struct, frozen=True):
    total: float
    first_token: float | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    abstained: bool
    seconds: _Seconds
    usage: _Usage
    citations: tuple[_Cited, ...] = ()
    sentences: tuple[_Check, ...] = ()


class AnswerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What figures need of an answer record: decoding one into this skips its passages and texts."""

    id: str
    at: str
    collection: str
    release: str
    status: str
    answer: _Answer | None = None


class RatingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What figures need of a feedback record."""

    id: str
    answer_id: str
    at: str
    collection: str
    rating: str | None = None


def answer_table(records: Iterable[AnswerFacts]) -> pa.Table:
    """Answer facts as a table of :data:`ANSWERS`."""
    return pa.Table.from_pylist([_row(record) for record in records], schema=ANSWERS)


def rating_table(records: Iterable[RatingFacts]) -> pa.Table:
    """Feedback that rates, as a table of :data:`RATINGS`."""
    rated = (record for record in records if record.rating is not None)
    rows = [msgspec.structs.asdict(record) | {"at": moment(record.at)} for record in rated]
    return pa.Table.from_pylist(rows, schema=RATINGS)


def moment(iso: str) -> datetime:
    """An ISO time as UTC without a zone, as the tables have it; a time without a zone is UTC."""
    parsed = datetime.fromisoformat(iso)
    return parsed if parsed.tzinfo is None else parsed.astimezone(UTC).replace(tzinfo=None)


def _row(record: AnswerFacts) -> dict[str, object]:
    row: dict[str, object] = {
        "id": record.id,
        "at": moment(record.at),
        "collection": record.collection,
        "release": record.release,
        "status": record.status,
    }
    answer = record.answer
    if answer is None:
        return row
    claims = [check for check in answer.sentences if check.support is not None]
    cited = {item.document_id: item.source for item in answer.citations}
    return row | {
        "abstained": answer.abstained,
        "first_token": answer.seconds.first_token,
        "total": answer.seconds.total,
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "claims": len(claims),
        "unsupported": sum(not check.supported for check in claims),
        "cited_ids": list(cited),
        "cited_sources": list(cited.values()),
    }
