"""Keeps an evaluation: its summary, its report and every result."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

from evaluation.records import EvaluatedRelease
from evaluation.report.build import contents_of
from evaluation.report.data import ReportData
from evaluation.report.render import encode, render_contents
from evaluation.report.summary import summary_of
from evaluation.terms import TERMS, terms_of
from index.environment import Environment
from index.evaluations import (
    REPORT_HTML,
    REPORT_JSON,
    RESULTS,
    EvaluationSummary,
    list_evaluations,
    save_evaluation,
)
from ragpress.storage import disk

KEPT_RESULTS = f"{RESULTS}.gz"
MOST_EARLIER = 40
_FAST = 1
"""gzip's level: results are kept at every run and seldom read."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The file of results: every case of the candidate, and of the baseline where there is one."""

    candidate: EvaluatedRelease
    baseline: EvaluatedRelease | None


def keep_report(environment: Environment, data: ReportData) -> tuple[EvaluationSummary, Path]:
    """Keep an evaluation with its report, in the language of the settings.

    Earlier evaluations of the same cases are put into its trend, unless it brings its own.

    Args:
        environment: the outside; its store keeps the evaluation.
        data: the evaluation.

    Returns:
        Its summary, and where ``report.html`` lies on this machine: in the store's folder, or a copy of it below the
        local folder where the store is elsewhere.

    Raises:
        StorageError: it cannot be written.
    """
    if not data.trend:
        data = msgspec.structs.replace(data, trend=earlier(environment, data))
    contents = contents_of(data)
    page = render_contents(contents, data.settings.language).encode("utf-8", "replace")
    results = msgspec.json.encode(Results(candidate=data.candidate, baseline=data.baseline))
    files = {
        REPORT_HTML: page,
        REPORT_JSON: encode(contents),
        KEPT_RESULTS: gzip.compress(results, _FAST, mtime=0),
    }
    if data.kind == "gate":
        files[TERMS] = msgspec.json.encode(terms_of(data.cases, data.gate, data.settings))
    summary = summary_of(data)
    save_evaluation(environment.store, summary, files)
    return summary, _local(environment, data.id, files)


def earlier(environment: Environment, data: ReportData) -> tuple[EvaluationSummary, ...]:
    """Earlier evaluations of the same cases, oldest first, at most :data:`MOST_EARLIER`."""
    found = list_evaluations(environment.store, data.collection)
    same = [one for one in found if one.case_set == data.case_set and one.id != data.id and one.created <= data.created]
    return tuple(reversed(same[:MOST_EARLIER]))


def _local(environment: Environment, evaluation: str, files: dict[str, bytes]) -> Path:
    """The page on this machine. The local folder of a local store is the store's own: then it is there already."""
    folder = environment.local / "evaluations" / evaluation
    if not (folder / REPORT_HTML).exists():
        disk.make_folder(folder)
        for name in (REPORT_HTML, REPORT_JSON):
            disk.write_file(folder / name, files[name])
    return folder / REPORT_HTML
