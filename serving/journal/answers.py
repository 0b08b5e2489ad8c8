"""The journals of answers and feedback of one workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime

import msgspec

from index.environment import Environment
from ragpress.errors import UsageError
from ragpress.serve_settings import JournalSettings
from ragpress.storage.journal import Journal
from ragpress.storage.journal_entry import RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.record_ids import first_id_at, is_record_id
from serving.journal.codec import decode, describe_answer, describe_feedback, encode
from serving.journal.records import AnswerRecord, FeedbackRecord

ANSWERS = "answers"
FEEDBACK = "feedback"
_RATINGS = ("up", "down")


class AnswerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers to list; all given conditions must hold.

    Attributes:
        collection: only of this collection.
        key: only those asked with this API key; None takes everybody's.
        rating: only those whose last feedback has this rating.
        document: only those whose context holds this document id.
        chunk: only those whose context holds this chunk id.
        since: ISO time; only those asked then or later.
        limit: the most to list, newest first.
    """

    collection: str | None = None
    key: str | None = None
    rating: str | None = None
    document: str | None = None
    chunk: str | None = None
    since: str | None = None
    limit: int = 50


class FeedbackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which feedback to list; all given conditions must hold.

    Attributes:
        collection: only on answers of this collection.
        rating: only with this rating.
        since: ISO time; only what was given then or later.
        limit: the most to list, newest first; None lists all.
    """

    collection: str | None = None
    rating: str | None = None
    since: str | None = None
    limit: int | None = 50


class AnswerJournal:
    """Writes and finds answers and feedback. One for each process; any number of threads and tasks may use it.

    Args:
        environment: the workspace, its store and its clock.
        settings: of the journals.
    """

    def __init__(self, environment: Environment, settings: JournalSettings) -> None:
        places = [environment.journal(kind) for kind in (ANSWERS, FEEDBACK)]
        self._answers, self._feedback = (
            Journal(place.folder, file_bytes=settings.file_bytes, batch_seconds=settings.batch_seconds)
            for place in places
        )
        self._answer_reader = JournalReader(places[0], describe_answer)
        self._feedback_reader = JournalReader(places[1], describe_feedback)

    async def record(self, record: AnswerRecord) -> None:
        """Keep an answer; it is on the disk when this returns.

        A caller that is cancelled meanwhile does not stop it.

        Raises:
            StorageError: the disk is full or refuses; the record is not kept.
        """
        await asyncio.wrap_future(self.keep(record))

    async def record_feedback(self, record: FeedbackRecord) -> None:
        """Keep a feedback; it is on the disk when this returns.

        Raises:
            StorageError: the disk is full or refuses; the record is not kept.
        """
        await asyncio.wrap_future(self.keep(record))

    def keep(self, record: AnswerRecord | FeedbackRecord) -> Future[None]:
        """The same for callers without an event loop: what it gives is done once the record is on the disk.

        Raises:
            StorageError: the journal is closed.
        """
        journal = self._answers if isinstance(record, AnswerRecord) else self._feedback
        return journal.append(encode(record))

    def find(self, answer_id: str) -> AnswerRecord | None:
        """An answer of any process; None where there is none. Reads files: call it in a thread.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        line = self._answer_reader.find(answer_id)
        return None if line is None else decode(line, AnswerRecord)

    def find_all(self, answer_ids: Sequence[str]) -> dict[str, AnswerRecord]:
        """Several answers by their id, in one pass through the files; those that are not there are left out.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        if not answer_ids:
            return {}
        query = RecordQuery(ids=frozenset(answer_ids), since=min(answer_ids))
        return {record.entry.id: decode(record.line, AnswerRecord) for record in self._answer_reader.select(query)}

    def find_feedback(self, feedback_id: str) -> FeedbackRecord | None:
        """A feedback of any process; None where there is none.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        line = self._feedback_reader.find(feedback_id)
        return None if line is None else decode(line, FeedbackRecord)

    def feedback_of(self, answer_id: str) -> list[FeedbackRecord]:
        """All feedback on an answer, oldest first.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        if not is_record_id(answer_id):
            return []
        return self._feedback_where(RecordQuery(subject=answer_id))[::-1]

    def feedback(self, query: FeedbackQuery) -> list[FeedbackRecord]:
        """Feedback, newest first.

        Raises:
            StorageError: a file of the journal cannot be read.
            UsageError: ``since`` is no time.
        """
        return self._feedback_where(
            RecordQuery(
                collection=query.collection,
                statuses=None if query.rating is None else (query.rating,),
                since=None if query.since is None else first_id_since(query.since),
                limit=query.limit,
            )
        )

    def answers(self, query: AnswerQuery) -> list[AnswerRecord]:
        """Answers, newest first.

        Raises:
            StorageError: a file of the journal cannot be read.
            UsageError: ``since`` is no time.
        """
        ids = None if query.rating is None else self._rated(query.rating)
        wanted = RecordQuery(
            collection=query.collection,
            key=query.key,
            document=query.document,
            chunk=query.chunk,
            ids=ids,
            since=None if query.since is None else first_id_since(query.since),
            limit=query.limit,
        )
        return [decode(record.line, AnswerRecord) for record in self._answer_reader.select(wanted)]

    def releases_needed(self, since: datetime) -> set[str]:
        """The releases that made the answers of a time and later.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        return self._answer_reader.releases(RecordQuery(since=first_id_at(since))) - {""}

    def remove_before(self, moment: datetime) -> int:
        """Remove the sealed files that hold nothing but answers, or feedback, from before a time; returns how many.

        Raises:
            StorageError: a file of the journal cannot be read or removed.
        """
        oldest = first_id_at(moment)
        return self._answer_reader.remove_before(oldest) + self._feedback_reader.remove_before(oldest)

    def close(self) -> None:
        """Make everything durable and give the files back."""
        self._answers.close()
        self._feedback.close()

    def _rated(self, rating: str) -> frozenset[str]:
        last: dict[str, str] = {}
        for entry in self._feedback_reader.entries(RecordQuery(statuses=_RATINGS)):
            last.setdefault(entry.subject, entry.status)
        return frozenset(answer for answer, given in last.items() if given == rating)

    def _feedback_where(self, query: RecordQuery) -> list[FeedbackRecord]:
        return [decode(record.line, FeedbackRecord) for record in self._feedback_reader.select(query)]


def first_id_since(since: str) -> str:
    """The least id that a record of a time or a later one can have.

    Args:
        since: ISO time; UTC where it names no zone.

    Raises:
        UsageError: it is no time.
    """
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise UsageError(f"{since!r} is no time: expected ISO 8601, for example 2026-01-31T12:00:00Z.") from error
    return first_id_at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
