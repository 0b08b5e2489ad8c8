"""From what was observed to a cause: ordered rules, each with a name, so that every decision can be explained.

A pure function of an :class:`feedback.diagnose.observation.Observation`. The first rule that holds decides; those
behind it are the other causes. How sure a rule is, is counted on known faults (``calibration``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from feedback.diagnose import calibration
from feedback.diagnose.observation import Conflict, Crowd, Fault, Observation
from feedback.records import Holder
from index.findings import Cause

PLANTED = 0.6
"""From this on, a document is taken to be planted."""
_SUSPECT = 0.35
_CONTRADICTS = 0.5
_CROWDED = 0.4
_ALIKE = 0.3
_HELD = 0.5
_NOISE = 0.03
_COPIES = 4
_SUPPORTED = 0.5


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says.

    Attributes:
        rule: its name.
        cause: the cause.
        prior: how sure it is (0..1) before anything was counted.
        why: in words.
        blamed: (document id, source path, why) of the documents at fault, the surest first.
        holder: the place that says the right answer and that the repair is about.
        conflict: the contradiction that the repair is about.
        crowd: the copies that the repair is about.
        fault: the setting or prompt that the repair is about.
        confidence: the chance that the cause is right.
    """

    rule: str
    cause: Cause
    prior: float
    why: str
    blamed: tuple[tuple[str, str, str], ...] = ()
    holder: Holder | None = None
    conflict: Conflict | None = None
    crowd: Crowd | None = None
    fault: Fault | None = None
    confidence: float = 0.0


Rule: TypeAlias = Callable[[Observation], Verdict | None]


def decide(seen: Observation) -> tuple[Verdict, ...]:
    """Causes, the likeliest first; one at least. Each cause comes once.

    Args:
        seen: what was observed.
    """
    found: list[Verdict] = []
    for rule in _RULES:
        verdict = rule(seen)
        if verdict is not None and all(verdict.cause is not other.cause for other in found):
            found.append(verdict)
    sure = [calibration.confidence(verdict.rule, verdict.prior, claimed=seen.expected.claimed) for verdict in found]
    left = 1.0
    ranked = []
    for verdict, value in zip(found, sure, strict=True):
        ranked.append(msgspec.structs.replace(verdict, confidence=round(left * value, 4)))
        left *= 1.0 - value
    return tuple(ranked)


def _right_now(seen: Observation) -> Verdict | None:
    if not seen.right_now:
        return None
    why = "the live release answers it rightly now"
    return Verdict(rule="right_now", cause=Cause.FEEDBACK_DISPUTED, prior=0.9, why=why)


def _agrees(seen: Observation) -> Verdict | None:
    if not seen.agrees:
        return None
    why = "the answer says what is said to be right"
    return Verdict(rule="agrees", cause=Cause.FEEDBACK_DISPUTED, prior=0.85, why=why)


def _hidden(seen: Observation) -> Verdict | None:
    if not seen.hidden or seen.live is not None:
        return None
    source, rule = seen.hidden[0]
    why = f"{source} holds the answer, and the caller may not read it: {rule}"
    return Verdict(rule="hidden", cause=Cause.ACCESS_DENIED, prior=0.9, why=why, holder=_unreadable(seen))


def _unreadable(seen: Observation) -> Holder | None:
    return next((item for item in seen.holders if not item.readable), None)


def _changed_fault(seen: Observation) -> Verdict | None:
    """A setting or prompt that changed, and with whose earlier value the answer comes."""
    fault = next((item for item in seen.faults if item.tried and item.changed), None)
    return None if fault is None else _fault_verdict(fault, "changed_fault", 0.9)


def _fault_verdict(fault: Fault, rule: str, prior: float, holder: Holder | None = None) -> Verdict:
    causes = {"chunk": Cause.CHUNK_FAULT, "prompt": Cause.PROMPT_FAULT, "answer": Cause.GENERATION_FAULT}
    cause = causes.get(fault.kind, Cause.RETRIEVAL_MISS)
    how = "the answer is right" if fault.tried else "the evidence was found"
    since = f" as in release {fault.release}" if fault.release else ""
    why = f"with {fault.better}{since}, {how}; now it is {fault.now}"
    return Verdict(rule=f"{rule}.{fault.kind}", cause=cause, prior=prior, why=why, fault=fault, holder=holder)


