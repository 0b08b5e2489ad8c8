"""From what was observed to a cause: ordered rules, each with a name, so that every decision can be explained.

A pure function of an :class:`feedback.diagnose.observation.Observation`. The first rule that holds decides; those
behind it are the other causes. How sure a rule is, is counted on known faults (``calibration``).
"""

from __future__ import annotations

import msgspec

from feedback.diagnose import calibration, loss_rules, rival_rules
from feedback.diagnose.noise import is_noisy, shows_noise
from feedback.diagnose.observation import Fault, Observation
from feedback.diagnose.verdict import Rule, Verdict
from feedback.records import Holder
from index.findings import Cause

_CROWDED = 0.4
_NOISE = 0.08
_NEAR_BEST = 0.6
_FAR = 20
_SURE = 0.7
_LIKELY = 0.5
_CLEARLY = 0.8
_SUPPORTED = 0.5


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
    if not seen.agrees or (seen.conflict is not None and rival_rules.contradicts(seen, seen.conflict)):
        return None
    if rival_rules.rests_on_planted(seen) or (seen.live is not None and seen.live.chunks and not seen.live.whole):
        return None
    if seen.live is None and seen.known_before and any(item.exact and item.score >= _CLEARLY for item in seen.holders):
        return None
    why = "the answer says what is said to be right"
    return Verdict(rule="agrees", cause=Cause.FEEDBACK_DISPUTED, prior=0.85, why=why)


def _hidden(seen: Observation) -> Verdict | None:
    if not seen.hidden or seen.live is not None:
        return None
    source, rule = seen.hidden[0]
    why = f"{source} holds the answer, and the caller may not read it: {rule}"
    holder = _unreadable(seen)
    blamed = ((holder.document_id, source, rule),) if holder is not None and holder.source == source else ()
    return Verdict(rule="hidden", cause=Cause.ACCESS_DENIED, prior=0.9, why=why, blamed=blamed, holder=holder)


def _unreadable(seen: Observation) -> Holder | None:
    return next((item for item in seen.holders if not item.readable), None)


def _changed_fault(seen: Observation) -> Verdict | None:
    """A setting or prompt that changed, and with whose earlier value the answer comes."""
    fault = next((item for item in seen.faults if item.tried and item.changed), None)
    if fault is not None and fault.kind == "context" and _is_cut(seen):
        return None
    return None if fault is None else _fault_verdict(fault, "changed_fault", 0.9)


def _is_cut(seen: Observation) -> bool:
    live = seen.live
    changed = any(item.kind == "chunk" and item.changed for item in seen.faults)
    return changed or (live is not None and bool(live.chunks) and not live.whole)


def _fault_verdict(fault: Fault, rule: str, prior: float, holder: Holder | None = None) -> Verdict:
    causes = {"chunk": Cause.CHUNK_FAULT, "prompt": Cause.PROMPT_FAULT, "generator": Cause.GENERATION_FAULT}
    cause = causes.get(fault.kind, Cause.RETRIEVAL_MISS)
    how = "the answer is right" if fault.tried else "the answer was right"
    since = f" as in release {fault.release}" if fault.release else ""
    why = f"with {fault.better}{since}, {how}; now it is {fault.now}"
    return Verdict(rule=f"{rule}.{fault.kind}", cause=cause, prior=prior, why=why, fault=fault, holder=holder)


def _lost(seen: Observation) -> Verdict | None:
    """The right answer is in no text that is searched: where was it last?"""
    if _well_held(seen):
        return None
    best = max((item.score for item in seen.holders), default=0.0)
    for holder in sorted(seen.holders, key=lambda item: _FIRST.get(item.layer, 1)):
        verdict = _of_layer(seen, holder) if holder.score >= _NEAR_BEST * best else None
        if verdict is not None:
            return verdict
    return None


_FIRST = {"quarantined": -1, "cleaned_away": 0, "live": 3, "deleted": 2}
"""Where a text is in several layers at once, as one that was moved and then quarantined: which one tells why."""


def _well_held(seen: Observation) -> bool:
    live = seen.live
    return live is not None and (live.exact or live.noise <= _NOISE) and not is_noisy(live.quote) and not _edited(seen)


def _edited(seen: Observation) -> bool:
    """Whether the document itself said it better before it was changed, when the answer was right."""
    live, lost = seen.live, seen.lost
    if live is None or lost is None or not seen.known_before:
        return False
    return lost.exact and lost.source == live.source and lost.score > live.score


