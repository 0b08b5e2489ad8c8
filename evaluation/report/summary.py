"""The line that an evaluation has in lists and trends."""

from __future__ import annotations

from evaluation.report.data import ReportData
from index.evaluations import EvaluationSummary


def summary_of(data: ReportData) -> EvaluationSummary:
    """What lists, trends and the dashboard show of an evaluation."""
    subject, totals, verdict = data.candidate.subject, data.candidate.totals, data.verdict
    before = data.baseline
    both = (data.candidate,) if before is None else (before, data.candidate)
    return EvaluationSummary(
        id=data.id,
        collection=data.collection,
        kind=data.kind,
        created=data.created,
        release=subject.release,
        label=subject.label,
        prompt=subject.prompt,
        content=subject.content,
        baseline=None if before is None else before.subject.release,
        cases=len(data.cases),
        case_set=data.case_set,
        review=sum(bool(result.review) for result in data.candidate.results),
        errors=sum(result.error is not None for result in data.candidate.results),
        metrics=data.metrics,
        verdict=None if verdict is None else verdict.verdict,
        reasons=() if verdict is None else tuple(reason.message for reason in verdict.reasons),
        judged=sum(one.totals.judged for one in both),
        reused=sum(one.totals.reused for one in both),
        seconds=totals.seconds if before is None else before.totals.seconds + totals.seconds,
    )
