"""The journals of answers and feedback of one workspace."""

from __future__ import annotations

import msgspec

from serving.journal.records import AnswerRecord, FeedbackRecord


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


class AnswerJournal:
    """Writes and finds answers and feedback. One for each process; any number of threads and tasks may use it."""

    async def record(self, record: AnswerRecord) -> None:
        """Keep an answer; it is on the disk when this returns.

        Raises:
            StorageError: the disk is full or refuses; the record is not kept.
        """
        raise NotImplementedError

    async def record_feedback(self, record: FeedbackRecord) -> None:
        """Keep a feedback; it is on the disk when this returns.

        Raises:
            StorageError: the disk is full or refuses; the record is not kept.
        """
        raise NotImplementedError

    def find(self, answer_id: str) -> AnswerRecord | None:
        """An answer of any process; None where there is none. Reads files: call it in a thread."""
        raise NotImplementedError

    def feedback_of(self, answer_id: str) -> list[FeedbackRecord]:
        """All feedback on an answer, oldest first."""
        raise NotImplementedError

    def answers(self, query: AnswerQuery) -> list[AnswerRecord]:
        """Answers, newest first."""
        raise NotImplementedError

    def close(self) -> None:
        """Make everything durable and give the files back."""