def _conflict(seen: Observation) -> Verdict | None:
    found = seen.conflict
    if found is None or found.weight < _CONTRADICTS:
        return None
    if found.right.planted >= PLANTED and found.wrong.planted < PLANTED:
        why = f"what is said to be right stands only in {found.right.source}, which looks planted"
        return Verdict(rule="claim_planted", cause=Cause.FEEDBACK_DISPUTED, prior=0.7, why=why, conflict=found)
    return _planted(found) or _ordered(seen, found) or _unordered(seen, found)


def _planted(found: Conflict) -> Verdict | None:
    wrong = found.wrong
    if wrong.planted < PLANTED and not (wrong.planted >= _SUSPECT and len(wrong.copies) >= _COPIES):
        return None
    told = "; ".join(wrong.why_planted)
    why = f"{wrong.source} contradicts {found.right.source} and looks planted: {told}"
    blamed = ((wrong.document_id, wrong.source, told), *_copies(found, "a copy of it"))
    return Verdict(rule="planted", cause=Cause.POISONED_DOCUMENT, prior=0.85, why=why, blamed=blamed, conflict=found)


def _copies(found: Conflict, why: str) -> tuple[tuple[str, str, str], ...]:
    right = found.right.document_id
    return tuple((name, source, why) for name, source in found.wrong.copies if name != right)


def _ordered(seen: Observation, found: Conflict) -> Verdict | None:
    wrong, right = found.wrong, found.right
    if found.order == "older":
        why = f"{wrong.source} is an older edition than {right.source}, which says otherwise"
        blamed = ((wrong.document_id, wrong.source, why),)
        return Verdict(rule="older", cause=Cause.STALE_DOCUMENT, prior=0.93, why=why, blamed=blamed, conflict=found)
    if found.order == "newer":
        why = f"{wrong.source}, which the answer rests on, is newer than {right.source}"
        return Verdict(rule="newer", cause=Cause.FEEDBACK_DISPUTED, prior=0.75, why=why, conflict=found)
    if found.alike >= _ALIKE and found.arrival == "older" and not seen.known_before:
        why = f"{right.source} came after {wrong.source}, has most of its text and says otherwise"
        blamed = ((wrong.document_id, wrong.source, why),)
        return Verdict(
            rule="came_before", cause=Cause.STALE_DOCUMENT, prior=0.7, why=why, blamed=blamed, conflict=found
        )
    return None


def _unordered(seen: Observation, found: Conflict) -> Verdict | None:
    wrong, right = found.wrong, found.right
    if len(wrong.copies) >= _COPIES:
        return None
    if wrong.planted >= _SUSPECT and found.alike < _ALIKE and found.arrival == "newer":
        told = "; ".join(wrong.why_planted)
        why = f"{wrong.source} contradicts {right.source} and may be planted: {told}"
        blamed = ((wrong.document_id, wrong.source, told),)
        return Verdict(
            rule="suspect", cause=Cause.POISONED_DOCUMENT, prior=0.65, why=why, blamed=blamed, conflict=found
        )
    why = f"{wrong.source} says otherwise than {right.source}, and nothing tells which is newer"
    blamed = ((wrong.document_id, wrong.source, why),)
    sure = 0.8 if found.arrival == "newer" or found.alike >= _ALIKE else 0.6
    rule = "contradicts" if sure > 0.6 else "differs"
    return Verdict(rule=rule, cause=Cause.CONFLICTING_DOCUMENTS, prior=sure, why=why, blamed=blamed, conflict=found)


def _lost(seen: Observation) -> Verdict | None:
    """The right answer is in no text that is searched: where was it last?"""
    if _well_held(seen):
        return None
    for holder in seen.holders:
        verdict = _of_layer(seen, holder)
        if verdict is not None:
            return verdict
    return None


def _well_held(seen: Observation) -> bool:
    live = seen.live
    return live is not None and (live.exact or live.score >= _HELD) and live.noise <= _NOISE


