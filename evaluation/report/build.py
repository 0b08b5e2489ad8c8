"""From the results of an evaluation to what stands in its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from evaluation.comparing.case_diff import is_read, rank_of
from evaluation.comparing.records import ChangedCase
from evaluation.metrics.catalogue import METRICS, metric
from evaluation.records import MUST, Case, CaseResult, EvidenceState, MetricDelta
from evaluation.report.contents import (
    BASELINE,
    CANDIDATE,
    FORMAT,
    CaseRow,
    CitationRow,
    Contents,
    EvidenceRow,
    Latency,
    MetricRow,
    MissingRow,
    ReviewRow,
    Side,
    SliceRow,
)
from evaluation.report.data import ReportData
from evaluation.report.excerpts import passage_rows
from evaluation.report.figures import median
from evaluation.report.reasons import ENDED_IN_ERROR, FOR_REVIEW, evidence_reason
from evaluation.report.summary import summary_of
from evaluation.slices import slice_deltas

FAILING = "failing"


def contents_of(data: ReportData) -> Contents:
    """What stands in the report, before any layout."""
    comparison = data.comparison
    sides = _sides(data)
    cases = _changed_cases(data) if comparison else _failing_cases(data)
    attention = _attention(data)
    errors, reviews = (tuple(row for of, row in attention if of == kind) for kind in ("error", "review"))
    return Contents(
        format=FORMAT,
        evaluation=data.id,
        collection=data.collection,
        kind=data.kind,
        created=data.created,
        case_set=data.case_set,
        case_count=len(data.cases),
        candidate=data.candidate.subject,
        baseline=None if data.baseline is None else data.baseline.subject,
        gate=data.verdict,
        gated=data.gate.metrics,
        margin=data.gate.margin,
        floors=dict(data.gate.floors),
        confidence=data.settings.confidence,
        counts=_counts(data, cases, len({row.case for row in reviews}), len({row.case for row in errors})),
        metrics=_metrics(data),
        slices=_slices(data),
        changed_cases=cases,
        review=reviews,
        reasons_zh=_reasons(data),
        errors=errors,
        missing=tuple(row for side, results in sides for row in _missing(side, results)),
        totals=data.candidate.totals,
        baseline_totals=None if data.baseline is None else data.baseline.totals,
        latency=_latency(data.candidate.results),
        baseline_latency=None if data.baseline is None else _latency(data.baseline.results),
        trend=(*(one for one in data.trend if one.id != data.id), summary_of(data)),
        judge=data.judge,
        what_changed=None if comparison is None else comparison.what,
    )


def _sides(data: ReportData) -> list[tuple[str, Sequence[CaseResult]]]:
    before = [] if data.baseline is None else [(BASELINE, data.baseline.results)]
    return [*before, (CANDIDATE, data.candidate.results)]


def _counts(data: ReportData, cases: Sequence[CaseRow], review: int, errors: int) -> dict[str, int]:
    changes = Counter(case.change for case in cases)
    results = [result for result in data.candidate.results if _counts_in(result)]
    passed = [result.scores["passed"] for result in results if "passed" in result.scores]
    return {
        "cases": len(data.cases),
        "worse": changes["worse"],
        "better": changes["better"],
        "other": changes["other"],
        "failing": changes[FAILING],
        "newly_failed": sum(case.newly_failed for case in cases),
        "newly_passed": sum(case.newly_passed for case in cases),
        "review": review,
        "errors": errors,
        "passed": sum(value >= 1 for value in passed),
        "judged": len(passed),
    }


def _latency(results: Sequence[CaseResult]) -> Latency:
    costs = [result.cost for result in results if result.answer is not None]
    totals = [cost.total_seconds for cost in costs]
    return Latency(
        retrieve=median([cost.retrieve_seconds for cost in costs]),
        first_token=median([cost.first_token_seconds for cost in costs if cost.first_token_seconds is not None]),
        total=median(totals),
        total_high=median(totals, 0.95),
    )


def _metrics(data: ReportData) -> dict[str, MetricRow]:
    names = [*data.metrics, *(name for name in data.deltas if name not in data.metrics)]
    rows = {}
    for name in names:
        about = metric(name)
        rows[name] = MetricRow(
            group=about.group,
            unit=about.unit,
            higher_is_better=about.higher_is_better,
            gated=name in data.gate.metrics,
            summary=data.metrics.get(name),
            delta=data.deltas.get(name),
        )
    return rows


def _slices(data: ReportData) -> tuple[SliceRow, ...]:
    deltas = _slice_deltas(data)
    return tuple(
        SliceRow(
            kind=one.kind,
            value=one.value,
            cases=one.cases,
            metrics=one.metrics,
            deltas=deltas.get((one.kind, one.value), {}),
        )
        for one in data.slices
    )


def _slice_deltas(data: ReportData) -> dict[tuple[str, str], dict[str, MetricDelta]]:
    """Deltas of the gate's metrics by slice; of all of them there would be too many to look at."""
    if data.baseline is None:
        return {}
    before, after = (_only(side.results, data.gate.metrics) for side in (data.baseline, data.candidate))
    found = slice_deltas(data.cases, before, after, data.settings, data.gate.metrics)
    return {(one.kind, one.value): one.metrics for one in found}


