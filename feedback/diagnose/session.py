"""What ``ragpress diagnose`` does: choose bad cases, diagnose them, keep the findings."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from evaluation.cases.files import load_cases
from feedback.causes import found, set_aside
from feedback.diagnose.diagnose import diagnose_all
from feedback.folding.fold import bad_case_of, bad_cases, with_answer
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.findings import (
    Cause,
    Finding,
    FindingState,
    LoopEvent,
    finding_states,
    list_events,
    list_findings,
    record_event,
    record_findings,
)
from index.repairs.files import person
from index.repairs.records import Repair
from ragpress.errors import UsageError


class FoundCause(Finding, frozen=True, kw_only=True, omit_defaults=False):
    """A finding as it is printed: with its first repair by itself, and with what became of it.

    Attributes:
        repair: the first of its repairs; None where nothing is proposed.
        state: what became of it so far.
    """

    repair: Repair | None = None
    state: FindingState = "open"


class Diagnosed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of the command found.

    Attributes:
        findings: one for each bad case, the most pressing case first.
        failed: bad cases that could not be diagnosed, and why, in words.
    """

    findings: tuple[FoundCause, ...]
    failed: tuple[str, ...] = ()


def diagnose_cases(bench: Workbench, case: str | None = None, answer: str | None = None) -> Diagnosed:
    """Diagnose one bad case or all open ones, and keep the findings.

    Args:
        bench: the collection.
        case: id of a case, of those in ``cases/`` or of those that feedback made; None takes all open ones. Where
            nothing of it is open, what was found of it last is given again.
        answer: id of an answer that was complained of; None takes all. The same holds.

    Raises:
        UsageError: there is no such case or complaint, and never was.
        RagpressError: nothing is live, or a journal cannot be read.
    """
    known = {finding.finding_id: finding for finding in list_findings(bench.environment, bench.collection)}
    chosen = _chosen(bench, case, answer)
    if not chosen and (case or answer):
        return Diagnosed(findings=_shown(bench, [_last(bench, list(known.values()), case, answer)]))
    findings, failed = diagnose_all(bench, chosen)
    made = [_with_proof(finding, known.get(finding.finding_id)) for finding in findings]
    record_findings(bench.environment, [item for item in made if not _same(item, known.get(item.finding_id))])
    for finding in made:
        if finding.finding_id not in known:
            record_event(bench.environment, _event(bench, finding))
    return Diagnosed(findings=_shown(bench, made), failed=failed)


def _chosen(bench: Workbench, case: str | None, answer: str | None) -> list[BadCase]:
    """The bad cases that were asked for; none where nothing of them is open."""
    everything = list(bad_cases(bench))
    if answer is not None:
        everything = [
            bad for bad in everything if answer in {signal.answer_id for signal in bad.signals} | {bad.answer_id}
        ]
    elif case is not None:
        everything = [bad for bad in everything if case in (bad.case_id, *bad.aliases)]
    if everything or case is None:
        return [with_answer(bench, bad) for bad in everything]
    root = bench.environment.workspace.root
    return [bad_case_of(bench, kept) for kept in load_cases(root, bench.collection) if kept.id == case][:1]


def _last(bench: Workbench, known: Sequence[Finding], case: str | None, answer: str | None) -> Finding:
    """What was found last of a case or an answer of which nothing is open."""
    for finding in known:
        if (finding.case_id == case) if case else (finding.answer_id == answer):
            return finding
    if answer:
        raise UsageError(
            f"Expected an answer that somebody complained of, found no open complaint about {answer!r}. Say what is "
            f"wrong with it: ragpress feedback add {answer} --rating down"
        )
    names = ", ".join(bad.case_id for bad in bad_cases(bench)[:5]) or "none is open"
    raise UsageError(
        f"Expected the id of a case, as ragpress feedback add --json tells it, found {case!r}. Open ones: {names}."
    )


def _with_proof(finding: Finding, known: Finding | None) -> Finding:
    """A finding with the proof that an equal one has already."""
    if known is None or known.proof is None or known.cause is not finding.cause:
        return finding
    return replace(finding, proof=known.proof)


def _same(finding: Finding, known: Finding | None) -> bool:
    if known is None:
        return False
    return replace(finding, at="", repairs=()) == replace(known, at="", repairs=())


def _event(bench: Workbench, finding: Finding) -> LoopEvent:
    language = bench.environment.workspace.collection(bench.collection).loop.language
    disputed = finding.cause is Cause.FEEDBACK_DISPUTED
    why = next((item.text for item in finding.evidence), "")
    return LoopEvent(
        at=finding.at,
        collection=finding.collection,
        kind="disputed" if disputed else "found",
        text=set_aside(language, finding.question, why) if disputed else found(language, finding),
        findings=(finding.finding_id,),
        release=finding.release,
        by=person(),
    )


def _shown(bench: Workbench, findings: Sequence[Finding]) -> tuple[FoundCause, ...]:
    events = list_events(bench.environment, bench.collection, limit=None) if findings else []
    states = finding_states(findings, events)
    return tuple(
        FoundCause(
            **{name: getattr(finding, name) for name in Finding.__struct_fields__},
            repair=finding.repairs[0] if finding.repairs else None,
            state=states[finding.finding_id],
        )
        for finding in findings
    )
