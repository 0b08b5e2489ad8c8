"""The gate's question: does the candidate lose what the live release has? Asked under the writer lock."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evaluation.comparing.compare import compare
from evaluation.comparing.keeping import compared_data, judged_data
from evaluation.gate import decide
from evaluation.records import Case, CaseResult, GateVerdict, Reason
from evaluation.report.data import ReportData
from evaluation.report.keep import keep_report
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.subjects import open_subject
from evaluation.terms import Terms, let_off, standing_terms, terms_of
from index.environment import Environment
from index.judging import Judgement
from index.opened import OpenRelease
from index.release import Manifest
from ragpress.errors import RagpressError

STAGE = "evaluate"
CANDIDATE, LIVE = "candidate", "live"
_NAMED = 20


def judge(
    environment: Environment, candidate: OpenRelease, live: OpenRelease | None, cases: Sequence[Case]
) -> Judgement:
    """Run the cases on the candidate and on what is live, and keep what came of it.

    Args:
        environment: the outside.
        candidate: the candidate, not yet saved.
        live: what is live; None when nothing is.
        cases: accepted cases of its collection, one at least.

    Raises:
        RagpressError: a release cannot be opened for answering, or the evaluation cannot be kept.
    """
    if live is not None and _known(environment, candidate.manifest, live, cases):
        gate = candidate.manifest.gate
        return Judgement(
            verdict=gate.verdict,
            checks=(),
            reasons=gate.reasons,
            evaluation=candidate.manifest.evaluation,
            warnings=gate.warnings,
        )
    environment.progress.stage(STAGE)
    standing = live or _standing(environment, candidate.manifest.collection)
    environment.progress.documents(len(cases) * (1 if standing is None else 2))
    data = _judged(environment, candidate, standing, cases, needed=live is not None)
    summary, _ = keep_report(environment, data)
    verdict = data.verdict
    if verdict is None:
        raise AssertionError("a judgement has a verdict")
    return Judgement(
        verdict=verdict.verdict,
        checks=tuple(f"cases: {check}" for check in verdict.checks),
        reasons=tuple(reason.message for reason in verdict.reasons),
        evaluation=summary.id,
        warnings=tuple(warning.message for warning in verdict.warnings),
    )


def _known(environment: Environment, candidate: Manifest, live: OpenRelease, cases: Sequence[Case]) -> bool:
    """Whether a release that was built before was judged against this very one, on these cases and by these rules."""
    if candidate.evaluation is None or candidate.gate.baseline != live.manifest.id:
        return False
    return standing_terms(environment, candidate) == _terms(environment, candidate.collection, cases)


def _standing(environment: Environment, collection: str) -> OpenRelease | None:
    """What is live though the candidate was not made from it (``ingest --rebuild``); None where it is broken."""
    try:
        manifest = environment.releases(collection).live()
        return None if manifest is None else environment.open(manifest)
    except RagpressError:
        return None


def _judged(
    environment: Environment, candidate: OpenRelease, live: OpenRelease | None, cases: Sequence[Case], *, needed: bool
) -> ReportData:
    """The candidate against what is live; alone where nothing is, or what is live is broken and need not be whole."""
    if live is None:
        known = environment.releases(candidate.manifest.collection).live_id()
        return _alone(environment, candidate, cases, "" if known is None else f"{known} cannot be opened")
    try:
        return _against(environment, candidate, live, cases)
    except RagpressError as error:
        if needed:
            raise
        return _alone(environment, candidate, cases, str(error))


def stopped(verdict: GateVerdict, results: Sequence[CaseResult]) -> GateVerdict:
    """The verdict; where no case has a result, that nothing is known of the answers, good or bad."""
    errors = [result.error for result in results if result.error is not None]
    if not errors or len(errors) < len(results):
        return verdict
    first = errors[0]
    said = f"{first.step}: {first.kind}: {first.message.rstrip('.')}"
    message = (
        f"the gate could not be run: each of the {len(results)} cases ends in an error, the first at {said}. Nothing "
        "was published: mend it and run the command again, or publish it as it is with --override WHY"
    )
    values = {"found": str(len(errors)), "cases": str(len(results)), "error": said}
    cases = tuple(result.case for result in results[:_NAMED])
    reason = Reason(code="errors", message=message, cases=cases, values=values)
    return msgspec.structs.replace(verdict, verdict="refuse", reasons=(reason,))


def _against(environment: Environment, candidate: OpenRelease, live: OpenRelease, cases: Sequence[Case]) -> ReportData:
    baseline = open_subject(environment, live, LIVE)
    subject = open_subject(environment, candidate, CANDIDATE)
    collection = candidate.manifest.collection
    options = run_options(environment, collection)
    comparison = compare(environment, collection, baseline, subject, cases, options)
    verdict = stopped(comparison.verdict, comparison.candidate.results)
    verdict = warned(verdict, standing_terms(environment, live.manifest), _terms(environment, collection, cases))
    return compared_data(environment, msgspec.structs.replace(comparison, verdict=verdict), "gate")


def warned(verdict: GateVerdict, before: Terms | None, after: Terms) -> GateVerdict:
    """The verdict, with what is asked less strictly than of the release before."""
    notes = () if before is None else let_off(before, after)
    return msgspec.structs.replace(verdict, warnings=(*notes, *verdict.warnings))


def _terms(environment: Environment, collection: str, cases: Sequence[Case]) -> Terms:
    settings = environment.workspace.collection(collection)
    return terms_of(cases, settings.gate, settings.evaluation)


def _alone(environment: Environment, candidate: OpenRelease, cases: Sequence[Case], why: str) -> ReportData:
    collection = candidate.manifest.collection
    subject = open_subject(environment, candidate, CANDIDATE)
    found = evaluate(environment, subject, cases, run_options(environment, collection))
    settings = environment.workspace.collection(collection)
    verdict = decide(cases, None, found.results, {}, settings.gate, settings.evaluation)
    verdict = stopped(verdict, found.results)
    if why:
        message = f"it was not compared with what is live, only floors and must cases were checked: {why}"
        note = Reason(code="no_baseline", message=message, values={"why": why})
        verdict = msgspec.structs.replace(verdict, warnings=(note, *verdict.warnings))
    return judged_data(environment, collection, cases, found, verdict)


def run_options(environment: Environment, collection: str) -> RunOptions:
    """How cases are run, as the settings say; progress is told case by case."""
    settings = environment.workspace.collection(collection).evaluation
    progress = environment.progress
    return RunOptions(
        k=settings.k,
        concurrency=settings.concurrency,
        progress=lambda result: progress.document(result.case),
    )