def _only(results: Sequence[CaseResult], names: Sequence[str]) -> list[CaseResult]:
    """The results with these metrics alone."""
    scores = [{name: result.scores[name] for name in names if name in result.scores} for result in results]
    return [
        msgspec.structs.replace(result, scores=kept, missing={}) for result, kept in zip(results, scores, strict=True)
    ]


def _reasons(data: ReportData) -> dict[str, str]:
    """The reasons why evidence must be looked at, each with its Chinese."""
    items = (item for _, results in _sides(data) for result in results for item in result.evidence)
    return {item.reason: evidence_reason(item) for item in items if item.reason}


def _attention(data: ReportData) -> list[tuple[str, ReviewRow]]:
    """Cases without a result, a line for each side, as ``error`` or ``review``."""
    rows = []
    for side, results in _sides(data):
        for case, result in zip(data.cases, results, strict=True):
            kind, reason = ("error", _error(result)) if result.error else ("review", result.review)
            if reason:
                rows.append((kind, ReviewRow(case=case.id, question=case.question, side=side, reason=reason)))
    return rows


def _missing(side: str, results: Sequence[CaseResult]) -> list[MissingRow]:
    """Reasons by metric, the most frequent first; before them the cases that are in no metric at all."""
    found = Counter(
        (name, reason) for result in results if _counts_in(result) for name, reason in result.missing.items()
    )
    whole = Counter(
        ("", ENDED_IN_ERROR if result.error else FOR_REVIEW) for result in results if not _counts_in(result)
    )
    order = {name: place for place, name in enumerate(METRICS)}
    named = sorted(found.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0][0], -item[1]))
    return [MissingRow(name, side, reason, number) for (name, reason), number in (*whole.items(), *named)]


def _counts_in(result: CaseResult) -> bool:
    """Whether a result is in any metric."""
    return result.error is None and not result.review


def _changed_cases(data: ReportData) -> tuple[CaseRow, ...]:
    comparison = data.comparison
    if comparison is None:
        return ()
    places = {case.id: place for place, case in enumerate(data.cases)}
    rows = []
    for changed in comparison.changed:
        place = places[changed.case]
        before, after = comparison.baseline.results[place], data.candidate.results[place]
        rows.append(_case_row(data.cases[place], before, after, changed))
    return tuple(rows)


def _failing_cases(data: ReportData) -> tuple[CaseRow, ...]:
    """Of a single run the cases that do not pass, the worst first."""
    gated = set(data.gate.metrics)
    rows = []
    for case, result in zip(data.cases, data.candidate.results, strict=True):
        if _counts_in(result) and result.scores.get("passed", 1.0) < 1:
            values = [value for name, value in result.scores.items() if name in gated]
            lost = sum(1 - value for value in values) / len(values) if values else 0.0
            row = _case_row(case, None, result, None)
            rows.append((-lost, row))
    return tuple(row for _, row in sorted(rows, key=lambda pair: (not pair[1].must, pair[0])))


def _case_row(case: Case, before: CaseResult | None, after: CaseResult, changed: ChangedCase | None) -> CaseRow:
    return CaseRow(
        id=case.id,
        question=case.question,
        references=case.references,
        must_abstain=case.must_abstain,
        must=MUST in case.tags,
        tags=case.tags,
        origin=case.origin,
        note=case.note,
        change=changed.direction if changed else FAILING,
        harm=changed.harm if changed else 0.0,
        newly_failed=changed.newly_failed if changed else False,
        newly_passed=changed.newly_passed if changed else False,
        same_answer=changed.same_answer if changed else False,
        differences=changed.answer if changed and not changed.same_answer else (),
        why=changed.why if changed else (),
        evidence=_evidence(case, before, after),
        passages=passage_rows(case, before, after),
        candidate=_side(after),
        baseline=None if before is None else _side(before),
    )


def _evidence(case: Case, before: CaseResult | None, after: CaseResult) -> tuple[EvidenceRow, ...]:
    earlier = {} if before is None else {item.index: item for item in before.evidence}
    rows = []
    for item in after.evidence:
        named = case.evidence[item.index]
        old = earlier.get(item.index)
        rows.append(
            EvidenceRow(
                source=named.source,
                quote=named.quote,
                candidate=item.state,
                baseline=None if old is None else old.state,
                found_in=item.source if item.state == EvidenceState.MOVED else "",
                baseline_rank=None if before is None else rank_of(before.hits, item.index),
                candidate_rank=rank_of(after.hits, item.index),
                baseline_read=None if before is None else is_read(before, item.index),
                candidate_read=is_read(after, item.index),
                reason=item.reason,
            )
        )
    return tuple(rows)


def _side(result: CaseResult) -> Side:
    text = result.answer or ""
    return Side(
        answer=result.answer,
        abstained=result.abstained,
        generator=f"{result.generator.kind} {result.generator.model}".strip(),
        citations=tuple(
            CitationRow(
                index=one.index,
                source=one.source,
                heading=one.heading,
                page=one.page,
                quote=one.quote,
                score=one.score,
            )
            for one in result.citations
        ),
        unsupported=tuple(text[one.start : one.end] for one in result.sentences if not one.supported),
        scores=result.scores,
        missing=result.missing,
        cost=result.cost,
        reused=result.reused,
        review=result.review,
        error=_error(result),
    )


def _error(result: CaseResult) -> str:
    error = result.error
    return "" if error is None else f"{error.step}: {error.kind}: {error.message}"