def _of_layer(seen: Observation, holder: Holder) -> Verdict | None:
    document = (holder.document_id, holder.source)
    if holder.layer == "quarantined":
        why = f"{holder.source} holds the answer and is quarantined: {holder.reason}"
        return _lost_as("quarantined", Cause.QUARANTINED_DOCUMENT, 0.92, why, (*document, holder.reason), holder)
    if holder.layer == "deleted":
        why = f"{holder.source} held the answer until release {holder.release} and is gone"
        return _lost_as("deleted", Cause.MISSING_DOCUMENT, 0.92, why, (*document, "it is gone"), holder)
    if holder.layer == "cleaned_away":
        why = f"{holder.source} holds the answer, and cleaning takes it out: {holder.reason or holder.detail}"
        return _lost_as("cleaned_away", Cause.PARSE_FAULT, 0.93, why, (*document, why), holder)
    if holder.layer == "unparsed":
        why = f"{holder.source} holds the answer, and its parser does not read it: {holder.reason or holder.detail}"
        return _lost_as("unparsed", Cause.PARSE_FAULT, 0.9, why, (*document, why), holder)
    if holder.layer == "earlier":
        return _earlier(seen, holder)
    if holder.layer == "live" and holder.readable and holder.noise > _NOISE:
        why = f"{holder.source} holds the answer with characters that are wrong, as by OCR"
        return _lost_as("noisy", Cause.PARSE_FAULT, 0.8, why, (*document, why), holder)
    if holder.layer == "superseded":
        why = f"only {holder.source} says so, which a newer document replaced: {holder.reason}"
        return Verdict(rule="superseded", cause=Cause.FEEDBACK_DISPUTED, prior=0.7, why=why, holder=holder)
    if holder.layer == "repaired_away":
        why = f"{holder.source} said so until a repair took it out: {holder.reason or holder.detail}"
        return Verdict(rule="repaired_away", cause=Cause.FEEDBACK_DISPUTED, prior=0.7, why=why, holder=holder)
    return None


def _lost_as(rule: str, cause: Cause, prior: float, why: str, blamed: tuple[str, str, str], holder: Holder) -> Verdict:
    return Verdict(rule=rule, cause=cause, prior=prior, why=why, blamed=(blamed,), holder=holder)


_LOSSES = {
    "truncated": ("it ends early", Cause.PARSE_FAULT),
    "garbled": ("its characters are noise", Cause.PARSE_FAULT),
    "table": ("its table is gone", Cause.PARSE_FAULT),
    "cleaned": ("cleaning took the passage out", Cause.PARSE_FAULT),
    "replaced": ("another text stands in its place", Cause.MISSING_DOCUMENT),
}


def _earlier(seen: Observation, holder: Holder) -> Verdict:
    told = _LOSSES.get(seen.loss)
    if told is None:
        why = f"{holder.source} said so until release {holder.release} and was edited since"
        return Verdict(rule="edited", cause=Cause.FEEDBACK_DISPUTED, prior=0.6, why=why, holder=holder)
    how, cause = told
    why = f"{holder.source} held the answer in release {holder.release}; in its version now {how}"
    return _lost_as(f"earlier.{seen.loss}", cause, 0.88, why, (holder.document_id, holder.source, how), holder)


def _crowded(seen: Observation) -> Verdict | None:
    crowd, live = seen.crowd, seen.live
    if crowd is None or (crowd.share < _CROWDED and not crowd.fixes):
        return None
    if live is not None and live.ranks is not None and live.ranks.passage is not None and not crowd.fixes:
        return None
    others = [item for item in crowd.documents if item[1] != crowd.kept]
    what = "are copies of one another" if crowd.whole else "hold the same paragraph"
    why = f"{len(crowd.documents)} documents that {what} take {crowd.share:.0%} of the places before the answer"
    blamed = tuple((name, source, "one of many copies") for name, source in others)
    sure = 0.9 if crowd.fixes else 0.75
    rule = "crowded.tried" if crowd.fixes else "crowded"
    return Verdict(rule=rule, cause=Cause.DUPLICATE_DOCUMENTS, prior=sure, why=why, blamed=blamed, crowd=crowd)


