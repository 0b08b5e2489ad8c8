"""From what was measured of a place to how sure it is that it answers the question with the claim."""

from __future__ import annotations

import math
from collections.abc import Mapping

_BIAS = -4.2
_WEIGHTS = {
    "exact": 2.2,
    "claimed": 1.4,
    "claimed_near": 0.6,
    "numbers_missing": -3.0,
    "asked": 2.2,
    "asked_near": 1.6,
    "asked_lead": 0.8,
    "names": 0.5,
    "asked_numbers": 0.6,
    "kind": 0.4,
    "cosine": 1.2,
    "noise": -2.0,
}


def certainty(features: Mapping[str, float], *, claimed: bool) -> float:
    """The chance, 0..1, that a place answers a question with a claim (or at all, where nothing is claimed)."""
    total = _BIAS + sum(weight * features.get(name, 0.0) for name, weight in _WEIGHTS.items())
    if not claimed:
        total += 1.5
    return 1 / (1 + math.exp(-total))