def _of_layer(seen: Observation, holder: Holder) -> Verdict | None:
    if holder.layer == "earlier":
        return _earlier(seen, holder)
    if holder.layer == "live":
        return _noisy(holder)
    if holder.layer not in _LAYERS:
        return None
    cause, prior, words = _LAYERS[holder.layer]
    told = holder.reason or holder.detail
    why = f"{holder.source} {words.format(release=holder.release)}{f': {told}' if told else ''}"
    if cause is Cause.FEEDBACK_DISPUTED:
        return Verdict(rule=holder.layer, cause=cause, prior=prior, why=why, holder=holder)
    return _lost_as(holder.layer, cause, prior, why, (holder.document_id, holder.source, why), holder)


_LAYERS: dict[str, tuple[Cause, float, str]] = {
    "quarantined": (Cause.QUARANTINED_DOCUMENT, 0.92, "holds the answer and is quarantined"),
    "deleted": (Cause.MISSING_DOCUMENT, 0.92, "held the answer until release {release} and is gone"),
    "cleaned_away": (Cause.PARSE_FAULT, 0.93, "holds the answer, and cleaning takes it out"),
    "unparsed": (Cause.PARSE_FAULT, 0.9, "holds the answer, and its parser does not read it"),
    "superseded": (Cause.FEEDBACK_DISPUTED, 0.7, "alone says so, and a newer document replaced it"),
    "repaired_away": (Cause.FEEDBACK_DISPUTED, 0.7, "said so until a repair took it out"),
}
"""What it means that the right answer stands in a layer that is not searched, how sure that is, and in words."""


def _noisy(holder: Holder) -> Verdict | None:
    if not holder.readable or (
        not is_noisy(holder.quote) and (holder.noise <= _NOISE or holder.exact or not shows_noise(holder.quote))
    ):
        return None
    why = f"{holder.source} holds the answer with characters that are wrong, as by OCR"
    return _lost_as("noisy", Cause.PARSE_FAULT, 0.8, why, (holder.document_id, holder.source, why), holder)


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
    document = (holder.document_id, holder.source)
    if seen.loss == "older":
        why = f"the version of {holder.source} that is searched is older than the one before it"
        return _lost_as("went_back", Cause.STALE_DOCUMENT, 0.85, why, (*document, why), holder)
    if seen.loss == "figures":
        why = f"figures in {holder.source} are others than in release {holder.release}, and nothing else of it changed"
        return _lost_as("figures", Cause.PARSE_FAULT, 0.6, why, (*document, why), holder)
    told = _LOSSES.get(seen.loss)
    if told is None:
        why = f"{holder.source} said so until release {holder.release} and was edited since"
        return Verdict(rule="edited", cause=Cause.FEEDBACK_DISPUTED, prior=0.6, why=why, holder=holder)
    how, cause = told
    why = f"{holder.source} held the answer in release {holder.release}; in its version now {how}"
    return _lost_as(f"earlier.{seen.loss}", cause, 0.88, why, (holder.document_id, holder.source, how), holder)


def _crowded(seen: Observation) -> Verdict | None:
    crowd, live = seen.crowd, seen.live
    boilerplate = crowd is not None and crowd.quoted and not crowd.whole
    if crowd is None or (crowd.share < _CROWDED and not crowd.fixes and not boilerplate):
        return None
    if (
        not boilerplate
        and live is not None
        and live.ranks is not None
        and live.ranks.passage is not None
        and not crowd.fixes
    ):
        return None
    others = [item for item in crowd.documents if item[1] != crowd.kept]
    what = "are copies of one another" if crowd.whole else "hold the same paragraph"
    why = f"{len(crowd.documents)} documents that {what} take {crowd.share:.0%} of the places before the answer"
    blamed = tuple((name, source, "one of many copies") for name, source in others)
    sure = 0.9 if crowd.fixes else 0.75
    rule = "crowded.tried" if crowd.fixes else "crowded"
    return Verdict(rule=rule, cause=Cause.DUPLICATE_DOCUMENTS, prior=sure, why=why, blamed=blamed, crowd=crowd)


def _cut(seen: Observation) -> Verdict | None:
    """The evidence is cut apart by chunks that are other or smaller than they were, or than the built-in ones."""
    live = seen.live
    fault = next((item for item in seen.faults if item.kind == "chunk"), None)
    if live is None or fault is None or not (fault.changed or (fault.unusual and _in_pieces(live))):
        return None
    why = f"the answer in {live.source} is cut apart over {len(live.chunks)} chunks"
    if not _in_pieces(live):
        why = f"the chunks are others than in release {fault.release}, which answered rightly"
    rule, sure = ("cut.changed", 0.85) if fault.changed else ("cut", 0.7)
    return Verdict(rule=rule, cause=Cause.CHUNK_FAULT, prior=sure, why=why, holder=live, fault=fault)


def _in_pieces(live: Holder) -> bool:
    return bool(live.chunks) and not live.whole


