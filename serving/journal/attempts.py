"""Keeps what becomes of the questions of ``ragpress ask`` and ``ragpress chat``."""

from __future__ import annotations

import contextlib
from asyncio import CancelledError
from collections.abc import Callable, Iterator

import msgspec

from index.environment import Environment
from ragpress.errors import RagpressError, StorageError
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord, AnswerStatus, ErrorRecord
from serving.journal.sealing import seal_journals
from serving.prompting import new_answer_id
from serving.types import Answer, Question

# Each command leaves a file of its own behind. Where no service seals them, every so many commands do.
_MANY_FILES = 32


class Attempt:
    """One question on its way to an answer.

    Args:
        question: with the id of the answer.

    Attributes:
        question: the same.
        answer: the answer; None until it is whole.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: Answer | None = None
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        """The user was shown some more text."""
        self._pieces.append(text)

    @property
    def text(self) -> str:
        """The text that the user was shown."""
        return self.answer.answer if self.answer else "".join(self._pieces)


class Attempts:
    """Keeps the answers of one command in the journal. A journal that cannot be written costs no answer.

    Args:
        environment: the workspace.
        collection: what is asked.
        release: gives the id of the release that is asked now.
        warn: is told why an answer could not be kept.
    """

    def __init__(
        self, environment: Environment, collection: str, release: Callable[[], str], warn: Callable[[str], None]
    ) -> None:
        self._environment = environment
        self._collection = collection
        self._release = release
        self._warn = warn
        self._journal: AnswerJournal | None = None

    @contextlib.contextmanager
    def attempt(self, question: Question) -> Iterator[Attempt]:
        """Answer a question in the context, and keep how that ends: with an answer, an error, or the user leaving."""
        attempt = Attempt(msgspec.structs.replace(question, id=question.id or new_answer_id()))
        at, release = self._environment.now().isoformat(timespec="milliseconds"), self._release()
        status: AnswerStatus = "complete"
        error: ErrorRecord | None = None
        try:
            yield attempt
        except RagpressError as failure:
            status, error = "failed", ErrorRecord(type(failure).__name__, str(failure))
            raise
        except (KeyboardInterrupt, CancelledError):
            status = "cancelled"
            raise
        finally:
            if status != "complete" or attempt.answer is not None:
                self._keep(self._record(attempt, at, release, status, error))

    def close(self) -> None:
        """Give the journal back."""
        if self._journal is None:
            return
        self._journal.close()
        try:
            seal_journals(self._environment, _MANY_FILES)
        except StorageError as error:
            self._warn(f"The journal cannot be sealed now: {error}")

    def _record(
        self, attempt: Attempt, at: str, release: str, status: AnswerStatus, error: ErrorRecord | None
    ) -> AnswerRecord:
        question, caller = attempt.question, attempt.question.caller
        return AnswerRecord(
            id=question.id,
            at=at,
            collection=self._collection,
            release=attempt.answer.release if attempt.answer else release,
            status=status,
            groups=None if caller.unrestricted else tuple(sorted(caller.groups)),
            via="cli",
            model=self._collection,
            question=question.text,
            history=question.history,
            where=question.where,
            k=question.k,
            text=attempt.text,
            answer=attempt.answer,
            error=error,
        )

    def _keep(self, record: AnswerRecord) -> None:
        try:
            if self._journal is None:
                self._journal = AnswerJournal(self._environment, self._environment.workspace.service.journal)
            self._journal.keep(record).result()
        except StorageError as error:
            self._warn(f"The answer is not in the journal: {error}")
