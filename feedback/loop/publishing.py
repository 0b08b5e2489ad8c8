"""The steps from findings to releases: prove, let wait or publish, by the policy in ``[loop]``."""

from __future__ import annotations

from collections.abc import Sequence

from feedback.causes import ended, sentence
from feedback.loop.budget import PERIOD
from feedback.loop.desk import Desk
from feedback.loop.state import moment
from feedback.loop.trying_out import end_canary, is_trying, look_at_canary, try_out
from feedback.records import BadCase
from feedback.repairing.policy import waits_for
from feedback.repairing.prove import prove
from feedback.repairing.publish import publish_repairs
from feedback.repairing.vouching import doubt_about
from index.findings import BY_LOOP, Finding
from index.repairs import files
from index.repairs.records import MissingDocument
from ragpress.fingerprint import hexdigest

_UNPUBLISHED = frozenset({"open", "proven", "waiting", "approved"})


def finish_applied(desk: Desk) -> None:
    """Publish what a killed round had begun to: repair files that are written, and nobody noted that they are live."""
    written = {
        repair.finding for repair in files.load_all(desk.bench.environment.workspace.root, desk.bench.collection)
    }
    begun: dict[str, list[Finding]] = {}
    for name in written & desk.state.findings.keys():
        finding = desk.state.findings[name]
        if desk.state.states[name] in _UNPUBLISHED and not _only_asks(finding):
            last = desk.state.last(name, "approved", "applied")
            begun.setdefault(BY_LOOP if last is None else last.by, []).append(finding)
    for by, findings in begun.items():
        _publish(desk, sorted(findings, key=lambda finding: finding.finding_id), by)


def publish_findings(desk: Desk) -> int:
    """Prove what is open, let wait what needs a person, publish the rest and what a person let through.

    Returns:
        How many proofs wait for the next round.
    """
    left = 0
    if desk.settings.publish != "off":
        left = _prove_open(desk)
        _let_wait(desk)
    for by, findings in _approved(desk).items():
        _let_live(desk, findings, by)
    if desk.settings.publish != "off":
        _let_live(desk, [finding for finding in _of_state(desk, "proven") if _is_free(desk, finding)], BY_LOOP)
        for finding in _refused_together(desk):
            _let_live(desk, [finding], BY_LOOP)
    return left


def settle_canary(desk: Desk) -> None:
    """Publish what was tried out on some conversations and did no harm."""
    basis = hexdigest("canary")
    if not desk.state.may_try(basis, desk.now):
        return
    with desk.trying(basis, "a canary"):
        passed = look_at_canary(desk)
        if not passed:
            return
        last = desk.state.last(passed[0].finding_id, "canary")
        _publish(desk, passed, BY_LOOP if last is None else last.by)
        # Last: a worker that is killed before comes here again, and publishes nothing twice.
        end_canary(desk)


def _let_live(desk: Desk, findings: Sequence[Finding], by: str) -> None:
    """Publish repairs at once, or try them out on some conversations first, one set at a time."""
    if not desk.settings.canary_share:
        _publish(desk, findings, by)
        return
    if not findings or desk.stop() or is_trying(desk):
        return
    basis = hexdigest("try out", sorted(finding.finding_id for finding in findings))
    if desk.state.may_try(basis, desk.now):
        with desk.trying(basis, "a canary"):
            try_out(desk, findings, by)


def _prove_open(desk: Desk) -> int:
    due = [finding for finding in _of_state(desk, "open") if _can_be_proven(desk, finding)]
    if not due:
        return 0
    bads = {bad.case_id: bad for bad in desk.bads}
    left = len(due)
    for finding in due:
        bad = bads.get(finding.case_id)
        if desk.stop() or not desk.may_prove:
            break
        if bad is not None:
            with desk.trying(_basis("proof", finding), "a proof", question=finding.question):
                _prove(desk, bad, finding)
        left -= 1
    return left


