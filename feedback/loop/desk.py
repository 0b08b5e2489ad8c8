"""What the steps of a round share: the collection, where the loop stands, the budget, and the pen that notes events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from feedback.loop.budget import Budget
from feedback.loop.state import LoopState, read_state
from feedback.loop.telling import say
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.findings import BY_LOOP, EventKind, Finding, LoopEvent, iso, record_event, record_findings
from ragpress.bilingual import Language
from ragpress.errors import ConflictError, RagpressError, UnknownOutcomeError, WriterBusyError
from ragpress.loop_settings import LoopSettings
from serving.generate.kinds import EXTRACTIVE

_LOG = logging.getLogger(__name__)
_TRANSIENT = (WriterBusyError, ConflictError, UnknownOutcomeError)


class Desk:
    """One round's work on one collection.

    Args:
        bench: the collection.
        budget: what may be spent.
        stop: whether the round is to end after the step that runs.

    Attributes:
        bench: the collection.
        state: where the loop stands; read again after whatever changes it.
        bads: the open problems, once they are folded.
        notes: the events of this round, oldest first.
        again: whether something has to wait for another writer, and is to be tried again soon.
    """

    def __init__(self, bench: Workbench, budget: Budget, stop: Callable[[], bool] = lambda: False) -> None:
        self.bench = bench
        self.stop = stop
        self.state: LoopState = read_state(bench.environment, bench.collection)
        self.bads: tuple[BadCase, ...] = ()
        self.notes: list[LoopEvent] = []
        self.again = False
        self._budget = budget

    @property
    def settings(self) -> LoopSettings:
        """``[loop]`` of the collection."""
        return self.bench.environment.workspace.collection(self.bench.collection).loop

    @property
    def language(self) -> Language:
        """The language in which it tells."""
        return self.settings.language

    @property
    def now(self) -> datetime:
        """The time."""
        return self.bench.environment.now()

    @property
    def budget(self) -> Budget:
        """What is left of the budget."""
        tokens = sum(event.model_tokens for event in self.notes)
        return self._budget.less(tokens, sum(event.embeddings for event in self.notes))

    @property
    def may_ask(self) -> bool:
        """Whether questions may be asked: the model's tokens are not used up, or answers need none."""
        return self.budget.model_tokens > 0 or not self._needs_model()

    @property
    def may_prove(self) -> bool:
        """Whether repairs may be tried in scratch releases."""
        return self.budget.embeddings > 0 and self.may_ask

    def say(self, sentence: str, **values: object) -> str:
        """A sentence in the loop's language."""
        return say(self.language, sentence, **values)

    def note(self, kind: EventKind, text: str, **fields: Any) -> LoopEvent:
        """Record what happened; it is on the disk when this returns.

        Args:
            kind: what.
            text: the same in words.
            fields: further fields of the event.

        Raises:
            StorageError: the disk is full or refuses.
        """
        event = LoopEvent(
            at=iso(self.now), collection=self.bench.collection, kind=kind, text=text, **{"by": BY_LOOP, **fields}
        )
        record_event(self.bench.environment, event)
        self.notes.append(event)
        self.read()
        return event

    def keep(self, findings: Sequence[Finding]) -> None:
        """Record findings; they are on the disk when this returns."""
        record_findings(self.bench.environment, findings)
        self.read()

    def read(self) -> None:
        """Read again where the loop stands."""
        self.state = read_state(self.bench.environment, self.bench.collection)

    def noted_elsewhere(self, before: LoopState) -> None:
        """Take up events that something else has recorded since a state was read."""
        known = {event.id for event in (*before.events, *self.notes)}
        self.read()
        self.notes += [event for event in self.state.events if event.id not in known]

    def _needs_model(self) -> bool:
        live = self.bench.live()
        return live is not None and live.answerer.parts.generator.name.kind != EXTRACTIVE

    @contextmanager
    def trying(self, basis: str, what: str, **values: object) -> Iterator[None]:
        """Let no failure of one thing end the round: it becomes an event, and is tried again later.

        Args:
            basis: fingerprint of what is tried, under which it is counted how often it failed.
            what: the sentence that names it.
            values: what that tells of.
        """
        try:
            yield
        except _TRANSIENT as error:
            _LOG.info("%s: another writer is at work; tried again soon", type(error).__name__)
            self.again = True
        except Exception as error:  # noqa: BLE001 - one bad case must not stop the loop for all others
            # The message may hold users' words, which belong in no log.
            _LOG.warning("a step of the loop failed with %s at %s", type(error).__name__, _place(error))
            why = str(error) if isinstance(error, RagpressError) else f"{type(error).__name__} at {_place(error)}"
            self.note("failed", self.say("failed", what=self.say(what, **values), why=why), basis=basis)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
