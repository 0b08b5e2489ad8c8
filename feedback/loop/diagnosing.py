"""The steps from feedback to findings: fold, keep as cases, diagnose what is new or stands on other contents now."""

from __future__ import annotations

from feedback.causes import found, set_aside
from feedback.diagnose.diagnose import diagnose
from feedback.folding.fold import bad_cases
from feedback.folding.keep import keep_cases
from feedback.loop.desk import Desk
from feedback.loop.state import LoopState, basis_of, content_of, moment
from feedback.records import BadCase
from index.findings import CLOSED, Cause, Finding
from index.repairs.records import repair_id


def diagnose_cases(desk: Desk) -> tuple[int, int]:
    """Fold the feedback and diagnose what is due, at most ``[loop] max_findings``.

    Returns:
        The number of open problems, and how many of them wait for the next round.
    """
    if desk.state.may_try("folding", desk.now):
        with desk.trying("folding", "folding"):
            desk.bads = bad_cases(desk.bench)
            keep_cases(desk.bench, desk.bads)
    due = due_cases(desk, desk.bads)
    left = len(due)
    for bad, basis in due[: desk.settings.max_findings]:
        if desk.stop() or not (desk.may_ask or bad.disputed):
            break
        with desk.trying(basis, "a diagnosis", question=bad.question):
            _diagnose(desk, bad, basis)
        left -= 1
    return len(desk.bads), left


def due_cases(desk: Desk, bads: tuple[BadCase, ...]) -> list[tuple[BadCase, str]]:
    """Bad cases to diagnose now, each with the basis of its diagnosis: what was never diagnosed first."""
    live = desk.bench.environment.releases(desk.bench.collection).live()
    if live is None:
        return []
    content = content_of(live, desk.bench.environment.workspace.collection(desk.bench.collection))
    pairs = [(bad, basis_of(bad, content)) for bad in bads]
    due = [(bad, basis) for bad, basis in pairs if _is_due(desk, bad, basis)]
    known = {finding.case_id for finding in desk.state.findings.values()}
    return sorted(due, key=lambda pair: pair[0].case_id in known)


def is_closed(state: LoopState, bad: BadCase) -> bool:
    """Whether nothing is left to do about a bad case: it was settled, and nobody complained since."""
    finding = state.of_case(bad.case_id)
    if finding is None or state.states[finding.finding_id] not in CLOSED:
        return False
    settled = state.last(finding.finding_id)
    if settled is None:
        return False
    return all(moment(signal.at) <= moment(settled.at) for signal in bad.signals if signal.kind != "up")


def _is_due(desk: Desk, bad: BadCase, basis: str) -> bool:
    if desk.state.with_basis(basis, "found", "disputed") or is_closed(desk.state, bad):
        return False
    return desk.state.may_try(basis, desk.now)


def _diagnose(desk: Desk, bad: BadCase, basis: str) -> None:
    spent = desk.bench.model_tokens
    finding = diagnose(desk.bench, bad)
    spent = desk.bench.model_tokens - spent
    known = desk.state.findings.get(finding.finding_id)
    if known is None or known.proof is None or _differs(known, finding):
        desk.keep([finding])
    fields = {"findings": (finding.finding_id,), "release": finding.release, "basis": basis, "model_tokens": spent}
    if finding.cause is Cause.FEEDBACK_DISPUTED:
        desk.note("disputed", set_aside(desk.language, bad.question, _why(bad, finding)), **fields)
    else:
        desk.note("found", found(desk.language, finding), **fields)


def _differs(known: Finding, finding: Finding) -> bool:
    """Whether more is known now than when it was proven, as where others agree by now."""
    before = {repair_id(repair) for repair in known.repairs}
    now = {repair_id(repair) for repair in finding.repairs}
    told = (known.cause, known.expected_from, known.standing)
    return not before <= now or told != (finding.cause, finding.expected_from, finding.standing)


def _why(bad: BadCase, finding: Finding) -> str:
    return bad.disputed or next((item.text for item in finding.evidence), "")
