"""A workspace in which people ask, are answered and say how it was, without anything being generated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from feedback.folding.fold import bad_cases
from feedback.records import BadCase
from feedback.workbench import Workbench
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.types import Turn
from tests.serving.journalled import answered, keep, rated
from tests.workspace import Workspace

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
OF_RECORD = ("key", "groups", "history", "status", "via")


class Talk:
    """Asks and rates; each thing a second after the one before.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.at: datetime = START
        self.workspace = Workspace(root)
        self.environment = replace(self.workspace.environment(), now=lambda: self.at)
        self.journal = AnswerJournal(self.environment, self.environment.workspace.service.journal)
        self.bench = Workbench(self.environment, "default", self.journal)
        self.waiting: list[AnswerRecord | FeedbackRecord] = []

    def tick(self, seconds: float = 1.0) -> datetime:
        """Let time go by."""
        self.at += timedelta(seconds=seconds)
        return self.at

    def ask(self, question: str, text: str = "It takes 20 days. [1]", **fields: Any) -> AnswerRecord:
        """An answer; ``fields`` as of the record and of the answer."""
        of_record = {name: fields.pop(name) for name in OF_RECORD if name in fields}
        record = replace(answered(self.tick(), question=question, text=text, **fields), **of_record)
        if record.status == "cancelled":
            record = replace(record, answer=None)
        self.waiting.append(record)
        return record

    def say(self, answer: AnswerRecord, rating: Any = "down", **fields: Any) -> FeedbackRecord:
        """Feedback by whoever asked, unless ``key`` says otherwise."""
        fields = {"key": answer.key, **fields}
        record = rated(answer, self.tick(), rating, **fields)
        self.waiting.append(record)
        return record

    def complain(self, question: str, key: str = "", correction: str = "", **fields: Any) -> FeedbackRecord:
        """Ask, and call the answer wrong."""
        return self.say(self.ask(question, key=key, **fields), correction=correction)

    def fold(self, since: str | None = None) -> tuple[BadCase, ...]:
        """What folding makes of all that was said so far."""
        keep(self.journal, *self.waiting)
        self.waiting = []
        return bad_cases(self.bench, since)

    def one(self) -> BadCase:
        """The only bad case."""
        (found,) = self.fold()
        return found

    def close(self) -> None:
        """Give the journal back."""
        self.journal.close()


def turns(*texts: str) -> tuple[Turn, ...]:
    """A conversation, the user first."""
    return tuple(Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(texts))
