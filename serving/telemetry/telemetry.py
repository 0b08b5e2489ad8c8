"""One object that hears what happens and turns it into metrics and spans."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from serving.journal.records import AnswerRecord, FeedbackRecord


class Telemetry:
    """Hears what happens. Every method is cheap and never fails."""

    def answered(self, record: AnswerRecord) -> None:
        """An answer is in the journal: complete, failed or cancelled."""

    def feedback(self, record: FeedbackRecord) -> None:
        """A feedback is in the journal."""

    def turned_away(self, reason: str) -> None:
        """A request was refused before it was worked on: ``full``, ``limit``, ``body``, ``key``."""

    @contextlib.contextmanager
    def chat(self, collection: str, release: str, answer_id: str) -> Iterator[None]:
        """A span over one answer."""
        yield
