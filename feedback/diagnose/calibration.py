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


COUNTED: dict[str, tuple[int, int]] = {}
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
