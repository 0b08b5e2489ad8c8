"""Bad cases: answers with thumbs down, what their readers said, and the documents that may be at fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.overview.records import AnswerSummary, BadCase
from serving.overview.suspects import known_documents, suspects

DOWN = "down"
_QUESTION = 2_000
_ANSWER = 4_000
_LINE = 300


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What readers said of one answer, all of their feedback together: of each field the last that is not empty."""

    at: str
    comment: str
    correction: str
    expected: tuple[str, ...]


def last_ratings(ratings: pa.Table) -> dict[str, str]:
    """The last rating of each answer.

    Args:
        ratings: schema :data:`~serving.overview.facts.RATINGS`.
    """
    ordered = ratings.sort_by("id")
    return dict(zip(ordered["answer_id"].to_pylist(), ordered["rating"].to_pylist(), strict=True))


def newest(answers: pa.Table, ids: Sequence[str], limit: int) -> list[str]:
    """Ids of those answers that there are, newest first."""
    found = answers.filter(pc.is_in(answers["id"], pa.array(ids, pa.string()))).sort_by([("id", "descending")])
    newest_ids: list[str] = found["id"].slice(0, limit).to_pylist()
    return newest_ids


def said_of(feedback: Sequence[FeedbackRecord]) -> Said:
    """What was said of one answer.

    Args:
        feedback: all on the answer, oldest first; at least one.
    """
    return Said(
        at=feedback[-1].at,
        comment=_last(feedback, lambda one: one.comment),
        correction=_last(feedback, lambda one: one.correction),
        expected=tuple(dict.fromkeys(source for one in feedback for source in one.expected_sources)),
    )


def bad_cases(
    records: Sequence[AnswerRecord], feedback: Mapping[str, Sequence[FeedbackRecord]], documents: pa.Table
) -> list[BadCase]:
    """Bad cases in the order of their records.

    Args:
        records: the answers.
        feedback: all feedback on each, oldest first.
        documents: the live release's document table; schema ``index.documents.SCHEMA``.
    """
    said = {record.id: said_of(feedback[record.id]) for record in records if feedback.get(record.id)}
    told = [record for record in records if record.id in said]
    cited = [item.document_id for record in told if record.answer for item in record.answer.citations]
    known = known_documents(documents, cited, [name for one in said.values() for name in one.expected])
    return [
        BadCase(
            answer_id=record.id,
            at=record.at,
            release=record.release,
            question=record.question[:_QUESTION],
            answer=record.text[:_ANSWER],
            abstained=record.answer is not None and record.answer.abstained,
            comment=said[record.id].comment,
            correction=said[record.id].correction,
            expected_sources=list(said[record.id].expected),
            given=said[record.id].at,
            suspects=suspects(record.answer, said[record.id].expected, known),
        )
        for record in told
    ]


def summary(record: AnswerRecord, rating: str | None) -> AnswerSummary:
    """One line of the list of answers.

    Args:
        record: the answer.
        rating: its last rating.
    """
    answer = record.answer
    claims = [check for check in answer.sentences if check.support is not None] if answer else []
    return AnswerSummary(
        id=record.id,
        at=record.at,
        release=record.release,
        status=record.status,
        question=record.question[:_LINE],
        answer=record.text[:_LINE],
        abstained=answer is not None and answer.abstained,
        rating=rating,
        error=None if record.error is None else f"{record.error.kind}: {record.error.message}"[:_LINE],
        generator=None if answer is None else f"{answer.generator.kind} {answer.generator.model}".strip(),
        seconds=None if answer is None else answer.seconds.total,
        supported=None if answer is None else sum(check.supported for check in claims),
        claims=None if answer is None else len(claims),
    )


def _last(feedback: Sequence[FeedbackRecord], field: Callable[[FeedbackRecord], str]) -> str:
    return next((field(one) for one in reversed(feedback) if field(one)), "")
