"""One object that hears what happens and turns it into metrics, spans and log lines."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

from serving.generate.circuit import CircuitState
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.telemetry.facts import request_facts
from serving.telemetry.logs import event
from serving.telemetry.metrics import METHODS, RATINGS, TURNED_AWAY, Metrics, error_label, one_of
from serving.telemetry.readiness import Readiness
from serving.telemetry.spans import Spans

_LOG = logging.getLogger(__name__)
_REMEMBERED_SECONDS = 10.0

_REFUSED = {401: "key", 408: "timeout", 413: "body", 415: "body", 421: "host"}
"""Statuses that only what stands before the endpoints answers with, and the reason that they are counted under."""


class Telemetry:
    """Hears what happens. Every method is cheap and never fails.

    Args:
        metrics: where counts go; metrics of its own when None.
        spans: makes spans; None makes none.
        readiness: whether this worker would answer; always when None.
    """

    def __init__(
        self, metrics: Metrics | None = None, spans: Spans | None = None, readiness: Readiness | None = None
    ) -> None:
        self.metrics = metrics or Metrics()
        self.spans = spans
        self.readiness = readiness or Readiness()
        self._failed_at: float | None = None

    @property
    def journal_fails(self) -> bool:
        """Whether a record could not be kept a moment ago, and none was kept since.

        It is forgotten after some seconds: a worker that nobody asks anything would never hear that all is well again.
        """
        failed = self._failed_at
        return failed is not None and time.monotonic() - failed < _REMEMBERED_SECONDS

    def answered(self, record: AnswerRecord) -> None:
        """An answer is in the journal: complete, failed or cancelled."""
        with self._never_fails():
            facts = request_facts.get()
            if facts is not None:
                facts.answer, facts.outcome = record.id, record.status
                facts.collection, facts.release = record.collection, record.release
            metrics, collection = self.metrics, self.metrics.collection(record.collection)
            metrics.answers.labels(collection, record.status).inc()
            if record.error is not None:
                metrics.generator_errors.labels(collection, error_label(record.error.kind)).inc()
                _log_failed(record, record.error.kind)
            self._count_answer(collection, record)

    def feedback(self, record: FeedbackRecord) -> None:
        """A feedback is in the journal."""
        with self._never_fails():
            rating = one_of(record.rating or "none", RATINGS)
            self.metrics.feedback.labels(self.metrics.collection(record.collection), rating).inc()

    def retrieved(self, collection: str, release: str, seconds: float) -> None:
        """Passages were found for a caller who wants no answer."""
        with self._never_fails():
            facts = request_facts.get()
            if facts is not None:
                facts.collection, facts.release = collection, release
            self.metrics.retrieval_seconds.labels(self.metrics.collection(collection)).observe(seconds)

    def turned_away(self, reason: str) -> None:
        """A request was refused before it was worked on: ``full``, ``limit``; :meth:`requested` tells the others."""
        with self._never_fails():
            self.metrics.turned_away.labels(one_of(reason, TURNED_AWAY)).inc()

    def committed(self, seconds: float, *, kept: bool) -> None:
        """A record was handed to the journal.

        Args:
            seconds: until the journal said so.
            kept: whether it is durable.
        """
        with self._never_fails():
            self._failed_at = None if kept else time.monotonic()
            if kept:
                self.metrics.commit_seconds.observe(seconds)
            else:
                self.metrics.commit_failures.inc()

    def working(self, active: int, queued: int) -> None:
        """So many answers are being made in this worker, so many requests wait."""
        with self._never_fails():
            self.metrics.active.set(active)
            self.metrics.queued.set(queued)

    def circuit(self, collection: str, state: CircuitState) -> None:
        """A circuit to a generator is in this state."""
        with self._never_fails():
            self.metrics.circuit_is(collection, state)

    def swapped(self, collection: str, release: str) -> None:
        """This worker answers from another release now."""
        with self._never_fails():
            self.metrics.swaps.labels(self.metrics.collection(collection)).inc()
            event(_LOG, logging.INFO, "another release answers", {"collection": collection, "release": release})

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has ended.

        Args:
            method: its HTTP method.
            route: the template of its route.
            status: of its response; 0 where there was none.
            seconds: until the response's end.
        """
        with self._never_fails():
            if status in _REFUSED:
                self.turned_away(_REFUSED[status])
            self.metrics.requests.labels(one_of(method, METHODS), route, str(status)).inc()
            self.metrics.request_seconds.labels(route).observe(seconds)

    @contextlib.contextmanager
    def chat(
        self, collection: str, release: str, answer_id: str, *, model: str = "", stream: bool = False
    ) -> Iterator[None]:
        """A span over one answer.

        Args:
            collection: what is asked.
            release: what answers.
            answer_id: id of the answer.
            model: ``model`` as the caller named it.
            stream: whether the caller asked for a stream.
        """
        facts = request_facts.get()
        if facts is not None:
            facts.answer, facts.collection, facts.release = answer_id, collection, release
        if self.spans is None:
            yield
            return
        with self.spans.chat(collection, release, answer_id) as span:
            span.asked(model, stream)
            yield

    def _count_answer(self, collection: str, record: AnswerRecord) -> None:
        metrics, answer = self.metrics, record.answer
        if answer is None:
            return
        if answer.abstained:
            metrics.abstained.labels(collection).inc()
        metrics.answer_seconds.labels(collection).observe(answer.seconds.total)
        metrics.retrieval_seconds.labels(collection).observe(answer.seconds.retrieve)
        if answer.seconds.first_token is not None:
            metrics.first_token_seconds.labels(collection).observe(answer.seconds.first_token)
        for direction, tokens in (("input", answer.usage.prompt_tokens), ("output", answer.usage.completion_tokens)):
            if tokens:
                metrics.tokens.labels(collection, direction).inc(tokens)

    @contextlib.contextmanager
    def _never_fails(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a fault of the observer must not become one of what it observes
            event(_LOG, logging.ERROR, "telemetry failed", {}, error)
            with contextlib.suppress(Exception):
                self.metrics.telemetry_failures.inc()


def _log_failed(record: AnswerRecord, kind: str) -> None:
    """Log an answer that failed by the class of its error: what it says may quote a model; the journal has it."""
    facts = request_facts.get()
    fields = {
        "request_id": facts.id if facts else "",
        "answer": record.id,
        "collection": record.collection,
        "release": record.release,
        "error": kind,
    }
    event(_LOG, logging.WARNING, "an answer failed", fields)