def _cut(seen: Observation) -> Verdict | None:
    live = seen.live
    fault = next((item for item in seen.faults if item.kind == "chunk"), None)
    cut = live is not None and bool(live.chunks) and not live.whole
    if live is None or not (cut or (fault is not None and fault.changed)):
        return None
    why = f"the answer in {live.source} is cut apart over {len(live.chunks)} chunks"
    if not cut:
        why = f"the chunks are others than in release {fault.release if fault else ''}, which answered rightly"
    sure = 0.85 if fault is not None and fault.changed else 0.7
    rule = "cut.changed" if fault is not None and fault.changed else "cut"
    return Verdict(rule=rule, cause=Cause.CHUNK_FAULT, prior=sure, why=why, holder=live, fault=fault)


def _missed(seen: Observation) -> Verdict | None:
    """The evidence is searched and whole, and is no passage."""
    live = seen.live
    if live is None or (live.ranks is not None and live.ranks.passage is not None):
        return None
    fault = next((item for item in seen.faults if item.kind != "prompt"), None)
    if fault is not None:
        return _fault_verdict(fault, "missed", 0.8, live)
    rank = live.ranks.fused if live.ranks else None
    where = "it is not found at all" if rank is None else f"its rank is {rank}"
    why = f"{live.source} holds the answer whole, and {where}"
    return Verdict(rule="missed", cause=Cause.RETRIEVAL_MISS, prior=0.7, why=why, holder=live)


def _generated(seen: Observation) -> Verdict | None:
    live = seen.live
    if live is None or live.ranks is None or live.ranks.passage is None:
        return None
    fault = next((item for item in seen.faults if item.kind == "prompt"), None)
    if fault is not None:
        return _fault_verdict(fault, "prompt", 0.85, live)
    number = live.ranks.passage
    why = f"passage {number} of the prompt ({live.source}) holds the answer, and it was answered otherwise"
    return Verdict(rule="in_prompt", cause=Cause.GENERATION_FAULT, prior=0.7, why=why, holder=live)


def _should_abstain(seen: Observation) -> Verdict | None:
    if not seen.expected.abstain:
        return None
    if seen.abstained:
        why = "the documents do not tell, and the answer says so"
        return Verdict(rule="abstained_rightly", cause=Cause.NOT_ANSWERABLE, prior=0.8, why=why)
    if seen.supported >= _SUPPORTED:
        why = "what the answer cites supports it, though it is said that the documents do not tell"
        return Verdict(rule="supported_claim", cause=Cause.FEEDBACK_DISPUTED, prior=0.55, why=why)
    why = "the passages do not support the answer: it should have said that the documents do not tell"
    return Verdict(rule="unsupported", cause=Cause.GENERATION_FAULT, prior=0.7, why=why)


def _nowhere(seen: Observation) -> Verdict | None:
    """Something is said to be right, and no text says it."""
    if not seen.expected.claimed or seen.expected.abstain:
        return None
    if not seen.abstained and seen.supported >= _SUPPORTED and not seen.expected.sources:
        why = "no document says what is said to be right, and what the answer cites supports it"
        return Verdict(rule="claim_unsupported", cause=Cause.FEEDBACK_DISPUTED, prior=0.7, why=why)
    why = "no document says what is said to be right: a document is missing"
    return Verdict(rule="nowhere", cause=Cause.MISSING_DOCUMENT, prior=0.7, why=why)


def _unknown(seen: Observation) -> Verdict | None:
    if seen.abstained:
        why = "nothing in the documents answers it, and the answer says so"
        return Verdict(rule="unanswerable", cause=Cause.NOT_ANSWERABLE, prior=0.6, why=why)
    if seen.supported < _SUPPORTED:
        why = "what the answer cites hardly supports it"
        return Verdict(rule="weak", cause=Cause.GENERATION_FAULT, prior=0.4, why=why)
    why = "what the answer cites supports it, and nothing contradicts"
    return Verdict(rule="supported", cause=Cause.FEEDBACK_DISPUTED, prior=0.5, why=why)


_RULES: tuple[Rule, ...] = (
    _right_now,
    _agrees,
    _changed_fault,
    _hidden,
    _conflict,
    _crowded,
    _lost,
    _cut,
    _missed,
    _generated,
    _should_abstain,
    _nowhere,
    _unknown,
)
