"""Rules about texts that are damaged where nothing tells what they said before."""

from __future__ import annotations

from feedback.diagnose.observation import Observation
from feedback.diagnose.verdict import Verdict
from index.findings import Cause

_WHY = {
    "noise": "{source}, which lies near the question, has sentences that read as noise, as a bad scan or a wrong "
    "encoding leaves them",
    "date": "{source}, which the answer cites, states a date that cannot be",
    "cut": "{source}, which lies near the question, ends in the middle of a sentence",
}


def damaged(seen: Observation) -> Verdict | None:
    """Nothing says what is right, and a document near the question is visibly damaged."""
    if not seen.damages or seen.expected.abstain or seen.right_now:
        return None
    first = seen.damages[0]
    why = _WHY[first.kind].format(source=first.source)
    blamed = tuple((item.document_id, item.source, _WHY[item.kind].format(source=item.source)) for item in seen.damages)
    prior = 0.6 if first.kind == "cut" else 0.7
    return Verdict(rule=f"damaged.{first.kind}", cause=Cause.PARSE_FAULT, prior=prior, why=why, blamed=blamed[:1])
