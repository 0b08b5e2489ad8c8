"""What a scrape reads from the workspace, once for all worker processes: live releases, their age, runs of ingestion.

Counts of runs come from the journal of runs, so that they go on through restarts and hold runs of the command line,
too.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from index.environment import Environment
from index.evaluations import EvaluationSummary
from index.release import Manifest
from index.runs import RunRecord, list_runs
from ragpress import __version__
from ragpress.errors import RagpressError
from serving.overview.evaluations import EvaluationShelf
from serving.telemetry.logs import event

_LOG = logging.getLogger(__name__)

RESULTS = ("added", "changed", "moved", "deleted", "unchanged", "quarantined")
"""What a run does with a document: values of the label ``result``."""


class RunTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs of ingestion did together.

    Attributes:
        documents: (collection, what became of them) → documents.
        reused: collection → chunks whose vectors were not computed again.
        verdicts: (collection, the gate's verdict) → candidates.
    """

    documents: Mapping[tuple[str, str], int]
    reused: Mapping[str, int]
    verdicts: Mapping[tuple[str, str], int]


class WorkspaceCollector(Collector):
    """Metrics of the workspace.

    Args:
        environment: the workspace with its settings as they are now.
        runs: what all runs did so far.
    """

    def __init__(self, environment: Callable[[], Environment], runs: Callable[[], RunTotals]) -> None:
        self._environment = environment
        self._runs = runs

    def collect(self) -> Iterator[Metric]:
        """All metrics; those that cannot be read now are left out, and counted as failed."""
        faults = 0
        for part in (self._live, self._ingested):
            try:
                yield from part()
            except (RagpressError, OSError, ValueError) as error:
                event(_LOG, logging.WARNING, "a scrape could not read the workspace", {}, error)
                faults += 1
        yield GaugeMetricFamily("ragpress_scrape_faults", "Parts of this scrape that could not be read.", faults)
        yield InfoMetricFamily("ragpress_build", "The version that runs.", {"version": __version__})

    def describe(self) -> list[Metric]:
        """Nothing: asking for the names must read no file."""
        return []

    def _live(self) -> list[Metric]:
        age = GaugeMetricFamily(
            "ragpress_index_age_seconds", "Since the live release was built.", labels=["collection"]
        )
        info = InfoMetricFamily("ragpress_live_release", "The live release.", labels=["collection"])
        documents = GaugeMetricFamily(
            "ragpress_documents", "Documents of the live release.", labels=["collection", "state"]
        )
        chunks = GaugeMetricFamily("ragpress_chunks", "Chunks that can be found.", labels=["collection"])
        environment = self._environment()
        for name in environment.workspace.collections:
            manifest = environment.releases(name).live()
            if manifest is None:
                continue
            age.add_metric([name], _age(environment, manifest))
            info.add_metric([name], {"release": manifest.id})
            documents.add_metric([name, "live"], manifest.counts.documents)
            documents.add_metric([name, "quarantined"], manifest.counts.quarantined)
            chunks.add_metric([name], manifest.counts.chunks)
        return [age, info, documents, chunks]

    def _ingested(self) -> list[Metric]:
        totals = self._runs()
        documents = CounterMetricFamily(
            "ragpress_ingest_documents", "Documents by what runs did with them.", labels=["collection", "result"]
        )
        for (collection, result), count in sorted(totals.documents.items()):
            documents.add_metric([collection, result], count)
        reused = CounterMetricFamily(
            "ragpress_chunks_reused", "Chunks whose vectors were not computed again.", labels=["collection"]
        )
        for collection, count in sorted(totals.reused.items()):
            reused.add_metric([collection], count)
        verdicts = CounterMetricFamily(
            "ragpress_gate_verdict", "Candidates by the gate's verdict.", labels=["collection", "verdict"]
        )
        for (collection, verdict), count in sorted(totals.verdicts.items()):
            verdicts.add_metric([collection, verdict], count)
        return [documents, reused, verdicts]


class RunCounter:
    """Sums up the journal of runs; reads it again only when a run or an evaluation has been added.

    Args:
        environment: the workspace with its settings as they are now.
    """

    def __init__(self, environment: Callable[[], Environment]) -> None:
        self._environment = environment
        self._evaluations = EvaluationShelf(environment())
        self._seen: tuple[str, frozenset[str]] = ("", frozenset())
        self._totals = RunTotals(documents={}, reused={}, verdicts={})
        self._lock = threading.Lock()

    def __call__(self) -> RunTotals:
        """What all runs did so far.

        Raises:
            StorageError: a file of the journal cannot be read.
        """
        environment = self._environment()
        with self._lock:
            evaluations = self._evaluations.every()
            run = next((run.id for run in list_runs(environment, limit=1)), "")
            seen = (run, frozenset(one.id for one in evaluations))
            if seen != self._seen:
                self._totals = run_totals(list_runs(environment, limit=None), evaluations)
                self._seen = seen
            return self._totals


def run_totals(runs: Iterable[RunRecord], evaluations: Iterable[EvaluationSummary] = ()) -> RunTotals:
    """The sum of runs. A run that failed counts by what it reported: nothing.

    Args:
        runs: runs of ingestion.
        evaluations: candidates that no run built, for example for another prompt, are known by these.
    """
    built: set[str | None] = set()
    documents: Counter[tuple[str, str]] = Counter()
    reused: Counter[str] = Counter()
    verdicts: Counter[tuple[str, str]] = Counter()
    for run in runs:
        if run.report is None:
            continue
        for result in RESULTS:
            documents[run.collection, result] += run.report.plan.get(result, 0)
        reused[run.collection] += run.report.chunks.reused
        if run.report.gate is not None:
            verdicts[run.collection, run.report.gate] += 1
            built.add(run.report.release)
    for one in evaluations:
        if one.kind == "gate" and one.verdict is not None and one.release not in built:
            verdicts[one.collection, one.verdict] += 1
            built.add(one.release)
    return RunTotals(documents=documents, reused=reused, verdicts=verdicts)


def _age(environment: Environment, manifest: Manifest) -> float:
    return max(0.0, (environment.now() - datetime.fromisoformat(manifest.created)).total_seconds())
