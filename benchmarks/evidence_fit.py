"""Fits the constants of ``serving.evidence.calibration`` on the ``fit`` halves of sets whose licence allows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from benchmarks.evidence_sets import FIT, Asked
from benchmarks.fitting import Operating, best_threshold, fit_logistic
from benchmarks.support_sets import Claim
from serving.evidence.calibration import MIXED_FROM, WRONG_NUMBER, Logistic

Features = dict[str, float]
# A threshold refuses at most this share of what is right: a false refusal costs a reader more than a missed one.
LEAST_RECALL = 0.9
_UNANSWERED = {"paragraph gone": 0.3, "article gone": 0.5, "not found": 0.2, "other subject": 1.0}
_ABROAD = 3.25

EVIDENCE_FEATURES = {
    "EVIDENCE": (
        "cosine", "coverage_passage", "coverage_best", "names_missing", "numbers_missing", "kind_held", "han",
    ),
    "EVIDENCE_WORDS": (
        "coverage", "coverage_passage", "coverage_best", "names_missing", "numbers_missing", "kind_held",
    ),
    "EVIDENCE_MIXED": ("cosine", "coverage_best", "first", "foreign", "han"),
    "EVIDENCE_MIXED_WORDS": ("coverage_best", "first", "foreign"),
    "EVIDENCE_ACROSS": ("cosine", "coverage", "kind_held", "han"),
    "EVIDENCE_ACROSS_WORDS": ("coverage", "kind_held"),
}  # fmt: skip
SUPPORT_FEATURES = {
    "SUPPORT": ("coverage", "coverage_best", "pairs", "numbers_apart", "negation", "cosine"),
    "SUPPORT_WORDS": ("coverage", "coverage_best", "pairs", "numbers_apart", "negation"),
    "SUPPORT_ACROSS": ("cosine", "coverage", "numbers_missing"),
    "SUPPORT_ACROSS_WORDS": ("coverage",),
}


class Example(msgspec.Struct, frozen=True):
    """One row to fit on, or to score.

    Attributes:
        name: the set and what was done to it; what stands before a comma is the set.
        features: what the model sees.
        label: what it should say.
        half: ``fit`` or ``report``.
    """

    name: str
    features: Features
    label: bool
    half: str

    @property
    def across(self) -> bool:
        """Whether words of one side cannot stand in the other."""
        return bool(self.features.get("across"))

    @property
    def model(self) -> str:
        """Which kind of model sees it: by whether none, some or all of the evidence is in another script."""
        if self.across:
            return "ACROSS"
        return "MIXED" if self.features.get("foreign", 0.0) > MIXED_FROM else ""

    @property
    def weight(self) -> float:
        """How much its situation counts. In a corpus of two languages an answer in the other one is what is easily
        taken for none; passages of the right article that lack the answer say least about a question."""
        if "mixed" not in self.name:
            return 1.0
        if not self.label:
            return next((weight for what, weight in _UNANSWERED.items() if what in self.name), 1.0)
        return _ABROAD if "en -> zh" in self.name or "zh -> en" in self.name else 1.0


def question_examples(asked: Sequence[Asked], features: Sequence[Features]) -> list[Example]:
    """Questions as examples."""
    return [Example(one.name, seen, one.answerable, one.half) for one, seen in zip(asked, features, strict=True)]


def claim_examples(claims: Sequence[Claim], features: Sequence[Features]) -> list[Example]:
    """Claims as examples."""
    return [Example(one.name, seen, one.supported, one.half) for one, seen in zip(claims, features, strict=True)]


def fit_models(examples: Sequence[Example], wanted: dict[str, tuple[str, ...]]) -> dict[str, Logistic]:
    """One model for each name; those with ACROSS in it are fitted where the scripts differ, those with MIXED where
    some do, the others where none does."""
    kinds = {name: next((kind for kind in ("ACROSS", "MIXED") if kind in name), "") for name in wanted}
    return {name: _fitted(examples, names, kinds[name]) for name, names in wanted.items()}


def _fitted(examples: Sequence[Example], names: Sequence[str], kind: str) -> Logistic:
    # corpora in two languages are fitted on only for contexts in two languages
    rows = [
        row
        for row in examples
        if row.half == FIT
        and row.model == kind
        and not row.name.startswith("rgb")
        and ("mixed" in row.name) == (kind == "MIXED")
    ]
    # every set counts the same, and as much for as against; of mixed corpora every situation counts as it weighs
    counts = Counter(_share(row) for row in rows)
    weights = [200 * row.weight / counts[_share(row)] for row in rows]
    return fit_logistic([row.features for row in rows], [row.label for row in rows], weights, names)


def _share(row: Example) -> tuple[str, bool]:
    return (row.name if "mixed" in row.name else row.name.split(",")[0]), row.label


def chosen_threshold(examples: Sequence[Example], same: Logistic, across: Logistic) -> Operating:
    """The threshold that the default settings take: the best balanced accuracy on the ``fit`` half that keeps nine in
    ten of what is right."""
    rows = [row for row in examples if row.half == FIT and "mixed" not in row.name and not row.name.startswith("rgb")]
    scores = [score(row.features, across if row.across else same) for row in rows]
    return best_threshold(scores, [row.label for row in rows], LEAST_RECALL)


def score(features: Features, model: Logistic) -> float:
    """What the checker or the scorer gives for these features."""
    capped = WRONG_NUMBER if "numbers_apart" in features and features.get("numbers_missing") else 1.0
    return model.probability(features) * capped


def as_source(name: str, model: Logistic) -> str:
    """A model as it stands in the source."""
    weights = ", ".join(f'"{feature}": {weight:g}' for feature, weight in model.weights.items())
    return f"{name} = Logistic({model.intercept:g}, {{{weights}}})"
