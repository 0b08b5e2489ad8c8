"""Evaluations as the dashboard and the endpoints tell them; what the store keeps of one never changes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from index.environment import Environment
from index.evaluations import REPORT_HTML, SUMMARY, EvaluationSummary, MetricSummary, read_evaluation
from ragpress.errors import ReleaseError, StorageError
from serving.overview.records import Evaluation, EvaluationMetric

_FOLDER = "evaluations/"


class EvaluationShelf:
    """The evaluations of a workspace, each read once. Any thread may use it; it reads files, so no event loop should.

    Args:
        environment: the workspace.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._reports: frozenset[str] = frozenset()
        self._summaries: dict[str, EvaluationSummary | None] = {}
        self._lock = threading.Lock()

    def summaries(self, collection: str) -> list[EvaluationSummary]:
        """All evaluations of a collection that can be read, newest first.

        Raises:
            StorageError: the store cannot be read.
        """
        own = (one for one in self.every() if one.collection == collection)
        return sorted(own, key=lambda one: (one.created, one.id), reverse=True)

    def every(self) -> list[EvaluationSummary]:
        """All evaluations of all collections that can be read, in no order.

        Raises:
            StorageError: the store cannot be read.
        """
        return [one for one in self._known().values() if one is not None]

    def find(self, evaluation: str) -> EvaluationSummary | None:
        """An evaluation; None where there is none that can be read. No part of the name becomes a path.

        Raises:
            StorageError: the store cannot be read.
        """
        return self._known().get(evaluation)

    def tell(self, summary: EvaluationSummary, gated: Sequence[str]) -> Evaluation:
        """An evaluation that it gave, as it is told.

        Args:
            summary: what the store keeps of it.
            gated: names of the gate's metrics, which come first.
        """
        return _told(summary, gated, summary.id in self._reports)

    def _known(self) -> dict[str, EvaluationSummary | None]:
        keys = [key.removeprefix(_FOLDER) for key, _ in self._environment.store.list(_FOLDER)]
        names = [key.removesuffix(f"/{SUMMARY}") for key in keys if key.endswith(f"/{SUMMARY}")]
        with self._lock:
            self._reports = frozenset(key.removesuffix(f"/{REPORT_HTML}") for key in keys if key.endswith(REPORT_HTML))
            self._summaries = {name: self._summaries.get(name) or self._read(name) for name in names}
            return self._summaries

    def _read(self, name: str) -> EvaluationSummary | None:
        # A damaged one hides itself and nothing else.
        with contextlib.suppress(ReleaseError, StorageError, msgspec.DecodeError):
            return read_evaluation(self._environment.store, name)
        return None


def case_files(root: Path) -> int:
    """How many files of a workspace hold cases; 0 where the folder cannot be read."""
    try:
        return sum(1 for path in (root / "cases").glob("*.jsonl") if path.stat().st_size)
    except OSError:
        return 0


def _told(summary: EvaluationSummary, gated: Sequence[str], report: bool) -> Evaluation:
    names = [name for name in gated if name in summary.metrics]
    names += sorted(name for name in summary.metrics if name not in gated)
    return Evaluation(
        id=summary.id,
        collection=summary.collection,
        kind=summary.kind,
        created=summary.created,
        release=summary.release,
        label=summary.label,
        prompt=summary.prompt,
        baseline=summary.baseline,
        cases=summary.cases,
        case_set=summary.case_set,
        review=summary.review,
        errors=summary.errors,
        metrics=[_metric(name, summary.metrics[name], name in gated) for name in names],
        verdict=summary.verdict,
        reasons=list(summary.reasons),
        judged=summary.judged,
        reused=summary.reused,
        seconds=summary.seconds,
        report=report,
    )


def _metric(name: str, figure: MetricSummary, gated: bool) -> EvaluationMetric:
    low, high = figure.ci or (None, None)
    return EvaluationMetric(
        name=name, mean=figure.mean, low=low, high=high, n=figure.n, missing=figure.missing, gated=gated
    )
