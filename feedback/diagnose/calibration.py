"""How often each rule of a diagnosis is right: what makes its confidence a probability.

A rule that fires gives one cause; how often that is the right one was counted on faults that were put in on purpose
(``python -m benchmarks.loop fit``), with and without a correction apart. The prior of a rule holds where it was
counted too seldom: so many faults as :data:`PRIOR_WEIGHT` count as seen that way (a beta prior, shrunken means).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

PRIOR_WEIGHT = 6.0
_FLOOR, _CEILING = 0.02, 0.99


COUNTED: dict[str, tuple[int, int]] = {
    "agrees+": (6, 0),
    "changed_fault.context": (2, 2),
    "changed_fault.context+": (1, 1),
    "changed_fault.generator": (1, 1),
    "changed_fault.generator+": (1, 1),
    "changed_fault.prompt": (2, 2),
    "changed_fault.retrieval+": (1, 1),
    "claim_planted": (1, 0),
    "claim_unsupported+": (11, 7),
    "cleaned_away": (2, 2),
    "contradicts": (2, 2),
    "contradicts+": (3, 3),
    "crowded": (2, 1),
    "crowded+": (3, 3),
    "crowded.tried": (2, 2),
    "crowded.tried+": (2, 2),
    "cut": (2, 2),
    "cut+": (1, 1),
    "cut.changed": (1, 1),
    "cut.changed+": (1, 1),
    "damaged.date+": (1, 1),
    "damaged.noise": (1, 1),
    "damaged.noise+": (2, 1),
    "deleted": (2, 2),
    "deleted+": (4, 4),
    "earlier.garbled": (2, 2),
    "earlier.garbled+": (4, 4),
    "earlier.replaced": (1, 1),
    "earlier.replaced+": (4, 4),
    "earlier.truncated": (9, 8),
    "earlier.truncated+": (11, 11),
    "edited": (1, 0),
    "figures": (3, 3),
    "hidden": (2, 2),
    "hidden+": (2, 2),
    "in_prompt": (1, 0),
    "in_prompt+": (6, 0),
    "intruders+": (3, 3),
    "miswired.context+": (1, 1),
    "miswired.generator": (2, 2),
    "miswired.generator+": (2, 2),
    "miswired.prompt": (1, 1),
    "miswired.prompt+": (1, 1),
    "miswired.retrieval": (2, 2),
    "noisy": (4, 1),
    "noisy+": (3, 1),
    "nowhere+": (3, 2),
    "older": (3, 3),
    "older+": (2, 2),
    "pair": (1, 0),
    "planted": (2, 2),
    "planted+": (4, 4),
    "quarantined": (6, 6),
    "quarantined+": (6, 6),
    "rewired.embed": (2, 2),
    "rewired.embed+": (2, 2),
    "supported": (14, 7),
    "supported_claim+": (1, 1),
    "suspects": (1, 1),
    "unanswerable": (15, 13),
    "unparsed": (5, 4),
    "unparsed+": (2, 2),
    "went_back": (3, 3),
    "went_back+": (4, 4),
}
"""Rule, with ``+`` where a person had said what is right → how often it fired, and how often it was right."""


class Outcome(msgspec.Struct, frozen=True):
    """What a rule said of one fault: its name, whether a person had said what is right, whether the cause was right."""

    rule: str
    claimed: bool
    right: bool


def key_of(rule: str, *, claimed: bool) -> str:
    """Name under which a rule is counted."""
    return f"{rule}+" if claimed else rule


def confidence(rule: str, prior: float, *, claimed: bool, counted: dict[str, tuple[int, int]] | None = None) -> float:
    """The chance (0..1) that a rule's cause is right.

    Args:
        rule: its name.
        prior: how sure it is taken to be where it was never counted.
        claimed: whether a person said what is right.
        counted: as :data:`COUNTED`, which is taken when None.
    """
    fired, right = (COUNTED if counted is None else counted).get(key_of(rule, claimed=claimed), (0, 0))
    value = (right + PRIOR_WEIGHT * prior) / (fired + PRIOR_WEIGHT)
    return min(_CEILING, max(_FLOOR, value))


def fit(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """Count what the rules said of faults whose causes are known; the result takes the place of :data:`COUNTED`."""
    fired, right = Counter[str](), Counter[str]()
    for outcome in outcomes:
        name = key_of(outcome.rule, claimed=outcome.claimed)
        fired[name] += 1
        right[name] += outcome.right
    return {name: (fired[name], right[name]) for name in sorted(fired)}
