"""A workspace whose answer is wrong because of an outdated copy, and what users say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from feedback.loop.budget import Budget
from feedback.loop.round import RoundReport, run_round, run_watch
from feedback.workbench import Workbench
from index.environment import Environment
from index.findings import LoopEvent, list_events
from ragpress.storage.record_ids import new_record_id
from retrieval.access import OPERATOR
from serving.chain import Answerer
from serving.journal.answers import AnswerJournal
from serving.journal.feedback import Given, feedback_record
from serving.journal.records import AnswerRecord
from serving.opening import open_answers
from serving.types import Answer, Question
from tests.workspace import SETTINGS, Workspace

LOOP = """
[loop]
min_confidence = 0.0
debounce_seconds = 0.05
poll_seconds = 0.05
"""
QUESTION = "What does a single ticket for the harbour ferry cost?"
RIGHT = "A single ferry ticket costs 6 euro."
DOCUMENTS = {
    "ferry/fares-2021.md": (
        "# Harbour ferry fares\n\nValid from January 2021.\n\nA single ticket for the harbour ferry costs 4 euro. "
        "A day pass for the harbour ferry costs 9 euro. Children under six travel free of charge.\n"
    ),
    "ferry/fares-2025.md": (
        "# Harbour ferry fares\n\nValid from January 2025.\n\nA single ferry ticket costs 6 euro. "
        "A day pass for the harbour ferry costs 12 euro. Children under six travel free of charge.\n"
    ),
    "library.md": "# Library\n\nThe library opens at nine in the morning. Books may be kept for four weeks.\n",
    "warehouse.md": "# Warehouse\n\nThe warehouse in Utrecht has forty docks. The gate closes at midnight.\n",
    "canteen.md": "# Canteen\n\nThe canteen serves green tea at four. Lunch is served from noon until two.\n",
}
PLENTY = Budget(10**9, 10**9)


class Looped:
    """A workspace with its journal and bench.

    Args:
        root: an existing folder.
        settings: put behind the usual ones.
        documents: source files.
    """

    def __init__(self, root: Path, settings: str = LOOP, documents: Mapping[str, str] = DOCUMENTS) -> None:
        self.workspace = Workspace(root, SETTINGS + settings)
        self.workspace.write(documents)
        self.workspace.ingest()
        self.journal = AnswerJournal(self.environment, self.environment.workspace.service.journal)
        self._open: dict[str, Answerer] = {}
        self.bench = Workbench(self.environment, "default", self.journal)

    @property
    def environment(self) -> Environment:
        return self.workspace.environment()

    @property
    def live(self) -> str:
        return self.environment.releases("default").live_id() or ""

    @property
    def events(self) -> list[LoopEvent]:
        """What the loop did, oldest first."""
        return list_events(self.environment, "default", limit=None)[::-1]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def ask(self, text: str = QUESTION, release: str | None = None) -> Answer:
        """Ask as the service does; the answer is in the journal."""
        name = release or self.live
        answerer = self._open.get(name) or self._open.setdefault(name, open_answers(self.environment, "default", name))
        answer = asyncio.run(answerer.answer(Question(text=text, caller=OPERATOR, id=new_record_id())))
        record = AnswerRecord(
            id=answer.id,
            at=self.environment.now().isoformat(timespec="milliseconds"),
            collection="default",
            release=answer.release,
            status="complete",
            question=text,
            text=answer.answer,
            answer=answer,
        )
        self.journal.keep(record).result()
        return answer

    def complain(self, answer: Answer, correction: str = RIGHT) -> str:
        """A thumbs-down with a correction; returns the feedback's id."""
        given = feedback_record(self.journal, Given(answer_id=answer.id, rating="down", correction=correction))
        self.journal.keep(given).result()
        return given.id

    def round(self, budget: Budget = PLENTY) -> RoundReport:
        return run_round(self.bench, budget)

    def watch(self) -> RoundReport:
        return run_watch(self.bench, PLENTY)

    def close(self) -> None:
        self.journal.close()