def _prove(desk: Desk, bad: BadCase, finding: Finding) -> None:
    spent = desk.bench.model_tokens
    proven = prove(desk.bench, bad, finding)
    if proven.proof is None:
        return
    desk.keep([proven])
    result = "fixed" if proven.proof.fixed else "not fixed"
    reason = ended(desk.language, sentence(proven.proof.reason))
    desk.note(
        "proven",
        desk.say(result, question=finding.question, reason=reason),
        findings=(finding.finding_id,),
        release=proven.proof.release,
        embeddings=proven.proof.embedded,
        model_tokens=desk.bench.model_tokens - spent,
        basis=_basis("proof", finding),
    )


def _let_wait(desk: Desk) -> None:
    for finding in (*_of_state(desk, "proven"), *_of_state(desk, "open")):
        why = _why_it_waits(desk, finding)
        if why:
            text = desk.say("waiting", question=finding.question, why=ended(desk.language, why))
            desk.note("waiting", text, findings=(finding.finding_id,), release=finding.release)


def _why_it_waits(desk: Desk, finding: Finding) -> str:
    if not finding.repairs:
        return ""
    if finding.proof is None and not _only_asks(finding):
        return ""
    before = desk.state.taken_back(finding.repairs)
    if before is not None:
        return desk.say("taken back before", when=before.at[:16])
    return waits_for(desk.settings, finding, doubt_about(desk.bench, finding))


def _approved(desk: Desk) -> dict[str, list[Finding]]:
    """Findings that a person let through and that are not live yet, by the person."""
    found: dict[str, list[Finding]] = {}
    for finding in desk.state.findings.values():
        last = desk.state.last(finding.finding_id)
        # A canary that ended because another release went live begins again.
        if last is not None and last.kind in {"approved", "canary"} and not _only_asks(finding):
            found.setdefault(last.by, []).append(finding)
    return found


def _refused_together(desk: Desk) -> list[Finding]:
    """Findings that the gate refused as one of several: one of the others may be what it refused."""
    found = []
    for finding in _of_state(desk, "refused"):
        last = desk.state.last(finding.finding_id, "refused")
        if last is not None and len(last.findings) > 1 and last.by == BY_LOOP:
            found.append(finding)
    return found


def _publish(desk: Desk, findings: Sequence[Finding], by: str) -> None:
    basis = hexdigest("publish", sorted(finding.finding_id for finding in findings))
    if not findings or desk.stop() or not desk.state.may_try(basis, desk.now):
        return
    before = desk.state
    with desk.trying(basis, "a publication", count=sum(len(finding.repairs) for finding in findings)):
        outcome = publish_repairs(desk.bench, findings, by)
        if outcome.state == "unchanged":
            names = tuple(finding.finding_id for finding in findings)
            desk.note("refused", desk.say("unchanged"), findings=names, repairs=outcome.repairs, by=by)
    desk.noted_elsewhere(before)


def _of_state(desk: Desk, state: str) -> list[Finding]:
    """The newest findings of their cases that are in a state; older ones were diagnosed from other contents."""
    return [finding for finding in desk.state.newest() if desk.state.states[finding.finding_id] == state]


def _can_be_proven(desk: Desk, finding: Finding) -> bool:
    if not finding.repairs or finding.proof is not None or _only_asks(finding):
        return False
    return desk.state.may_try(_basis("proof", finding), desk.now)


def _is_free(desk: Desk, finding: Finding) -> bool:
    return not _why_it_waits(desk, finding)


def _only_asks(finding: Finding) -> bool:
    return all(isinstance(repair, MissingDocument) for repair in finding.repairs)


def _basis(step: str, finding: Finding) -> str:
    return hexdigest(step, finding.finding_id)


def tell_budget(desk: Desk) -> None:
    """Say that something waits for the budget, once within 24 hours."""
    now = desk.now
    if any(event.kind == "budget" and moment(event.at) > now - PERIOD for event in desk.state.events):
        return
    if not desk.may_ask:
        desk.note("budget", desk.say("tokens", limit=desk.settings.max_model_tokens))
    else:
        desk.note("budget", desk.say("embeddings", limit=desk.settings.max_embeddings))