def _apart(seen: Observation) -> Verdict | None:
    """The evidence lies over several chunks of usual size: that alone is everyday, so other causes come first."""
    live = seen.live
    fault = next((item for item in seen.faults if item.kind == "chunk"), None)
    if live is None or not _in_pieces(live) or any(item.planted >= rival_rules.PLANTED for item in seen.suspects):
        return None
    if _far(live) and _stands(seen):
        return None
    why = f"the answer in {live.source} is cut apart over {len(live.chunks)} chunks"
    return Verdict(rule="apart", cause=Cause.CHUNK_FAULT, prior=0.5, why=why, holder=live, fault=fault)


def _rewired(seen: Observation) -> Verdict | None:
    """What cannot be tried without a build changed since the answer was right, and nothing else explains it."""
    fault = next((item for item in seen.faults if item.kind == "embed" and (item.changed or item.unusual)), None)
    return None if fault is None else _fault_verdict(fault, "rewired", 0.75, seen.live)


def _miswired(seen: Observation) -> Verdict | None:
    """Other settings than the built-in ones, or another prompt, without which the answer comes."""
    fault = next((item for item in seen.faults if item.tried and item.unusual), None)
    if fault is None or (fault.kind == "context" and _is_cut(seen)):
        return None
    return _fault_verdict(fault, "miswired", 0.8, seen.live)


def _missed(seen: Observation) -> Verdict | None:
    """The evidence is searched and whole, and is no passage."""
    live = seen.live
    if live is None or live.score < _LIKELY or (live.ranks is not None and live.ranks.passage is not None):
        return None
    if seen.expected.origin == "rival":
        return None
    fault = next((item for item in seen.faults if item.kind != "prompt" and (item.changed or item.unusual)), None)
    if fault is not None:
        return _fault_verdict(fault, "missed", 0.8, live)
    if _in_pieces(live):
        return None
    rank = live.ranks.fused if live.ranks else None
    if _far(live) and _stands(seen):
        return None
    tried = next((item for item in seen.faults if item.kind != "prompt"), None)
    where = "it is not found at all" if rank is None else f"its rank is {rank}"
    why = f"{live.source} holds the answer whole, and {where}"
    return Verdict(rule="missed", cause=Cause.RETRIEVAL_MISS, prior=0.7, why=why, holder=live, fault=tried)


def _far(live: Holder) -> bool:
    """Whether what says it hardly answers the question, or is found far behind."""
    rank = live.ranks.fused if live.ranks else None
    return rank is None or rank > _FAR or live.score < _SURE


def _stands(seen: Observation) -> bool:
    """Whether the answer is supported by what it cites, and no earlier one was right."""
    return not seen.abstained and seen.supported >= _SUPPORTED and not seen.known_before


def _unquoted(seen: Observation, live: Holder) -> bool:
    """Whether what quotes found nothing to quote, and what seems to say the right answer hardly does."""
    return seen.quoting and seen.abstained and (not live.exact or live.score < _CLEARLY)


def _generated(seen: Observation) -> Verdict | None:
    live = seen.live
    if live is None or live.ranks is None or live.ranks.passage is None:
        return None
    fault = next((item for item in seen.faults if item.kind == "prompt"), None)
    if fault is not None:
        return _fault_verdict(fault, "prompt", 0.85, live)
    if seen.expected.origin == "rival" or (live.score < _SURE and _stands(seen)):
        return None
    if rival_rules.rests_on_planted(seen) or _unquoted(seen, live):
        return None
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
    if seen.off_topic:
        why = "the answer holds nothing of the kind that was asked for: the documents may not tell"
        return Verdict(rule="off_topic", cause=Cause.MISSING_DOCUMENT, prior=0.5, why=why)
    if seen.supported < _SUPPORTED:
        why = "what the answer cites hardly supports it"
        return Verdict(rule="weak", cause=Cause.GENERATION_FAULT, prior=0.4, why=why)
    why = "what the answer cites supports it, and nothing contradicts"
    return Verdict(rule="supported", cause=Cause.FEEDBACK_DISPUTED, prior=0.5, why=why)


_RULES: tuple[Rule, ...] = (
    _right_now,
    rival_rules.intruders,
    rival_rules.mixed,
    _agrees,
    _changed_fault,
    _hidden,
    rival_rules.conflict,
    _crowded,
    rival_rules.set_aside,
    _lost,
    rival_rules.displaced,
    _miswired,
    _cut,
    _rewired,
    loss_rules.noisy,
    rival_rules.differs,
    loss_rules.behind_damage,
    _missed,
    _apart,
    _generated,
    rival_rules.suspicious,
    _should_abstain,
    loss_rules.damaged,
    _nowhere,
    _unknown,
)
