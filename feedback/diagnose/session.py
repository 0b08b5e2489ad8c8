"""What ``ragpress diagnose`` does: choose bad cases, diagnose them, keep the findings."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from evaluation.cases.files import load_cases
from feedback.diagnose.diagnose import diagnose_all
from feedback.folding.fold import bad_case_of, bad_cases, with_answer
from feedback.records import BadCase
from feedback.workbench import Workbench
from index.findings import Cause, Finding, LoopEvent, list_findings, record_event, record_findings
from index.repairs.files import person
from index.repairs.records import Repair
from ragpress.errors import UsageError


class FoundCause(Finding, frozen=True, kw_only=True, omit_defaults=False):
    """A finding as it is printed: with its first repair by itself.

    Attributes:
        repair: the first of its repairs; None where nothing is proposed.
    """

    repair: Repair | None = None


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
        case: id of a case, of those in ``cases/`` or of those that feedback made; None takes all open ones.
        answer: id of an answer that was complained of; None takes all.

    Raises:
        UsageError: there is no such case or complaint.
        RagpressError: nothing is live, or a journal cannot be read.
    """
    chosen = _chosen(bench, case, answer)
    findings, failed = diagnose_all(bench, chosen)
    known = {finding.finding_id: finding for finding in list_findings(bench.environment, bench.collection)}
    made = [_with_proof(finding, known.get(finding.finding_id)) for finding in findings]
    record_findings(bench.environment, [item for item in made if not _same(item, known.get(item.finding_id))])
    for finding in made:
        if finding.finding_id not in known:
            record_event(bench.environment, _event(finding))
    return Diagnosed(findings=tuple(map(_shown, made)), failed=failed)


def _chosen(bench: Workbench, case: str | None, answer: str | None) -> list[BadCase]:
    everything = bad_cases(bench)
    if case is None and answer is None:
        return [with_answer(bench, bad) for bad in everything]
    if answer is not None:
        found = [bad for bad in everything if answer in {signal.answer_id for signal in bad.signals} | {bad.answer_id}]
        if not found:
            raise UsageError(
                f"No open complaint is about the answer {answer!r}. Say what is wrong with it: "
                f"ragpress feedback add {answer} --rating down"
            )
        return [with_answer(bench, bad) for bad in found]
    found = [bad for bad in everything if bad.case_id == case]
    if found:
        return [with_answer(bench, bad) for bad in found]
    kept = next(
        (item for item in load_cases(bench.environment.workspace.root, bench.collection) if item.id == case), None
    )
    if kept is None:
        names = ", ".join(bad.case_id for bad in everything[:5]) or "none"
        raise UsageError(f"There is no bad case {case!r}: expected the id of a case. Open ones: {names}.")
    return [bad_case_of(bench, kept)]


def _with_proof(finding: Finding, known: Finding | None) -> Finding:
    """A finding with the proof that an equal one has already."""
    if known is None or known.proof is None or known.cause is not finding.cause:
        return finding
    return replace(finding, proof=known.proof)


def _same(finding: Finding, known: Finding | None) -> bool:
    if known is None:
        return False
    return replace(finding, at="", repairs=()) == replace(known, at="", repairs=())


def _event(finding: Finding) -> LoopEvent:
    disputed = finding.cause is Cause.FEEDBACK_DISPUTED
    why = finding.evidence[0].text if finding.evidence else ""
    return LoopEvent(
        at=finding.at,
        collection=finding.collection,
        kind="disputed" if disputed else "found",
        text=f"{finding.cause.value} ({finding.confidence:.0%}): {why}",
        findings=(finding.finding_id,),
        release=finding.release,
        by=person(),
    )


def _shown(finding: Finding) -> FoundCause:
    fields = {name: getattr(finding, name) for name in Finding.__struct_fields__}
    return FoundCause(**fields, repair=finding.repairs[0] if finding.repairs else None)
