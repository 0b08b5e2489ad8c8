"""Rules for two documents that say different things: stale, planted, contradicting; and for feedback set aside."""

from __future__ import annotations

from feedback.diagnose.observation import Conflict, Observation
from feedback.diagnose.verdict import Verdict
from index.findings import Cause

PLANTED = 0.6
"""From this on, a document is taken to be planted."""
_SUSPECT = 0.35
_CONTRADICTS = 0.5
_ALIKE = 0.3
_COPY = 0.8
_HELD = 0.5
_FLOOD = 8
_CROWDED = 0.4
_CLOSE = 0.6
_SAME_QUESTION = 0.8
_SUPPORTED = 0.5


def intruders(seen: Observation) -> Verdict | None:
    """Nothing was answered before; what is answered now rests on nothing but short texts that came since."""
    if not seen.said_nothing_before or seen.abstained or not seen.suspects:
        return None
    if any(item.planted < _SUSPECT or item.beginning for item in seen.suspects):
        return None
    first = seen.suspects[0]
    told = "; ".join(first.why_planted)
    why = f"nothing was answered before {first.source} came, on which the answer rests; it looks planted: {told}"
    blamed = tuple((item.document_id, item.source, "; ".join(item.why_planted)) for item in seen.suspects)
    return Verdict(rule="intruders", cause=Cause.POISONED_DOCUMENT, prior=0.65, why=why, blamed=blamed)


def contradicts(seen: Observation, found: Conflict) -> bool:
    """Whether a document surely says otherwise: it looks planted, or its words are those of the right one, changed."""
    live = seen.live
    if found.pair:
        return found.close >= _CLOSE
    if live is None or live.score < _HELD:
        return False
    if _looks_planted(found) or _copied(seen, found):
        return True
    if found.weight < _CONTRADICTS:
        return False
    return found.close >= _CLOSE or (found.order == "older" and found.weight >= _SAME_QUESTION)


def _looks_planted(found: Conflict) -> bool:
    """Whether it is planted rather than a copy that was changed, or one of many copies."""
    wrong = found.wrong
    if "injection" in wrong.marks:
        return True
    if wrong.planted < PLANTED or len(wrong.copies) >= _FLOOD or found.alike >= _ALIKE:
        return False
    return wrong.asks or found.close < _CLOSE


def _copied(seen: Observation, found: Conflict) -> bool:
    """Whether the document that the answer rests on is a copy of the one that says word for word what is right."""
    return found.alike >= _COPY and seen.expected.claimed and seen.live is not None and seen.live.exact


def conflict(seen: Observation) -> Verdict | None:
    """A document that the answer rests on says otherwise than one that says the right answer."""
    found = seen.conflict
    if found is None or not (found.weight >= _CONTRADICTS or _looks_planted(found) or _copied(seen, found)):
        return None
    if len(found.wrong.copies) >= _FLOOD or _in_crowd(seen, found):
        return None
    if seen.expected.claimed and found.right.planted >= PLANTED and not _looks_planted(found):
        why = f"what is said to be right stands only in {found.right.source}, which looks planted"
        return Verdict(rule="claim_planted", cause=Cause.FEEDBACK_DISPUTED, prior=0.7, why=why, conflict=found)
    if not contradicts(seen, found):
        return None
    return _planted(seen, found) or _ordered(seen, found) or _unordered(found)


def _in_crowd(seen: Observation, found: Conflict) -> bool:
    crowd = seen.crowd
    if crowd is None or len(crowd.documents) < _FLOOD:
        return False
    if crowd.whole and crowd.share >= _CROWDED:
        return True
    return any(name == found.wrong.document_id for name, _ in crowd.documents)


def differs(seen: Observation) -> Verdict | None:
    """Two documents seem to say different things of what was asked, and none was copied from the other."""
    found = seen.conflict
    if found is None or not seen.expected.claimed or found.weight < _SAME_QUESTION or len(found.wrong.copies) >= _FLOOD:
        return None
    wrong, right = found.wrong, found.right
    live = seen.live
    if live is None or live.score < _HELD:
        return None
    if wrong.planted >= _SUSPECT and found.arrival == "newer":
        told = "; ".join(wrong.why_planted)
        why = f"{wrong.source} contradicts {right.source} and may be planted: {told}"
        blamed = ((wrong.document_id, wrong.source, told),)
        return Verdict(
            rule="suspect", cause=Cause.POISONED_DOCUMENT, prior=0.55, why=why, blamed=blamed, conflict=found
        )
    if found.arrival != "newer":
        return None
    why = f"{wrong.source} came since and says otherwise than {right.source}; nothing tells which is right"
    blamed = ((wrong.document_id, wrong.source, why),)
    return Verdict(rule="differs", cause=Cause.CONFLICTING_DOCUMENTS, prior=0.6, why=why, blamed=blamed, conflict=found)


