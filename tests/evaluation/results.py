"""Results of cases for tests of what is reckoned of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from evaluation.records import CaseError, CaseResult
from ragpress.evaluation_settings import EvaluationSettings

FEW = EvaluationSettings(resamples=1_000)


def result(case: str, scores: Mapping[str, float] | None = None, *, review: str = "", error: str = "") -> CaseResult:
    """The result of one case."""
    found = CaseError("generate", "GeneratorError", error) if error else None
    return CaseResult(case=case, fingerprint="", key="", scores=dict(scores or {}), review=review, error=found)


def results(**columns: Sequence[float | None]) -> list[CaseResult]:
    """Results by metric and case; None where a case has no value."""
    found = []
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        values = dict(zip(columns, row, strict=True))
        missing = {name: "not told" for name, value in values.items() if value is None}
        scores = {name: value for name, value in values.items() if value is not None}
        found.append(msgspec.structs.replace(result(f"case-{number:04d}", scores), missing=missing))
    return found


def coins(chance: float, cases: int, seed: int) -> list[float]:
    """Zeros and ones."""
    drawn = np.random.default_rng(seed).random(cases) < chance
    return [float(value) for value in drawn]
