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
    "agrees+": (2, 0),
    "changed_fault.context": (2, 2),
    "changed_fault.context+": (1, 1),
    "changed_fault.generator": (2, 2),
    "changed_fault.generator+": (1, 1),
    "changed_fault.prompt": (3, 3),
    "changed_fault.prompt+": (2, 2),
    "changed_fault.retrieval+": (1, 1),
    "claim_planted": (1, 0),
    "claim_unsupported+": (15, 10),
    "cleaned_away": (2, 2),
    "cleaned_away+": (2, 2),
    "contradicts": (3, 3),
    "contradicts+": (4, 4),
    "crowded": (3, 2),
    "crowded+": (4, 4),
    "crowded.tried": (3, 3),
    "crowded.tried+": (5, 5),
    "cut": (2, 2),
    "cut+": (3, 3),
    "cut.changed": (2, 2),
    "cut.changed+": (1, 1),
    "damaged.date+": (1, 1),
    "damaged.noise": (4, 4),
    "damaged.noise+": (3, 2),
    "deleted": (3, 3),
    "deleted+": (5, 5),
    "earlier.garbled": (3, 3),
    "earlier.garbled+": (6, 6),
    "earlier.replaced": (3, 3),
    "earlier.replaced+": (4, 4),
    "earlier.truncated": (10, 10),
    "earlier.truncated+": (14, 14),
    "edited": (1, 0),
    "figures": (3, 3),
    "figures+": (2, 2),
    "hidden": (3, 3),
    "hidden+": (5, 5),
    "in_prompt": (3, 0),
    "in_prompt+": (6, 0),
    "intruders": (1, 1),
    "intruders+": (4, 4),
    "missed+": (1, 1),
    "miswired.context+": (1, 1),
    "miswired.generator": (3, 3),
    "miswired.generator+": (3, 3),
    "miswired.prompt": (1, 1),
    "miswired.prompt+": (2, 2),
    "miswired.retrieval": (3, 3),
    "miswired.retrieval+": (1, 1),
    "noisy": (4, 1),
    "noisy+": (3, 1),
    "nowhere+": (5, 4),
    "older": (5, 5),
    "older+": (3, 3),
    "pair": (1, 0),
    "planted": (4, 4),
    "planted+": (5, 5),
    "quarantined": (9, 9),
    "quarantined+": (8, 8),
    "rewired.embed": (2, 2),
    "rewired.embed+": (3, 3),
    "supported": (21, 9),
    "supported_claim+": (1, 1),
    "suspects": (1, 1),
    "suspects+": (1, 1),
    "unanswerable": (18, 16),
    "unparsed": (8, 6),
    "unparsed+": (3, 3),
    "went_back": (5, 5),
    "went_back+": (5, 5),
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
