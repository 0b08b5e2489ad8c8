"""Fits the constants of ``evaluation.metrics.claims`` and ``evaluation.metrics.correctness``.

Only on the ``fit`` halves, and only of sets whose licence allows it: MTRAG (Apache-2.0), HaluEval (MIT), XQuAD
(CC BY-SA). Every set counts the same, and as much for as against.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.evidence_fit import as_source
from benchmarks.evidence_sets import FIT
from benchmarks.fitting import fit_logistic
from benchmarks.judging_sets import (
    Judged,
    halueval_answers,
    halueval_judged,
    halueval_statements,
    mtrag_damaged,
    mtrag_judged,
    xquad_judged,
)
from benchmarks.support_sets import Rated, mtrag_answers
from evaluation.metrics.claims import SUPPORTED, claim_features
from evaluation.metrics.correctness import ACROSS, WITHIN, chance_of, cosine_features, word_features
from evaluation.metrics.steady import SteadyEmbedder
from serving.evidence.calibration import Logistic

# Every third question across languages: their texts must be embedded.
ACROSS_STEP = 3


class _Example(msgspec.Struct, frozen=True):
    name: str
    features: Mapping[str, float]
    label: bool


def faithfulness_model() -> Logistic:
    """The model of a claim's support, fitted on whole answers: their claims' features are averaged."""
    sets = {"mtrag": written(mtrag_answers()), "halueval": halueval_answers(), "statements": halueval_statements()}
    examples = [
        _Example(name, _mean([claim_features(claim, one.evidence) for claim in one.claims]), one.faithful)
        for name, answers in sets.items()
        for one in answers
        if one.half == FIT
    ]
    return _fitted(examples, list(SUPPORTED.weights))


def correctness_models(embedder: SteadyEmbedder) -> tuple[Logistic, Logistic]:
    """The models within a script and across scripts."""
    rated = mtrag_judged()
    judged = [*rated, *mtrag_damaged(rated), *halueval_judged(), *xquad_judged("en", "en"), *xquad_judged("zh", "zh")]
    for pair in (("en", "zh"), ("zh", "en")):
        judged += xquad_judged(*pair, step=ACROSS_STEP)
    examples = [
        _Example(one.name.split(", ")[0], correctness_features(one, embedder), one.right)
        for one in judged
        if one.half == FIT
    ]
    # A Latin name as the answer to a Chinese question, and the like, are too few to speak for a set.
    within = [row for row in examples if not row.features["across"] and not _abroad(row.name)]
    across = [row for row in examples if row.features["across"] and _abroad(row.name)]
    return _fitted(within, list(WITHIN.weights)), _fitted(across, list(ACROSS.weights))


def correctness_features(one: Judged, embedder: SteadyEmbedder | None) -> dict[str, float]:
    """What the model sees of an answer and the reference that speaks best for it."""
    found = []
    for reference in one.references:
        features = word_features(one.question, one.answer, reference)
        if features["across"] and embedder is not None:
            features |= cosine_features(embedder, one.question, one.answer, reference)
        found.append(features)
    return max(found, key=chance_of)


def print_fit(embedder: SteadyEmbedder) -> str:
    """The constants as they stand in the source."""
    within, across = correctness_models(embedder)
    models = {"SUPPORTED": faithfulness_model(), "WITHIN": within, "ACROSS": across}
    return "\n".join(as_source(name, model) for name, model in models.items())


def written(answers: Sequence[Rated]) -> list[Rated]:
    """The answers that a model wrote."""
    return [answer for answer in answers if answer.model != "reference"]


def _abroad(name: str) -> bool:
    """Whether the answers of a set are in another language than its references."""
    return "->" in name and not name.endswith(("en -> en", "zh -> zh"))


def _mean(features: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(one[name] for one in features) for name in SUPPORTED.weights}


def _fitted(examples: Sequence[_Example], names: Sequence[str]) -> Logistic:
    counts = Counter((row.name, row.label) for row in examples)
    weights = [200 / counts[row.name, row.label] for row in examples]
    return fit_logistic([row.features for row in examples], [row.label for row in examples], weights, names)
