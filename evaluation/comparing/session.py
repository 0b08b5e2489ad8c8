"""A whole comparison as the command line asks for it: open both sides, compare, keep the report, write it out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from evaluation.comparing.candidates import Named, open_baseline, open_candidate
from evaluation.comparing.changes import changed
from evaluation.comparing.compare import compare
from evaluation.comparing.judging import run_options, warned
from evaluation.comparing.keeping import compared_data
from evaluation.comparing.markdown import markdown
from evaluation.comparing.model_verdict import model_verdict
from evaluation.comparing.records import ChangedCase, Comparison, WhatChanged
from evaluation.model_judge.judging import judge_report
from evaluation.records import GateVerdict, MetricDelta, SubjectInfo
from evaluation.report.data import JudgeOpinion
from evaluation.report.keep import keep_report
from evaluation.running.choosing import chosen_cases
from evaluation.terms import standing_terms
from evaluation.terms import terms_of_workspace as _terms
from index.environment import Environment
from index.evaluations import REPORT_HTML, REPORT_JSON, evaluation_file
from ragpress.settings import CollectionSettings, load_workspace
from ragpress.storage import disk

REPORT_MARKDOWN = "report.md"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for.

    Attributes:
        named: the two sides.
        tags: only cases with one of these tags; none takes all.
        cases: only these cases, by id; none takes all.
        fresh: judge every case again, also those whose result is known.
        judge: let the served model of ``[judge]`` judge both sides as well.
        language: of the report when it is opened; the setting's when None.
        output: folder that gets the report's files as well; None keeps them in the store alone.
        rules: folder of a workspace whose ``[gate]`` and ``[evaluation]`` hold in place of this one's, and whose cases
            those of this one are held against; None takes this one's own.
    """

    named: Named
    tags: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    fresh: bool = False
    judge: bool = False
    language: Literal["en", "zh"] | None = None
    output: Path | None = None
    rules: Path | None = None


class GateSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's word: verdict, checks, the reasons in words, and what it could not tell."""

    verdict: str
    checks: tuple[str, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of ``ragpress eval compare``.

    Attributes:
        evaluation: id under which the evaluation is kept.
        baseline: id of the release that is known.
        candidate: id of the new one; of a trial, which no release keeps, the one it is made from.
        sides: what reports say of both.
        cases: number of cases.
        review: cases that must be looked at again and count nowhere.
        errors: cases that ended in an error in the candidate.
        metrics: deltas by metric.
        tested: the metrics that may not get worse.
        changed_cases: cases that the two treat differently, the most harmed first.
        what: what differs between the two.
        judged: answers of the candidate that were made and scored.
        reused: answers of the candidate whose result was known.
        baseline_judged: answers of the baseline that were made and scored.
        baseline_reused: answers of the baseline whose result was known.
        saved_seconds: what the candidate's reused answers cost when they were computed.
        saved_tokens: tokens that a model would have read and written for them.
        gate: what the gate says.
        report: path of report.html.
        judge: what a served model says, where it was asked; no part of the gate.
    """

    evaluation: str
    baseline: str
    candidate: str
    sides: tuple[SubjectInfo, SubjectInfo]
    cases: int
    review: int
    errors: int
    metrics: dict[str, MetricDelta]
    tested: tuple[str, ...]
    changed_cases: tuple[ChangedCase, ...]
    what: WhatChanged
    judged: int
    reused: int
    baseline_judged: int
    baseline_reused: int
    saved_seconds: float
    saved_tokens: int
    gate: GateSaid
    report: str
    judge: JudgeOpinion | None = None


def run_compare(environment: Environment, asked: Asked) -> Compared:
    """Compare, keep the evaluation and write its files.

    Raises:
        UsageError: there are no cases to compare on.
        RagpressError: a side cannot be opened or built, or the results cannot be kept.
    """
    collection = asked.named.collection
    own = environment.workspace
    standing = None if asked.rules is None else load_workspace(asked.rules)
    if standing is not None:
        environment = _under(environment, collection, standing.collection(collection))
    cases = chosen_cases(environment.workspace.root, collection, asked.tags, asked.cases)
    changed(environment.workspace.collection(collection), asked.named.change)  # says at once what is wrong with it
    if asked.judge:
        judge_report(environment, collection, (), ())  # says at once that no judge is set, or none is there
    baseline = open_baseline(environment, asked.named)
    candidate = open_candidate(environment, asked.named)
    environment.progress.stage("compare")
    environment.progress.documents(2 * len(cases))
    options = replace(run_options(environment, collection), reuse=not asked.fresh)
    comparison = compare(environment, collection, baseline, candidate, cases, options)
    if not asked.tags and not asked.cases:
        before = standing_terms(environment, baseline.manifest) if standing is None else _terms(standing, collection)
        comparison = replace(comparison, verdict=warned(comparison.verdict, before, _terms(own, collection)))
    settings = environment.workspace.collection(collection)
    judge = model_verdict(environment, comparison) if asked.judge else None
    data = replace(compared_data(environment, comparison, "compare"), judge=judge)
    if asked.language is not None:
        data = replace(data, settings=replace(data.settings, language=asked.language))
    summary, report = keep_report(environment, data)
    if asked.output is not None:
        report = _write(environment, summary.id, comparison, asked.output.absolute())
    return replace(outcome(comparison, summary.id, report, settings.gate.metrics), judge=judge)


def _under(environment: Environment, collection: str, rules: CollectionSettings) -> Environment:
    """The same workspace under the rules of another one."""
    own = environment.workspace.collection(collection)
    ruled = replace(own, gate=rules.gate, evaluation=rules.evaluation)
    collections = {**environment.workspace.collections, collection: ruled}
    return replace(environment, workspace=replace(environment.workspace, collections=collections))


def _write(environment: Environment, evaluation: str, comparison: Comparison, folder: Path) -> Path:
    """Write the report's files into a folder; returns the path of ``report.html``."""
    disk.make_folder(folder)
    for name in (REPORT_HTML, REPORT_JSON):
        disk.write_file(folder / name, evaluation_file(environment.store, evaluation, name))
    tested = environment.workspace.collection(comparison.collection).gate.metrics
    disk.write_file(folder / REPORT_MARKDOWN, markdown(comparison, tested).encode("utf-8", "replace"))
    return folder / REPORT_HTML


def outcome(comparison: Comparison, evaluation: str, report: Path, tested: tuple[str, ...]) -> Compared:
    """What the command prints of a comparison."""
    sides = comparison.baseline.subject, comparison.candidate.subject
    results, totals = comparison.candidate.results, comparison.candidate.totals
    return Compared(
        evaluation=evaluation,
        baseline=sides[0].release,
        candidate=sides[1].release,
        sides=sides,
        cases=len(comparison.cases),
        review=sum(bool(result.review) for result in results),
        errors=sum(result.error is not None for result in results),
        metrics=comparison.metrics,
        tested=tested,
        changed_cases=comparison.changed,
        what=comparison.what,
        judged=totals.judged,
        reused=totals.reused,
        baseline_judged=comparison.baseline.totals.judged,
        baseline_reused=comparison.baseline.totals.reused,
        saved_seconds=round(totals.saved_seconds, 3),
        saved_tokens=totals.saved_tokens,
        gate=_said(comparison.verdict),
        report=str(report),
    )


def _said(verdict: GateVerdict) -> GateSaid:
    return GateSaid(
        verdict=verdict.verdict,
        checks=verdict.checks,
        reasons=tuple(reason.message for reason in verdict.reasons),
        warnings=tuple(warning.message for warning in verdict.warnings),
    )
