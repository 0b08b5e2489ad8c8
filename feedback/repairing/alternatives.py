"""What else may be done about a bad case whose first proposal does not help: what the other causes propose."""

from __future__ import annotations

from msgspec.structs import replace

from feedback.diagnose.decide import decide
from feedback.diagnose.diagnose import versions_of
from feedback.diagnose.gather import observe
from feedback.diagnose.propose import Signature, propose
from feedback.diagnose.scene import scene_of
from feedback.diagnose.verdict import Verdict
from feedback.records import BadCase
from feedback.repairing.trial import tryable
from feedback.workbench import Workbench
from index.findings import BlamedDocument, Finding
from index.repairs.records import Repair, repair_id

MOST = 2


def alternatives(bench: Workbench, bad: BadCase, finding: Finding) -> tuple[Finding, ...]:
    """The finding as it would be if its cause were another one, the likeliest first, at most :data:`MOST`.

    Each is as sure as its cause is once those before it are ruled out.

    Raises:
        RagpressError: the live release cannot be asked.
    """
    live = bench.live()
    if live is None or not finding.others:
        return ()
    scene = scene_of(bench, bad, live)
    seen = observe(scene)
    tried = {frozenset(map(repair_id, tryable(finding.repairs)))}
    found: list[Finding] = []
    left = 1.0
    for verdict in decide(seen):
        sure = verdict.confidence / left if left > 0 else 0.0
        left -= verdict.confidence
        sign = Signature(bench.collection, finding.at, finding.finding_id, *versions_of(scene, verdict))
        repairs = propose(verdict, seen, bad.question, sign)
        change = frozenset(map(repair_id, tryable(repairs)))
        if verdict.cause is finding.cause or not change or change in tried:
            continue
        tried.add(change)
        found.append(_as_if(finding, verdict, min(sure, 1.0), repairs))
    return tuple(found[:MOST])


def _as_if(finding: Finding, verdict: Verdict, sure: float, repairs: tuple[Repair, ...]) -> Finding:
    others = [(finding.cause, finding.confidence), *finding.others]
    return replace(
        finding,
        cause=verdict.cause,
        confidence=round(sure, 4),
        documents=tuple(BlamedDocument(name, source, why) for name, source, why in verdict.blamed),
        repairs=repairs,
        others=tuple(pair for pair in others if pair[0] is not verdict.cause),
    )
