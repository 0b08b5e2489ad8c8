"""``ragpress worker``: round after round, as soon as something happened, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec

from feedback.loop.budget import Budget, budget_of
from feedback.loop.lease import worker_lease
from feedback.loop.noticing import Noticer
from feedback.loop.round import RoundReport, run_round, run_watch
from feedback.loop.source_events import Due, SourceWatch, source_folders
from feedback.loop.state import read_state
from feedback.loop.telling import say
from feedback.loop.telling_others import Sink, Teller
from feedback.loop.webhook import Webhook
from feedback.repairing.events import About, record
from feedback.workbench import Workbench
from index.environment import Environment
from index.findings import FINDINGS, LOOP, EventKind, LoopEvent, describe_event, describe_finding
from ragpress.errors import RagpressError, SettingsError, StorageError
from ragpress.loop_settings import LoopSettings
from ragpress.storage.journal_seal import seal
from serving.journal.answers import AnswerJournal

_LOG = logging.getLogger(__name__)
_MANY_FILES = 32
_SIGNS_SECONDS = 30.0
"""Signs that nobody gave on purpose (rephrased, abandoned, …) are folded in this often; feedback at once."""

_WATCH_SECONDS = 3.0
"""While a release is watched, new answers are looked at this often."""


def run_once(environment: Environment, collection: str, sinks: Sequence[Sink] = (), wait: float = 0.0) -> RoundReport:
    """One round of one collection, under its lease.

    Raises:
        WriterBusyError: another worker runs its loop.
        RagpressError: as :func:`feedback.loop.round.run_round` does.
    """
    with worker_lease(environment, collection, wait):
        journal = AnswerJournal(environment, environment.workspace.service.journal)
        try:
            teller = Teller(environment, collection, sinks)
            bench = Workbench(environment, collection, journal)
            report = run_round(bench, _budget(bench))
            teller.tell()
            return report
        finally:
            journal.close()


def work(
    environment_of: Callable[[], Environment],
    collections: Sequence[str],
    stop: threading.Event,
    *,
    wait: float = 0.0,
    sinks: Sequence[Sink] = (),
) -> None:
    """Run the loop of collections until told to stop.

    Args:
        environment_of: opens the workspace; called again when its settings were edited.
        collections: which ones; none takes all that the settings name.
        stop: ends it, between two steps.
        wait: seconds to wait for another worker of a collection to end.
        sinks: who is told every event.

    Raises:
        WriterBusyError: another worker runs the loop of a collection.
        RagpressError: the workspace cannot be opened.
    """
    environment = environment_of()
    names = tuple(collections) or tuple(environment.workspace.collections)
    with ExitStack() as held:
        for name in names:
            held.enter_context(worker_lease(environment, name, wait, stop))
        lines = [held.enter_context(_Line(environment, name, stop, sinks)) for name in names]
        while not stop.is_set():
            fresh = _reread(environment_of, environment) if any(line.settings_changed() for line in lines) else None
            if fresh is not None:
                environment = fresh
                lines = _still_named(lines, environment)
                for line in lines:
                    line.renew(environment)
            for line in lines:
                line.step()
            if not lines:
                return
            stop.wait(min(line.settings.poll_seconds for line in lines))


class _Line:
    """One collection in the hands of a worker. A context manager."""

    def __init__(self, environment: Environment, collection: str, stop: threading.Event, sinks: Sequence[Sink]) -> None:
        self._journal = AnswerJournal(environment, environment.workspace.service.journal)
        self.bench = Workbench(environment, collection, self._journal)
        self._stop = stop
        self._webhook: Webhook | None = None
        self._teller = Teller(environment, collection, [*sinks, self._send])
        self._noticer = Noticer(self.bench)
        self._due = Due(self.settings.debounce_seconds, self.settings.sweep_seconds)
        self._signs = Due(_SIGNS_SECONDS, self.settings.sweep_seconds, 1)
        self._glances = Due(_WATCH_SECONDS, self.settings.sweep_seconds, 1)
        self._watching = False
        self._watch: SourceWatch | None = None
        self._news: frozenset[str] = frozenset()
        self._again = True
        self._problem = ""

    @property
    def settings(self) -> LoopSettings:
        """``[loop]`` of the collection."""
        return self.bench.environment.workspace.collection(self.bench.collection).loop

    def __enter__(self) -> _Line:
        self._connect()
        self._note("started")
        self._follow()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._watch is not None:
            self._watch.close()
        self._note("stopped")
        self._teller.tell()
        if self._webhook is not None:
            self._webhook.close()
        self._journal.close()

    def settings_changed(self) -> bool:
        """Whether the settings file was edited since the last step; also takes in what else is new."""
        self._news |= self._noticer.changed()
        return "settings" in self._news

    def renew(self, environment: Environment) -> None:
        """Go on with edited settings."""
        self.bench.renew(environment)
        self._due.debounce, self._due.sweep = self.settings.debounce_seconds, self.settings.sweep_seconds
        self._connect()
        self._follow()
        self._again = True

    def step(self) -> None:
        """Run a round if anything calls for one. What goes wrong is logged, and tried again."""
        news, self._news = self._news, frozenset()
        if news & {"repairs", "prompts", "settings", "cases"}:
            self._due.touch()
        if "answers" in news:
            self._signs.touch()
        sources, signs = self._due.is_due(), self._signs.is_due()
        if not (sources or signs or self._again or news - {"answers"}):
            if "answers" in news:
                self._glances.touch()
            if self._watching and self._glances.is_due():
                self._glances.looked()
                self._run(lambda: run_watch(self.bench, _budget(self.bench), self._stop.is_set))
            return
        if sources:
            self._due.looked()
        self._signs.looked()
        self._run(lambda: run_round(self.bench, _budget(self.bench), ingest=sources, stop=self._stop.is_set))

    def _run(self, work: Callable[[], RoundReport]) -> None:
        try:
            report = work()
            self._again, self._watching = report.again, bool(report.watching or report.canary)
            self._teller.tell()
            seal_events(self.bench.environment)
            self._problem = ""
        except (RagpressError, OSError) as error:
            if str(error) != self._problem:
                _LOG.error("the loop of %s cannot go on: %s", self.bench.collection, type(error).__name__)
                self._problem = str(error)
            self._again = False
            self._signs.touch()

    def _connect(self) -> None:
        """Open the webhook of the settings; one that is wrong is told, and the loop goes on without it."""
        if self._webhook is not None:
            self._webhook.close()
        self._webhook = None
        if self.settings.webhook:
            try:
                self._webhook = Webhook(self.settings.webhook, self.settings.webhook_key)
            except SettingsError as error:
                _LOG.error("%s", error)

    def _send(self, event: LoopEvent) -> None:
        if self._webhook is not None:
            self._webhook.send(event)

    def _follow(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        environment = self.bench.environment
        if self.settings.sources:
            without = [environment.local, environment.workspace.root / "cases"]
            folders = source_folders(environment, self.bench.collection)
            self._watch = SourceWatch(folders, without, self._due.touch)
            self._watch.start()

    def _note(self, kind: EventKind) -> None:
        record(self.bench, kind, say(self.settings.language, kind), About())


def seal_events(environment: Environment) -> None:
    """Seal the journals of findings and events where many small files have come together.

    Raises:
        StorageError: a file cannot be read or written; nothing is lost.
    """
    seal(environment.journal(FINDINGS), describe_finding, _MANY_FILES)
    seal(environment.journal(LOOP), describe_event, _MANY_FILES)


def _budget(bench: Workbench) -> Budget:
    state = read_state(bench.environment, bench.collection)
    settings = bench.environment.workspace.collection(bench.collection).loop
    return budget_of(settings, state.events, bench.environment.now())


def _still_named(lines: Sequence[_Line], environment: Environment) -> list[_Line]:
    """The lines whose collections edited settings still name; the others rest, and end with the worker."""
    kept = [line for line in lines if line.bench.collection in environment.workspace.collections]
    for line in lines:
        if line not in kept:
            _LOG.error("the settings no longer name the collection %s: its loop rests", line.bench.collection)
    return kept


def _reread(environment_of: Callable[[], Environment], before: Environment) -> Environment | None:
    """The workspace with its settings as they are now; None where they cannot be used, and the former ones stay."""
    try:
        fresh = environment_of()
    except (SettingsError, StorageError, OSError) as error:
        _LOG.error("the settings have changed and cannot be used; the former ones stay: %s", error)
        return None
    if fresh.workspace.data != before.workspace.data:
        _LOG.error("[workspace] data_dir has changed: restart the worker to work there")
        return None
    # The store holds the lease.
    return msgspec.structs.replace(fresh, store=before.store, local=before.local)
