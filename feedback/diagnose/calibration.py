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
    "agrees+": (1, 1),
    "changed_fault.context": (1, 1),
    "changed_fault.context+": (10, 10),
    "changed_fault.generator": (7, 7),
    "changed_fault.generator+": (8, 8),
    "changed_fault.prompt": (7, 7),
    "changed_fault.prompt+": (10, 10),
    "changed_fault.retrieval": (6, 6),
    "changed_fault.retrieval+": (8, 8),
    "claim_unsupported+": (12, 8),
    "cleaned_away": (15, 15),
    "cleaned_away+": (36, 36),
    "contradicts": (5, 4),
    "contradicts+": (12, 11),
    "crowded": (13, 10),
    "crowded+": (21, 21),
    "crowded.tried": (11, 11),
    "crowded.tried+": (16, 16),
    "cut": (4, 3),
    "cut+": (12, 11),
    "cut.changed": (4, 4),
    "cut.changed+": (9, 9),
    "damaged.cut+": (1, 1),
    "damaged.date": (1, 1),
    "damaged.date+": (2, 2),
    "damaged.noise": (5, 5),
    "damaged.noise+": (7, 7),
    "deleted": (11, 11),
    "deleted+": (21, 21),
    "earlier.garbled": (8, 7),
    "earlier.garbled+": (18, 18),
    "earlier.replaced": (11, 11),
    "earlier.replaced+": (21, 20),
    "earlier.truncated": (18, 18),
    "earlier.truncated+": (49, 49),
    "edited": (1, 0),
    "figures": (3, 3),
    "figures+": (8, 8),
    "hidden": (11, 11),
    "hidden+": (21, 21),
    "in_prompt+": (1, 0),
    "intruders": (1, 1),
    "intruders+": (21, 21),
    "miswired.context": (2, 2),
    "miswired.context+": (8, 8),
    "miswired.generator": (5, 5),
    "miswired.generator+": (10, 10),
    "miswired.prompt": (4, 4),
    "miswired.prompt+": (11, 11),
    "miswired.retrieval": (6, 6),
    "miswired.retrieval+": (8, 8),
    "mixed+": (2, 2),
    "mixed.planted+": (2, 2),
    "noisy+": (7, 7),
    "nowhere+": (12, 12),
    "older": (6, 6),
    "older+": (17, 17),
    "pair": (4, 1),
    "planted": (4, 4),
    "planted+": (6, 6),
    "quarantined": (18, 18),
    "quarantined+": (46, 45),
    "rewired.embed": (7, 7),
    "rewired.embed+": (20, 20),
    "set_aside": (3, 2),
    "supported": (61, 16),
    "supported_claim+": (2, 0),
    "suspect+": (1, 0),
    "suspects+": (8, 7),
    "unanswerable": (33, 28),
    "unparsed": (4, 4),
    "unparsed+": (2, 2),
    "went_back": (10, 10),
    "went_back+": (21, 21),
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