def _planted(seen: Observation, found: Conflict) -> Verdict | None:
    wrong = found.wrong
    if not _looks_planted(found):
        return None
    told = "; ".join(wrong.why_planted)
    why = f"{wrong.source} contradicts {found.right.source} and looks planted: {told}"
    named = [(wrong.document_id, wrong.source, told), *_copies(found, "a copy of it")]
    named += [item for item in (*_all_planted(seen), *_crowd_of(seen, found)) if item[0] != found.right.document_id]
    blamed = tuple({name: item for item in reversed(named) for name in item[:1]}.values())[::-1]
    return Verdict(rule="planted", cause=Cause.POISONED_DOCUMENT, prior=0.85, why=why, blamed=blamed, conflict=found)


def _crowd_of(seen: Observation, found: Conflict) -> list[tuple[str, str, str]]:
    """The copies of a document among which it stands, where they are a crowd of their own."""
    crowd = seen.crowd
    if crowd is None or not crowd.whole or all(name != found.wrong.document_id for name, _ in crowd.documents):
        return []
    return [(name, source, "a copy of it") for name, source in crowd.documents]


def displaced(seen: Observation) -> Verdict | None:
    """Without an older edition of the document that holds the right answer, that is answered."""
    found = seen.in_the_way
    if found is None:
        return None
    wrong, right = found.wrong, found.right
    why = f"without {wrong.source}, an older edition of {right.source}, the answer is right"
    blamed = ((wrong.document_id, wrong.source, why),)
    return Verdict(rule="older.tried", cause=Cause.STALE_DOCUMENT, prior=0.8, why=why, blamed=blamed, conflict=found)


def suspicious(seen: Observation) -> Verdict | None:
    """Nothing says what is right, and the answer rests on a text that looks planted."""
    if not seen.suspects or seen.abstained:
        return None
    first = seen.suspects[0]
    bar = _SUSPECT if seen.said_nothing_before else PLANTED
    if first.planted < bar and "injection" not in first.marks:
        return None
    told = "; ".join(first.why_planted)
    why = f"the answer rests on {first.source}, which looks planted: {told}"
    likely = [
        (item.document_id, item.source, "; ".join(item.why_planted)) for item in seen.suspects if item.planted >= bar
    ]
    blamed = tuple({item[0]: item for item in reversed([*likely, *_all_planted(seen)])}.values())[::-1]
    return Verdict(rule="suspects", cause=Cause.POISONED_DOCUMENT, prior=0.65, why=why, blamed=blamed)


def rests_on_planted(seen: Observation) -> bool:
    """Whether what is said to be right stands, of all that is searched, in a text that looks planted."""
    live = seen.live
    known = {item.document_id for item in seen.suspects if item.planted >= PLANTED}
    return live is not None and live.document_id in known


def _all_planted(seen: Observation) -> list[tuple[str, str, str]]:
    return [(item.document_id, item.source, "; ".join(item.why_planted)) for item in seen.planted]


def mixed(seen: Observation) -> Verdict | None:
    """The answer says what is said to be right, and what another document says against it."""
    found = seen.conflict
    if not seen.agrees or found is None or found.weight < _SAME_QUESTION or seen.crowd is not None:
        return None
    wrong, right = found.wrong, found.right
    if _looks_planted(found) or any(item.document_id == wrong.document_id for item in seen.planted):
        told = "; ".join(wrong.why_planted) or "it repeats the question"
        why = f"{wrong.source} contradicts {right.source} in the same answer and looks planted: {told}"
        named = [(wrong.document_id, wrong.source, told), *_copies(found, "a copy of it"), *_all_planted(seen)]
        blamed = tuple({item[0]: item for item in reversed(named) if item[0] != right.document_id}.values())[::-1]
        return Verdict(
            rule="mixed.planted", cause=Cause.POISONED_DOCUMENT, prior=0.75, why=why, blamed=blamed, conflict=found
        )
    older = _ordered(seen, found) if found.order == "older" else None
    if older is not None:
        return older
    why = f"the answer says what {right.source} says and also what {wrong.source} says against it"
    blamed = ((wrong.document_id, wrong.source, why),)
    return Verdict(rule="mixed", cause=Cause.CONFLICTING_DOCUMENTS, prior=0.6, why=why, blamed=blamed, conflict=found)


def set_aside(seen: Observation) -> Verdict | None:
    """What was said is set aside, and the answer is supported by what it cites."""
    if not seen.disputed or seen.abstained or seen.supported < _SUPPORTED:
        return None
    if seen.expected.claimed and any(item.score >= _HELD for item in seen.holders):
        return None
    return Verdict(rule="set_aside", cause=Cause.FEEDBACK_DISPUTED, prior=0.8, why=seen.disputed)


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


def _unordered(found: Conflict) -> Verdict | None:
    wrong, right = found.wrong, found.right
    if len(wrong.copies) >= _FLOOD:
        return None
    why = f"{wrong.source} says otherwise than {right.source}, and nothing tells which is newer"
    blamed = ((wrong.document_id, wrong.source, why),)
    rule, sure = ("pair", 0.7) if found.pair else ("contradicts", 0.8)
    return Verdict(rule=rule, cause=Cause.CONFLICTING_DOCUMENTS, prior=sure, why=why, blamed=blamed, conflict=found)
