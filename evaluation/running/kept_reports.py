"""Evaluations that are kept: their list, and one of them with the place of its report."""

from __future__ import annotations

import msgspec

from index.environment import Environment
from index.evaluations import (
    REPORT_HTML,
    EvaluationSummary,
    damaged_evaluations,
    evaluation_key,
    list_evaluations,
    read_evaluation,
)
from ragpress.errors import NotFoundError


class EvaluationList(msgspec.Struct, frozen=True):
    """Evaluations, newest first, and the files of those that are damaged."""

    evaluations: tuple[EvaluationSummary, ...]
    damaged: tuple[str, ...] = ()


class KeptEvaluation(msgspec.Struct, frozen=True):
    """An evaluation, and the path of its report on this machine; "" where it has none."""

    evaluation: EvaluationSummary
    report: str


def list_kept(environment: Environment, collection: str | None, count: int) -> EvaluationList:
    """The newest evaluations.

    Args:
        environment: the outside.
        collection: only of this one; None takes all.
        count: the most to give.

    Raises:
        SettingsError: there is no such collection.
    """
    if collection is not None:
        environment.workspace.collection(collection)
    damaged = tuple(damaged_evaluations(environment.store))
    return EvaluationList(tuple(list_evaluations(environment.store, collection, count)), damaged)


def show_kept(environment: Environment, evaluation: str) -> KeptEvaluation:
    """One evaluation.

    Raises:
        ReleaseError: there is none of this id.
    """
    summary = read_evaluation(environment.store, evaluation)
    try:
        path = str(environment.store.local_path(evaluation_key(evaluation, REPORT_HTML)))
    except NotFoundError:
        path = ""
    return KeptEvaluation(summary, path)
