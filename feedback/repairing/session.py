"""What ``ragpress repair`` does: prove what findings propose, and publish it where it is asked to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evaluation.cases.files import load_cases
from feedback.repairing.asking import bad_case
from feedback.repairing.events import About, record
from feedback.repairing.policy import waits_for
from feedback.repairing.prove import prove
from feedback.repairing.publish import Outcome, publish_repairs
from feedback.repairing.standing import holds
from feedback.repairing.trial import tryable
from feedback.repairing.vouching import doubt_about
from feedback.repairing.words import language_of, say, short, what_it_does
from feedback.workbench import Workbench
from index.approvals import Word, decide, undecidable
from index.findings import (
    Finding,
    FindingState,
    Proof,
    find_finding,
    finding_states,
    list_events,
    list_findings,
    newest_of_cases,
    record_findings,
)
from index.repairs import files
from index.repairs.records import Repair, RepairKind, kind_of, repair_id, source_of
from ingest.plan import document_id
from ragpress.errors import UsageError

_CAN_BE_REPAIRED: frozenset[FindingState] = frozenset({"open", "proven", "waiting", "approved"})


class ShownRepair(msgspec.Struct, frozen=True, kw_only=True):
    """One repair as ``ragpress repair`` shows it.

    Attributes:
        repair_id: its id.
        finding_id: the finding that it answers; "" where a person made it on its own account.
        kind: its kind.
        document_id: the document that it is about; None where it is about others or none.
        applied: whether the live release was built with it.
        source: source path of that document; None as well.
        what: what it does, in words.
        reason: why.
        by: who made it.
        at: ISO time.
    """

    repair_id: str
    finding_id: str
    kind: RepairKind
    document_id: str | None
    applied: bool
    source: str | None = None
    what: str = ""
    reason: str = ""
    by: str = ""
    at: str = ""


class ShownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding's repairs did to its case.

    Attributes:
        finding_id: the finding.
        question: as it was asked.
        cause: why the answer was bad.
        confidence: chance (0..1) that this is the cause.
        proof: what came of trying; None where nothing can be tried.
        waits: why its repairs do not go live by themselves, in words; "" where they may.
    """

    finding_id: str
    question: str
    cause: str
    confidence: float
    proof: Proof | None
    waits: str = ""


class ShownGate(msgspec.Struct, frozen=True):
    """The gate's verdict with its reasons."""

    verdict: str
    reasons: tuple[str, ...]


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ragpress repair`` prints.

    Attributes:
        candidate: the release with the repairs; None where none was built, or it exists in memory alone.
        published: whether it is live now.
        repairs: what is, or would be, changed.
        findings: what is known of each finding that was asked for.
        evaluation: id of the candidate's evaluation; None where no cases were run.
        gate: None where nothing was to be published.
    """

    candidate: str | None
    published: bool
    repairs: tuple[ShownRepair, ...]
    findings: tuple[ShownFinding, ...]
    evaluation: str | None = None
    gate: ShownGate | None = None


class RepairList(msgspec.Struct, frozen=True):
    """The repairs of a collection that stand in ``repairs/``."""

    repairs: tuple[ShownRepair, ...]


class Decided(msgspec.Struct, frozen=True):
    """A finding after a person's word on it."""

    finding_id: str
    state: FindingState


def decided(bench: Workbench, finding_id: str, word: Word, reason: str) -> Decided:
    """Record a person's word on a finding. Said twice, it is recorded once.

    Raises:
        UsageError: there is no such finding, or this cannot be said of it.
        StorageError: the disk refuses.
    """
    finding = _finding(bench, finding_id)
    events = list_events(bench.environment, bench.collection, limit=None)
    state = finding_states([finding], events)[finding.finding_id]
    why = undecidable(finding, state, word)
    if why:
        raise UsageError(why)
    if state != ("approved" if word == "approve" else "rejected"):
        state = decide(bench.environment, finding, word, files.person(), reason)
    return Decided(finding.finding_id, state)


def repair_findings(bench: Workbench, finding_id: str | None, by: str | None) -> RepairReport:
    """Prove what findings propose, and publish what was proven where a person says so.

    Args:
        bench: the releases.
        finding_id: the finding; None takes the newest of every case that can be repaired.
        by: the person in whose name it is published; None publishes nothing.

    Raises:
        UsageError: there is no such finding, or it proposes nothing.
        RagpressError: as :func:`publish_repairs` does.
    """
    findings = [_named(bench, finding_id)] if finding_id is not None else open_findings(bench)
    proven = [proved(bench, finding) for finding in findings]
    fixed = [finding for finding in proven if finding.proof is not None and finding.proof.fixed]
    if by is None or not fixed:
        candidate = next((finding.proof.release for finding in fixed if finding.proof), "") if len(fixed) == 1 else ""
        return _report(bench, proven, None, candidate or None)
    outcome = publish_repairs(bench, fixed, by)
    return _report(bench, proven, outcome, outcome.release or None)


