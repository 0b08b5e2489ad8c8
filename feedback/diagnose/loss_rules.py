"""Rules about texts that are damaged where nothing tells what they said before."""

from __future__ import annotations

import msgspec

from feedback.diagnose.observation import Observation
from feedback.diagnose.verdict import Verdict
from index.findings import Cause

_CLEARLY = 0.8
_SUPPORTED = 0.5
_HELD = 0.7
_WHY = {
    "noise": "{source}, which lies near the question, has sentences that read as noise, as a bad scan or a wrong "
    "encoding leaves them",
    "date": "{source}, which the answer cites, states a date that cannot be",
    "cut": "{source}, which lies near the question, ends in the middle of a sentence",
}


def noisy(seen: Observation) -> Verdict | None:
    """A document near the question is full of noise, and nothing that is searched says the right answer clearly."""
    live = seen.live
    if live is not None and live.score >= _CLEARLY:
        return None
    found = damaged(seen)
    return found if found is not None and found.rule == "damaged.noise" else None


def behind_damage(seen: Observation) -> Verdict | None:
    """A document that was asked about, or quoted from, is damaged, and only coincidence or a part of it is right."""
    live = seen.live
    if live is None or seen.expected.origin == "rival" or not seen.damages:
        return None
    passage = live.ranks.passage if live.ranks else None
    elsewhere = bool(seen.titled) and live.source not in seen.titled
    if not elsewhere and not (seen.quoting and passage is not None):
        return None
    sources = seen.titled if elsewhere else (live.source, *seen.cited)
    # That its own document breaks off further on does not touch what it says whole.
    own = live.source if live.exact and live.score >= _HELD else ""
    near = tuple(
        item for item in seen.damages if item.source in sources and not (item.kind == "cut" and item.source == own)
    )
    return damaged(msgspec.structs.replace(seen, damages=near))


def damaged(seen: Observation) -> Verdict | None:
    """Nothing says what is right, and a document near the question is visibly damaged."""
    if not seen.damages or seen.expected.abstain or seen.right_now:
        return None
    # What breaks off elsewhere says little of an answer that is supported without it.
    stands = not seen.abstained and seen.supported >= _SUPPORTED
    bearing = [item for item in seen.damages if item.kind != "cut" or _bears(seen, item.source, stands=stands)]
    if not bearing:
        return None
    first = bearing[0]
    why = _WHY[first.kind].format(source=first.source)
    blamed = tuple((item.document_id, item.source, _WHY[item.kind].format(source=item.source)) for item in bearing)
    prior = 0.6 if first.kind == "cut" else 0.7
    return Verdict(rule=f"damaged.{first.kind}", cause=Cause.PARSE_FAULT, prior=prior, why=why, blamed=blamed[:1])


def _bears(seen: Observation, source: str, *, stands: bool) -> bool:
    """Whether an end in the middle of a sentence bears on the answer: something is missing, and from that document."""
    return seen.expected.claimed and (not stands or source in seen.cited or source in seen.titled)
