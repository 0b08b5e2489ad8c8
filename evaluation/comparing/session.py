"""A whole comparison as the command line asks for it: open both sides, compare, keep the report, write it out."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evaluation.cases.files import accepted, load_cases
from evaluation.comparing.candidates import Named, open_baseline, open_candidate
from evaluation.comparing.changes import changed
from evaluation.comparing.compare import compare
from evaluation.comparing.judging import run_options
from evaluation.comparing.keeping import compared_data, keep
from evaluation.comparing.markdown import markdown
from evaluation.comparing.records import ChangedCase, Comparison, WhatChanged
from evaluation.records import Case, GateVerdict, MetricDelta, SubjectInfo
from evaluation.report.render import as_json, render
from index.environment import Environment
from index.evaluations import REPORT_HTML, REPORT_JSON
from ragpress.errors import UsageError
from ragpress.storage import disk

REPORT_MARKDOWN = "report.md"
_SHOWN_IDS = 5


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for.

    Attributes:
        named: the two sides.
        tags: only cases with one of these tags; none takes all.
        cases: only these cases, by id; none takes all.
        fresh: judge every case again, also those whose result is known.
        output: folder that gets the report's files as well; None keeps them in the store alone.
    """

    named: Named
    tags: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    fresh: bool = False
    output: Path | None = None


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
        saved_seconds: what these cost when they were computed.
        saved_tokens: tokens that a model would have read and written for them.
        gate: what the gate says.
        report: path of report.html.
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
    saved_seconds: float
    saved_tokens: int
    gate: GateSaid
    report: str


def run_compare(environment: Environment, asked: Asked) -> Compared:
    """Compare, keep the evaluation and write its files.

    Raises:
        UsageError: there are no cases to compare on.
        RagpressError: a side cannot be opened or built, or the results cannot be kept.
    """
    collection = asked.named.collection
    cases = chosen_cases(environment, asked)
    changed(environment.workspace.collection(collection), asked.named.change)  # says at once what is wrong with it
    baseline = open_baseline(environment, asked.named)
    candidate = open_candidate(environment, asked.named)
    environment.progress.stage("compare")
    environment.progress.documents(2 * len(cases))
    options = msgspec.structs.replace(run_options(environment, collection), reuse=not asked.fresh)
    comparison = compare(environment, collection, baseline, candidate, cases, options)
    settings = environment.workspace.collection(collection)
    data = compared_data(environment, comparison, "compare")
    summary, report = keep(environment, data)
    if asked.output is not None:
        report = asked.output.absolute() / REPORT_HTML
        disk.make_folder(report.parent)
        disk.write_file(report, render(data, settings.evaluation.language).encode())
        disk.write_file(report.with_name(REPORT_JSON), as_json(data))
        disk.write_file(report.with_name(REPORT_MARKDOWN), markdown(comparison, settings.gate.metrics).encode())
    return outcome(comparison, summary.id, report, settings.gate.metrics)


def chosen_cases(environment: Environment, asked: Asked) -> tuple[Case, ...]:
    """The accepted cases that were asked for.

    Raises:
        UsageError: there are none.
        SettingsError: a file of cases is wrong.
    """
    collection = asked.named.collection
    environment.workspace.collection(collection)
    known = accepted(load_cases(environment.workspace.root, collection))
    if not known:
        raise UsageError(
            f"There are no accepted cases of {collection!r} to compare on: expected files cases/*.jsonl. Make some "
            "with `ragpress eval generate` or `ragpress eval import`, then accept them with `ragpress eval cases`."
        )
    missing = [name for name in asked.cases if name not in {case.id for case in known}]
    if missing:
        shown = ", ".join(case.id for case in known[:_SHOWN_IDS])
        raise UsageError(f"There is no accepted case {missing[0]!r} of {collection!r}. The first are: {shown}.")
    found = tuple(case for case in known if not asked.cases or case.id in asked.cases)
    found = tuple(case for case in found if not asked.tags or set(asked.tags) & set(case.tags))
    if not found:
        tags = sorted({tag for case in known for tag in case.tags})
        raise UsageError(f"No case has the tag {', '.join(asked.tags)}. Known: {', '.join(tags) or 'none'}.")
    return found


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