def proved(bench: Workbench, finding: Finding) -> Finding:
    """A finding with its proof; proven now, and noted, where it was not on what is live."""
    live = bench.live()
    if live is None:
        return finding
    # What is live with them already only wants to be noted, as after a kill.
    known = finding.release == live.manifest.id or holds(live.manifest, tryable(finding.repairs))
    if finding.proof is not None and known:
        return finding
    cases = {case.id: case for case in load_cases(bench.environment.workspace.root, bench.collection)}
    found = prove(bench, bad_case(bench, finding, cases), finding)
    if found.proof is None or found.proof == finding.proof:
        return found
    record_findings(bench.environment, [found])
    language, proof = language_of(bench), found.proof
    text = say(language, "proven", question=short(found.question), reason=proof.reason)
    repairs = tuple(map(repair_id, found.repairs))
    record(bench, "proven", text, About(findings=(found.finding_id,), repairs=repairs, release=proof.release))
    return found


def open_findings(bench: Workbench) -> list[Finding]:
    """The newest finding of every case, where it proposes something that can be tried and is not closed."""
    environment = bench.environment
    findings = list_findings(environment, bench.collection)
    states = finding_states(findings, list_events(environment, bench.collection, limit=None))
    newest = newest_of_cases(findings)
    return [one for one in newest if tryable(one.repairs) and states[one.finding_id] in _CAN_BE_REPAIRED]


def kept_repairs(bench: Workbench) -> RepairList:
    """The repairs that stand in ``repairs/``."""
    repairs = files.load_all(bench.environment.workspace.root, bench.collection)
    return RepairList(tuple(_shown(bench, repair, repair.finding) for repair in repairs))


def one_repair(bench: Workbench, name: str) -> Repair:
    """A repair in ``repairs/`` by its id, or a beginning of it that names only one.

    Raises:
        UsageError: there is none, or more than one.
    """
    repairs = files.load_all(bench.environment.workspace.root, bench.collection)
    found = [repair for repair in repairs if repair_id(repair).startswith(name)]
    if len(found) != 1:
        known = ", ".join(repair_id(repair) for repair in repairs[:5]) or "none"
        what = "more than one repair starts with" if found else "there is no repair"
        raise UsageError(f"In {bench.collection!r} {what} {name!r}. There are: {known}.")
    return found[0]


def _finding(bench: Workbench, finding_id: str) -> Finding:
    finding = find_finding(bench.environment, finding_id)
    if finding is None or finding.collection != bench.collection:
        raise UsageError(
            f"There is no finding {finding_id!r} in {bench.collection!r}. Make findings with: ragpress diagnose --all"
        )
    return finding


def _named(bench: Workbench, finding_id: str) -> Finding:
    finding = _finding(bench, finding_id)
    if not tryable(finding.repairs):
        raise UsageError(f"Finding {finding_id} proposes no repair that could be tried. See: ragpress diagnose")
    return finding


def _report(
    bench: Workbench, findings: Sequence[Finding], outcome: Outcome | None, candidate: str | None
) -> RepairReport:
    settings = bench.environment.workspace.collection(bench.collection).loop
    shown = {repair_id(one): _shown(bench, one, finding.finding_id) for finding in findings for one in finding.repairs}
    gate = None
    if outcome is not None and outcome.gate is not None:
        gate = ShownGate("refuse" if outcome.state == "refused" else outcome.gate, outcome.reasons)
    return RepairReport(
        candidate=candidate,
        published=outcome is not None and outcome.state == "published",
        repairs=tuple(shown.values()),
        findings=tuple(
            ShownFinding(
                finding_id=one.finding_id,
                question=one.question,
                cause=one.cause,
                confidence=one.confidence,
                proof=one.proof,
                waits=waits_for(settings, one, doubt_about(bench, one)),
            )
            for one in findings
        ),
        evaluation=None if outcome is None else outcome.evaluation,
        gate=gate,
    )


def _shown(bench: Workbench, repair: Repair, finding_id: str) -> ShownRepair:
    live, source = bench.live(), source_of(repair)
    return ShownRepair(
        repair_id=repair_id(repair),
        finding_id=finding_id,
        kind=kind_of(repair),
        document_id=None if source is None else document_id(bench.collection, source),
        applied=live is not None and holds(live.manifest, (repair,)),
        source=source,
        what=what_it_does(language_of(bench), repair),
        reason=repair.reason,
        by=repair.by,
        at=repair.at,
    )
