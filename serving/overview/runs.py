"""Ingestion runs, as the dashboard tells them."""

from __future__ import annotations

from index.environment import Environment
from index.runs import RunRecord, list_runs
from serving.overview.records import RunEntry

_MOST_RUNS = 20


def recent_runs(environment: Environment, collection: str, limit: int = _MOST_RUNS) -> list[RunEntry]:
    """The last runs of a collection, newest first.

    Raises:
        StorageError: the journal of runs cannot be read.
    """
    return [run_entry(record) for record in list_runs(environment, collection, limit)]


def run_entry(record: RunRecord) -> RunEntry:
    """One run. What a failed run did is not known."""
    report, error = record.report, record.error
    refused = "" if report is None else "; ".join(report.gate_reasons)
    return RunEntry(
        id=record.id,
        started=record.at,
        finished=record.finished,
        seconds=None if report is None else report.seconds,
        release=None if report is None else report.release,
        published=report is not None and report.published,
        changes={} if report is None else dict(report.plan),
        quarantined=None if report is None else len(report.quarantined),
        exit_code=record.exit_code,
        error=refused if error is None else error.message,
    )
