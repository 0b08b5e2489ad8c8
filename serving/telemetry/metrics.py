"""Prometheus metrics of one worker process, and their exposition for all of them together.

With ``PROMETHEUS_MULTIPROC_DIR`` in the environment (``ragpress serve`` sets it) every process writes its values into
files of that folder, and whichever process is scraped sums them. Without it the values are this process's own.

Labels are bounded: ``collection`` takes the names of the settings and ``other``; every further label takes the words
of a fixed list. A release is no label of a counter, because releases come without end; ``ragpress_live_release_info``
tells which one is live, and the journal of answers holds the release of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from ragpress import errors
from serving.generate.circuit import CircuitState

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Media type of :meth:`Metrics.exposition`."""

OTHER = "other"
"""Label value of everything that is not on a label's list."""

RATINGS = ("up", "down", "none")
TURNED_AWAY = ("full", "limit", "body", "key", "host", "timeout")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """All metrics of a process. Several may exist in one process; each has its own values.

    Args:
        collections: gives the names that the label ``collection`` may take: those of the settings as they are now.
    """

    def __init__(self, collections: Callable[[], Container[str]] = tuple) -> None:
        self._collections = collections
        self.registry = CollectorRegistry()
        self._collectors: list[Collector] = []
        self._answers()
        self._service()
        self._http()

    def _answers(self) -> None:
        by_collection, registry = ["collection"], self.registry
        self.answers = Counter(
            "ragpress_answers",
            "Answers by how they ended: complete, failed or cancelled.",
            ["collection", "status"],
            registry=registry,
        )
        self.abstained = Counter(
            "ragpress_abstain", "Answers that say that the documents do not answer.", by_collection, registry=registry
        )
        self.answer_seconds = Histogram(
            "ragpress_answer_seconds",
            "From the question to the end of a complete answer.",
            by_collection,
            registry=registry,
            buckets=_SLOW,
        )
        self.retrieval_seconds = Histogram(
            "ragpress_retrieval_seconds",
            "From the question until its passages are found and its prompt is written.",
            by_collection,
            registry=registry,
            buckets=_FAST,
        )
        self.first_token_seconds = Histogram(
            "ragpress_ttft_seconds",
            "From the question to the first token of the generator.",
            by_collection,
            registry=registry,
            buckets=_SLOW,
        )
        self.tokens = Counter(
            "ragpress_tokens",
            "Tokens that generators read (input) and wrote (output).",
            ["collection", "direction"],
            registry=registry,
        )
        self.generator_errors = Counter(
            "ragpress_generator_errors",
            "Answers that failed, by the class of the error.",
            ["collection", "error"],
            registry=registry,
        )
        self.feedback = Counter(
            "ragpress_feedback", "Feedback on answers.", ["collection", "rating"], registry=registry
        )

    def _service(self) -> None:
        registry = self.registry
        self.turned_away = Counter(
            "ragpress_turned_away", "Requests that were refused before any work.", ["reason"], registry=registry
        )
        self.active = Gauge(
            "ragpress_active_answers",
            "Answers that are being made.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.queued = Gauge(
            "ragpress_queued_answers",
            "Requests that wait for their turn.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.circuit = Gauge(
            "ragpress_generator_circuit",
            "Worker processes whose circuit to the generator is in a state.",
            ["collection", "state"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.swaps = Counter(
            "ragpress_release_swaps",
            "Times that a worker began to answer from another release.",
            ["collection"],
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "ragpress_journal_commit_seconds",
            "From handing a record to the journal until it is durable.",
            registry=registry,
            buckets=_FAST,
        )
        self.commit_failures = Counter(
            "ragpress_journal_failures", "Records that the journal could not keep.", registry=registry
        )
        self.telemetry_failures = Counter(
            "ragpress_telemetry_failures", "Faults of the telemetry itself; the log tells them.", registry=registry
        )

    def _http(self) -> None:
        self.requests = Counter(
            "ragpress_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "ragpress_http_request_seconds",
            "From a request's head to the end of its response.",
            ["route"],
            registry=self.registry,
            buckets=_SLOW,
        )

    def collection(self, name: str) -> str:
        """The label value of a collection: its name where the settings know it."""
        return name if name in self._collections() else OTHER

    def circuit_is(self, collection: str, state: CircuitState) -> None:
        """Tell the state of this worker's circuit to a collection's generator."""
        for one in CircuitState:
            self.circuit.labels(self.collection(collection), one.value).set(one is state)

    def add(self, collector: Collector) -> None:
        """Ask a collector at every scrape, too. It is asked once, not once for each process."""
        self._collectors.append(collector)

    def exposition(self) -> bytes:
        """All metrics, of all worker processes where they share a folder. Reads files: call it in a thread."""
        registry = CollectorRegistry()
        folder = os.environ.get(_DIRECTORY)
        if folder:
            _forget_the_dead(Path(folder))
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        else:
            registry.register(_Registered(self.registry))
        for collector in self._collectors:
            registry.register(collector)
        return generate_latest(registry)


class _Registered(Collector):
    """The metrics of another registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """See the base class."""
        return self._registry.collect()


def one_of(value: str, words: Iterable[str]) -> str:
    """A label value: the word itself where it is on the list."""
    return value if value in words else OTHER


def error_label(kind: str) -> str:
    """The label value of an exception's class: its name where it is one of ours."""
    return kind if isinstance(getattr(errors, kind, None), type) else OTHER


def _forget_the_dead(folder: Path) -> None:
    """Drop the present state of processes that are gone; what they counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not _alive(int(pid)):
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
