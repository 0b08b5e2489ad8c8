"""From what was measured of a place to how sure it is that it answers the question with the claim.

What other constants would fit a set of questions prints ``python -m benchmarks.loop_holders --fit``.
"""

from __future__ import annotations

from collections.abc import Mapping

from serving.evidence.calibration import Logistic

CLAIMED_NAMES = (
    "exact",
    "telling",
    "bound",
    "value",
    "numbers_missing",
    "claimed_near",
    "asked_near",
    "asked_lead",
    "asked_close",
    "names_missing",
    "asked_numbers_missing",
    "kind",
)
"""What counts where something is claimed."""

ASKED_NAMES = ("asked_near", "asked_lead", "names_missing", "asked_numbers_missing", "kind")
"""What counts where only the question is known."""

# Chosen by hand, within what the fit on XQuAD prints: its questions repeat their documents' words, so the fit alone
# asks for more shared words than people use.
CLAIMED = Logistic(
    -5.5,
    {
        "exact": 0.6,
        "telling": 1.6,
        "bound": 1.5,
        "value": 0.8,
        "numbers_missing": -1.5,
        "claimed_near": 3.0,
        "asked_near": 2.0,
        "asked_lead": 1.5,
        "asked_close": 1.0,
        "names_missing": -0.8,
        "asked_numbers_missing": -0.5,
    },
)
ASKED = Logistic(-5.0, {"asked_near": 4.0, "asked_lead": 4.0, "names_missing": -1.0, "kind": 0.8})


def certainty(features: Mapping[str, float], *, claimed: bool) -> float:
    """The chance, 0..1, that a place answers a question with a claim (or at all, where nothing is claimed)."""
    return (CLAIMED if claimed else ASKED).probability(features)
