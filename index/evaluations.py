"""Evaluations as the store keeps them: a summary for lists and trends, and the files of the report.

An evaluation is written once, under ``evaluations/<id>/``; its summary is written last, so one that is listed is
whole. What is in the other files is the business of ``evaluation``, which makes them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Set
from typing import Literal

import msgspec

from ragpress.errors import IntegrityError, NotFoundError, ReleaseError
from ragpress.storage.store import Store

SUMMARY = "summary.json"
REPORT_HTML = "report.html"
REPORT_JSON = "report.json"
RESULTS = "results.json"


class MetricSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over the cases of one release.

    Attributes:
        mean: over the cases that have a value; None where none has.
        ci: confidence interval of the mean, low and high; None where there is no mean.
        n: number of cases with a value.
        missing: number of cases without one.
    """

    mean: float | None
    ci: tuple[float, float] | None
    n: int
    missing: int = 0


class EvaluationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation as lists, trends and the dashboard show it.

    Attributes:
        id: its id.
        collection: the collection.
        kind: ``run`` (one release), ``compare`` (a candidate against a baseline), ``gate`` (the same, before a
            candidate was to go live) or ``trend`` (prompt versions one after another).
        created: ISO time, UTC.
        release: id of the release that was evaluated; the candidate's.
        label: what it is called in reports: ``live``, ``prompt brief``, ``chunk.max_tokens=128``.
        prompt: name of its prompt version, and its fingerprint after an ``@``.
        content: digest of the documents that can be found in it.
        baseline: id of the release it was compared with.
        cases: number of cases.
        case_set: fingerprint of the cases: figures of equal sets can be compared.
        review: number of cases whose evidence must be looked at again.
        errors: number of cases that ended in an error.
        metrics: by name, of the release that was evaluated.
        verdict: ``pass`` or ``refuse``; None where nothing was compared.
        reasons: why it was refused.
        judged: number of answers that were made or judged.
        reused: number of answers whose result was known.
        seconds: wall-clock time.
    """

    id: str
    collection: str
    kind: Literal["run", "compare", "gate", "trend"]
    created: str
    release: str
    label: str
    prompt: str
    content: str
    baseline: str | None = None
    cases: int
    case_set: str
    review: int = 0
    errors: int = 0
    metrics: dict[str, MetricSummary]
    verdict: Literal["pass", "refuse"] | None = None
    reasons: tuple[str, ...] = ()
    judged: int = 0
    reused: int = 0
    seconds: float = 0.0


def save_evaluation(store: Store, summary: EvaluationSummary, files: Mapping[str, bytes]) -> None:
    """Keep an evaluation.

    Args:
        store: where.
        summary: what lists show.
        files: the files of its report, by name.

    Raises:
        StorageError: it cannot be written; then it is not listed.
    """
    for name, data in files.items():
        store.create(evaluation_key(summary.id, name), data)
    store.create(evaluation_key(summary.id, SUMMARY), msgspec.json.format(msgspec.json.encode(summary), indent=1))


def list_evaluations(store: Store, collection: str | None = None, limit: int | None = None) -> list[EvaluationSummary]:
    """Evaluations, newest first; one whose summary is damaged is left out: :func:`damaged_evaluations` names it.

    Args:
        store: where they are.
        collection: only of this one; None takes all.
        limit: the most to give; None gives all.
    """
    found: list[EvaluationSummary] = []
    for key in _summaries(store):
        # One that is removed meanwhile is no longer to be listed, and a damaged one must stop no gate.
        with contextlib.suppress(NotFoundError, IntegrityError):
            summary = _decoded(store.read(key), key)
            if collection is None or summary.collection == collection:
                found.append(summary)
        if len(found) == limit:
            break
    return found


def damaged_evaluations(store: Store) -> list[str]:
    """The files of evaluations that cannot be read any more: their keys, newest first."""
    damaged = []
    for key in _summaries(store):
        with contextlib.suppress(NotFoundError):
            try:
                _decoded(store.read(key), key)
            except IntegrityError:
                damaged.append(key)
    return damaged


def _summaries(store: Store) -> list[str]:
    return sorted((key for key, _ in store.list("evaluations/") if key.endswith("/" + SUMMARY)), reverse=True)


def _decoded(body: bytes, key: str) -> EvaluationSummary:
    try:
        return msgspec.json.decode(body, type=EvaluationSummary)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{key} is damaged: {error}. Nothing else needs it; remove its folder from the data directory."
        ) from error


def read_evaluation(store: Store, evaluation: str) -> EvaluationSummary:
    """The summary of an evaluation.

    Raises:
        ReleaseError: there is none of this id.
        IntegrityError: it is damaged.
    """
    return _decoded(evaluation_file(store, evaluation, SUMMARY), evaluation_key(evaluation, SUMMARY))


def evaluation_file(store: Store, evaluation: str, name: str) -> bytes:
    """A file of an evaluation, for example ``report.html``.

    Raises:
        ReleaseError: there is no such evaluation, or it has no such file (any more).
    """
    if not evaluation.replace("-", "").isalnum() or "/" in name:
        raise ReleaseError(f"There is no evaluation {evaluation!r}. `ragpress eval list` shows them.")
    try:
        return store.read(evaluation_key(evaluation, name))
    except NotFoundError as error:
        if name != SUMMARY and store.exists(evaluation_key(evaluation, SUMMARY)):
            raise ReleaseError(
                f"The {name} of evaluation {evaluation} is no longer there: `ragpress releases gc` removed it with its "
                "release. The figures are kept: ragpress eval list"
            ) from error
        raise ReleaseError(f"There is no evaluation {evaluation!r}. `ragpress eval list` shows them.") from error


def drop_reports(store: Store, collection: str, kept: Set[str], newest: int) -> int:
    """Remove the reports and results of evaluations that nobody needs; their summaries stay, for the trend.

    Args:
        store: where they are.
        collection: of this one only.
        kept: ids of the releases that are kept: the reports of their evaluations stay.
        newest: how many of the newest reports stay, whatever they are of.

    Returns:
        How many files were removed.
    """
    removed = 0
    for summary in list_evaluations(store, collection)[newest:]:
        if summary.release in kept:
            continue
        prefix = evaluation_key(summary.id, "")
        for key in [key for key, _ in store.list(prefix) if key != prefix + SUMMARY]:
            store.delete(key)
            removed += 1
    return removed


def evaluation_key(evaluation: str, name: str) -> str:
    """Where the store keeps a file of an evaluation."""
    return f"evaluations/{evaluation}/{name}"
