"""Logistic regression and the measures of scores against labels, in plain numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from serving.evidence.calibration import Logistic

Floats = npt.NDArray[np.float64]


def fit_logistic(
    rows: Sequence[Mapping[str, float]], labels: Sequence[bool], weights: Sequence[float], names: Sequence[str],
    penalty: float = 1.0,
) -> Logistic:  # fmt: skip
    """Logistic regression with an L2 penalty on every weight but the intercept, by Newton's method.

    Args:
        rows: features by name; a missing one is 0.
        labels: what is to be predicted.
        weights: how much each row counts.
        names: the features to use.
        penalty: of the squared weights.
    """
    matrix = np.array([[1.0, *(row.get(name, 0.0) for name in names)] for row in rows])
    target, counts = np.array(labels, dtype=np.float64), np.array(weights, dtype=np.float64)
    ridge = np.diag([1e-9, *[penalty] * len(names)])
    found = np.zeros(len(names) + 1)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(matrix @ found, -30, 30)))
        gradient = matrix.T @ (counts * (target - chance)) - ridge @ found
        curvature = (matrix * (counts * chance * (1 - chance))[:, None]).T @ matrix + ridge
        step = np.linalg.solve(curvature, gradient)
        found += step
        if np.abs(step).max() < 1e-8:
            break
    return Logistic(
        round(float(found[0]), 3), {name: round(float(w), 3) for name, w in zip(names, found[1:], strict=True)}
    )


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Chance that a positive scores above a negative, ties counting half."""
    ranks = _ranks(np.asarray(scores, dtype=np.float64))
    positive = np.asarray(labels, dtype=np.bool_)
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation."""
    return float(
        np.corrcoef(_ranks(np.asarray(one, dtype=np.float64)), _ranks(np.asarray(other, dtype=np.float64)))[0, 1]
    )


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Floats = ((last - counts + 1 + last) / 2)[inverse]
    return shared


class Operating(msgspec.Struct, frozen=True):
    """What a threshold does.

    Attributes:
        threshold: scores from it on count as positive.
        recall: share of the positives found.
        specificity: share of the negatives refused.
    """

    threshold: float
    recall: float
    specificity: float

    @property
    def balanced(self) -> float:
        """Balanced accuracy."""
        return (self.recall + self.specificity) / 2


def operating_point(scores: Sequence[float], labels: Sequence[bool], threshold: float) -> Operating:
    """Recall and specificity at a threshold."""
    chosen, positive = np.asarray(scores) >= threshold, np.asarray(labels, dtype=np.bool_)
    return Operating(threshold, float(chosen[positive].mean()), float((~chosen[~positive]).mean()))


def best_threshold(scores: Sequence[float], labels: Sequence[bool], least_recall: float = 0.0) -> Operating:
    """The threshold of the best balanced accuracy among those that find a share of the positives at least."""
    points = [operating_point(scores, labels, float(value)) for value in np.unique(np.asarray(scores))]
    return max((point for point in points if point.recall >= least_recall), key=lambda point: point.balanced)
