"""Fitted constants: what makes a support score and an evidence score of features.

Every number here is printed by ``python -m benchmarks.evidence --fit`` and was fitted on sets whose licence allows it
(MTRAG, Apache-2.0; XQuAD, CC BY-SA); what it is worth on other data stands in docs/benchmarks.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec


class Logistic(msgspec.Struct, frozen=True):
    """A logistic model: the probability is 1 / (1 + exp(-(intercept + sum of weight * feature)))."""

    intercept: float
    weights: dict[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        """Probability for named features; one that is missing counts as 0."""
        score = self.intercept + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score))))


class CosineScale(msgspec.Struct, frozen=True):
    """What cosines of an embedder mean: ``low`` is that of texts that have nothing to do with each other, ``high`` that
    of a question and the passage that answers it, or of two sentences that say the same."""

    low: float
    high: float

    def of(self, cosine: float) -> float:
        """A cosine as a share of the way from low to high, between -0.5 and 1.5."""
        return max(-0.5, min(1.5, (cosine - self.low) / (self.high - self.low)))


QUESTION_COSINES = {
    "multilingual-e5-small": CosineScale(0.75, 0.90),
    "all-MiniLM-L6-v2": CosineScale(0.10, 0.71),
}
SENTENCE_COSINES = {
    "multilingual-e5-small": CosineScale(0.80, 0.95),
    "all-MiniLM-L6-v2": CosineScale(0.10, 0.80),
}
UNKNOWN_COSINES = CosineScale(0.0, 0.9)

# Support of a sentence by the passages it cites: words and embeddings, words alone; the same across scripts.
SUPPORT = Logistic(
    -2.973,
    {
        "coverage": 0.922,
        "coverage_best": 4.491,
        "pairs": -0.534,
        "numbers_apart": -1.694,
        "negation": -2.353,
        "cosine": 0.581,
    },
)
SUPPORT_WORDS = Logistic(
    -2.925, {"coverage": 1.211, "coverage_best": 4.622, "pairs": -0.35, "numbers_apart": -1.655, "negation": -2.396}
)
SUPPORT_ACROSS = Logistic(-0.587, {"cosine": 7.134, "coverage": 2.918, "numbers_missing": -1.764})
SUPPORT_ACROSS_WORDS = Logistic(-0.254, {"coverage": 6.193})
# A number that the evidence does not have leaves a sentence unsupported, whatever else speaks for it.
WRONG_NUMBER = 0.25
# Passages without any identifier that the question names (an error code, an order number) are about another one.
OTHER_IDENTIFIER = 0.25

# Whether the passages hold the answer: with the question's own cosine, and without it.
EVIDENCE = Logistic(
    -6.881,
    {
        "cosine": 5.042,
        "coverage_passage": 2.078,
        "coverage_best": 3.42,
        "names_missing": -0.987,
        "numbers_missing": -0.823,
        "kind_held": 1.117,
        "han": -1.181,
    },
)
EVIDENCE_WORDS = Logistic(
    -4.374,
    {
        "coverage": 0.426,
        "coverage_passage": 3.157,
        "coverage_best": 3.839,
        "names_missing": -1.158,
        "numbers_missing": -0.823,
        "kind_held": 0.701,
    },
)
# Passages in the question's script beside others: in what script the best ones are says where the answer is.
EVIDENCE_MIXED = Logistic(
    -1.601, {"cosine": 2.922, "coverage_best": 2.046, "first": 1.731, "foreign": 0.582, "han": -0.609}
)
EVIDENCE_MIXED_WORDS = Logistic(-0.79, {"coverage_best": 3.755, "first": 1.851, "foreign": -0.059})
# Foreign passages below this share, at the very end, say nothing.
MIXED_FROM = 0.08
EVIDENCE_ACROSS = Logistic(-0.818, {"cosine": 6.36, "coverage": 0.215, "kind_held": 0.54, "han": -0.963})
EVIDENCE_ACROSS_WORDS = Logistic(-0.148, {"coverage": 1.22, "kind_held": 0.138})


def cosine_scale(scales: Mapping[str, CosineScale], embedder: str) -> CosineScale | None:
    """The scale of an embedder by its name, with or without owner or folder; None for one that was not measured."""
    return scales.get(embedder.rstrip("/").rsplit("/", maxsplit=1)[-1])
