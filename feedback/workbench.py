"""What every step of the loop works with: the outside, the journal, and releases that are open for answering."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from msgspec.structs import replace

from evaluation.subjects import Subject, open_subject
from feedback.records import BadCase
from index.environment import Environment, open_release
from ragpress.errors import ReleaseError
from retrieval.access import principal_of
from serving.journal.answers import AnswerJournal
from serving.types import Answer, Question

_KEPT = 6


class Workbench:
    """Releases of one collection, each opened once. Not for several threads at the same time.

    Args:
        environment: the outside.
        collection: the collection.
        journal: its answers and feedback.

    Attributes:
        environment: the outside.
        collection: the collection.
        journal: its answers and feedback.
        model_tokens: tokens of a served or local model that answers have cost so far, as far as it counts them.
    """

    def __init__(self, environment: Environment, collection: str, journal: AnswerJournal) -> None:
        self.environment = environment
        self.collection = collection
        self.journal = journal
        self.model_tokens = 0
        self._open: OrderedDict[str, Subject] = OrderedDict()

    def live(self) -> Subject | None:
        """The live release, open for answering; None where nothing is live."""
        live = self.environment.releases(self.collection).live_id()
        return None if live is None else self.subject(live)

    def require_live(self) -> Subject:
        """The live release, open for answering.

        Raises:
            ReleaseError: nothing is live.
        """
        live = self.live()
        if live is None:
            raise ReleaseError(
                f"Nothing is live in {self.collection!r} yet. Publish a first release with: ragpress ingest"
            )
        return live

    def subject(self, release: str) -> Subject:
        """A release, open for answering.

        Raises:
            ReleaseError: there is none.
            RagpressError: it cannot be opened for answering.
        """
        found = self._open.get(release)
        if found is None:
            opened = open_release(self.environment, self.collection, release)
            found = open_subject(self.environment, opened, opened.manifest.id)
            self._open[release] = found
        self._open.move_to_end(release)
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return found

    def renew(self, environment: Environment) -> None:
        """Work in another outside from now on, as after the settings were edited; nothing stays open."""
        self.environment = environment
        self._open.clear()

    def ask(self, subject: Subject, question: Question) -> Answer:
        """Answer a question from a release. Nothing is written into the journal.

        Raises:
            RagpressError: it cannot be answered.
        """
        answer = asyncio.run(subject.answerer.answer(question))
        self.model_tokens += (answer.usage.prompt_tokens or 0) + (answer.usage.completion_tokens or 0)
        return answer


def question_of(bad: BadCase) -> Question:
    """The question of a bad case as its caller asked it; with the answer's own id, so that its prompt is made again."""
    question = Question(text=bad.question, history=bad.history, caller=principal_of(bad.groups))
    return replace(question, id=bad.answer_id) if bad.answer_id else question
