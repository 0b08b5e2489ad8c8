"""What a person can check of a finding: one plain sentence for each thing that was seen."""

from __future__ import annotations

from feedback.diagnose.observation import Conflict, Observation
from feedback.diagnose.scene import Scene
from feedback.diagnose.verdict import Verdict
from feedback.records import Holder
from index.findings import FindingEvidence

_HOLDERS = 3
_LONGEST = 300


def evidence_of(scene: Scene, seen: Observation, verdict: Verdict) -> tuple[FindingEvidence, ...]:
    """What was seen, what decided first.

    Args:
        scene: the release and what it answers.
        seen: what was observed.
        verdict: the cause that was decided on.
    """
    release = scene.subject.manifest.id
    kind = _KINDS.get(verdict.rule.partition(".")[0], "replay")
    found = [FindingEvidence(kind=kind, text=_sentence(verdict.why), release=release)]
    found += _claim(seen)
    found += [_holder(item) for item in seen.holders[:_HOLDERS]]
    if seen.conflict is not None:
        found += _conflict(seen.conflict)
    if seen.crowd is not None:
        what = "documents nearly alike" if seen.crowd.whole else "documents with one paragraph in common"
        text = f"{len(seen.crowd.documents)} {what} take {seen.crowd.share:.0%} of the places before the answer."
        found.append(FindingEvidence(kind="copies", text=text, quote=_short(seen.crowd.text)))
    for fault in seen.faults:
        how = "was tried, and the answer is right" if fault.tried else "changed since the answer was right"
        kind = "prompt" if fault.kind == "prompt" else "whatif"
        found.append(FindingEvidence(kind=kind, text=f"{fault.better} {how}; now {fault.now}.", release=fault.release))
    if seen.same_prompt_fails:
        text = f"Other questions of late that were complained of under the same prompt: {seen.same_prompt_fails}."
        found.append(FindingEvidence(kind="prompt", text=text, release=release))
    found += [FindingEvidence(kind="access", text=f"{rule}.", source=source) for source, rule in seen.hidden]
    return tuple(dict.fromkeys(found))


_KINDS = {
    "hidden": "access",
    "older": "conflict",
    "newer": "conflict",
    "contradicts": "conflict",
    "differs": "conflict",
    "came_before": "conflict",
    "planted": "conflict",
    "suspect": "conflict",
    "claim_planted": "claim",
    "crowded": "copies",
    "quarantined": "audit",
    "deleted": "history",
    "earlier": "history",
    "edited": "history",
    "cleaned_away": "holder",
    "unparsed": "holder",
    "noisy": "holder",
    "changed_fault": "whatif",
    "missed": "rank",
    "cut": "rank",
    "in_prompt": "prompt",
    "prompt": "prompt",
    "nowhere": "claim",
    "claim_unsupported": "claim",
    "supported_claim": "claim",
    "agrees": "claim",
}
_ORIGINS = {
    "correction": "A user says that this is right.",
    "source": "A user says that this source holds the answer.",
    "case": "The case's reference answer says so.",
    "history": "An earlier release said so.",
    "rival": "Without the documents that the answer cites, another one says so.",
}


def _claim(seen: Observation) -> list[FindingEvidence]:
    expected = seen.expected
    found = []
    if expected.origin:
        kind = "history" if expected.origin == "history" else "claim"
        text = _ORIGINS[expected.origin]
        found.append(FindingEvidence(kind=kind, text=text, quote=_short(expected.text), release=expected.release))
    if seen.disputed:
        found.append(FindingEvidence(kind="feedback", text=f"What was said is set aside: {seen.disputed}"))
    return found


def _holder(item: Holder) -> FindingEvidence:
    where = {
        "live": "is searched and says it",
        "quarantined": "is quarantined and says it",
        "superseded": "is marked superseded and says it",
        "deleted": "is gone and said it",
        "earlier": "said it in an earlier version",
        "cleaned_away": "says it, and cleaning takes it out",
        "unparsed": "says it, and its parser does not read it",
        "repaired_away": "said it until a repair took it out",
    }[item.layer]
    ranks = item.ranks
    told = ""
    if ranks is not None:
        shown = {"by meaning": ranks.dense, "by words": ranks.lexical, "together": ranks.fused}
        places = ", ".join(f"{rank or 'not found'} {how}" for how, rank in shown.items())
        told = f"; place {places}; " + (f"passage {ranks.passage} of the prompt" if ranks.passage else "no passage")
    text = f"{item.source} {where}{told}{f' ({item.reason})' if item.reason else ''}."
    return FindingEvidence(kind="holder", text=text, source=item.source, quote=_short(item.quote), release=item.release)


def _conflict(found: Conflict) -> list[FindingEvidence]:
    order = {
        "older": "it is the older edition",
        "newer": "it is the newer edition",
        "": "nothing tells which of the two is newer",
    }[found.order]
    alike = f"{found.alike:.0%} of the text is the same"
    text = f"{found.wrong.source} says otherwise than {found.right.source}; {order}; {alike}."
    return [
        FindingEvidence(kind="conflict", text=text, source=found.wrong.source, quote=_short(found.wrong.quote)),
        FindingEvidence(
            kind="conflict",
            text=f"{found.right.source}, on the other side, says this.",
            source=found.right.source,
            quote=_short(found.right.quote),
        ),
    ]


def _sentence(text: str) -> str:
    """A clause as a sentence; one that begins with a path keeps it as it is."""
    begins_with_word = text.partition(" ")[0].strip(",;:").isalpha()
    return (text[:1].upper() if begins_with_word else text[:1]) + text[1:] + ("" if text.endswith(".") else ".")


def _short(text: str) -> str:
    body = " ".join(text.split())
    return body if len(body) <= _LONGEST else body[:_LONGEST] + "…"
