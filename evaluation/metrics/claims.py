"""How likely it is that texts support a claim, by words, wording, numbers, names and negations.

The check of the service (``serving.evidence.support``) looks at what one sentence cites and keeps nine in ten of what
is right, as a reader is served by that. A metric has to tell good answers from bad ones, so it has a model of its own:
fitted to what people say of whole answers, with the wording among its features. What it is worth stands in
docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from evaluation.metrics.overlap import answer_tokens, holds_tokens
from serving.evidence.calibration import Logistic
from serving.evidence.support import word_features
from serving.evidence.texts import plain, read_evidence

# python -m benchmarks.judging --fit
SUPPORTED = Logistic(
    -1.683,
    {
        "coverage_best": 0.79,
        "pairs": 1.123,
        "wording": 2.209,
        "numbers_missing": -1.163,
        "names_missing": -0.903,
        "names_apart": -1.079,
        "negation": -0.785,
    },
)
WRONG_NUMBER = 0.25
"""The most that a claim gets whose number no text has."""


def supported(claim: str, texts: Sequence[str]) -> float:
    """The chance, 0..1, that texts in the claim's script support it together.

    A claim that stands in one of them word for word gets 1.0; one without any text 0.0.
    """
    if not texts:
        return 0.0
    body = plain(claim)
    if any(holds_tokens(text, body) for text in texts):
        return 1.0
    features = claim_features(claim, texts)
    chance = SUPPORTED.probability(features)
    return min(WRONG_NUMBER, chance) if features["numbers_missing"] else chance


def claim_features(claim: str, texts: Sequence[str]) -> dict[str, float]:
    """What the model sees: see :func:`serving.evidence.support.word_features`; ``wording`` is the share of the claim's
    pairs of neighbouring tokens that stand side by side in a text; of its only token, whether it does.
    """
    body = plain(claim)
    features = word_features(body, [read_evidence(text) for text in texts])
    tokens = answer_tokens(body)
    runs: list[tuple[str, ...]] = [*pairwise(tokens)] or [(token,) for token in tokens]
    held = [_runs(text) for text in texts]
    features["wording"] = sum(any(run in one for one in held) for run in runs) / max(1, len(runs))
    return features


@lru_cache(maxsize=256)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    tokens = answer_tokens(text)
    return frozenset(pairwise(tokens)) | frozenset((token,) for token in tokens)
