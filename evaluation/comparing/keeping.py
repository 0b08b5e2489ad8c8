"""What a comparison, or the judgement of a first release, becomes in the store: an evaluation with its report."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from evaluation.cases.files import case_set
from evaluation.comparing.records import Comparison
from evaluation.records import Case, EvaluatedRelease, GateVerdict
from evaluation.report.data import ReportData
from evaluation.slices import slices_of
from evaluation.statistics import summarise
from index.environment import Environment


def compared_data(environment: Environment, comparison: Comparison, kind: Literal["compare", "gate"]) -> ReportData:
    """What the report of a comparison is made of."""
    settings, now = environment.workspace.collection(comparison.collection), environment.now()
    return ReportData(
        id=new_id(now),
        collection=comparison.collection,
        kind=kind,
        created=now.astimezone(UTC).isoformat(timespec="seconds"),
        cases=comparison.cases,
        case_set=case_set(comparison.cases),
        candidate=comparison.candidate,
        metrics=comparison.candidate_summaries,
        slices=comparison.candidate_slices,
        comparison=comparison,
        gate=settings.gate,
        settings=settings.evaluation,
    )


def judged_data(
    environment: Environment, collection: str, cases: Sequence[Case], found: EvaluatedRelease, verdict: GateVerdict
) -> ReportData:
    """What the report of a first release is made of, which nothing can be compared with."""
    settings, now = environment.workspace.collection(collection), environment.now()
    return ReportData(
        id=new_id(now),
        collection=collection,
        kind="gate",
        created=now.astimezone(UTC).isoformat(timespec="seconds"),
        cases=tuple(cases),
        case_set=case_set(cases),
        candidate=found,
        metrics=summarise(found.results, settings.evaluation),
        slices=slices_of(cases, found.results, settings.evaluation),
        alone=verdict,
        gate=settings.gate,
        settings=settings.evaluation,
    )


def new_id(now: datetime) -> str:
    """An id of an evaluation: later ones sort after earlier ones."""
    return f"e{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
