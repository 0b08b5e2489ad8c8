"""Whether the confidences of findings are probabilities, and the counts that make them so.

``python -m benchmarks.loop fit DIR…`` prints the counts for ``feedback/diagnose/calibration.py``. Give it runs over the
``even`` half only: the other one is there to see whether they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.loop_records import Found, Outcome
from feedback.diagnose import calibration

_BINS = 10


class Bin(msgspec.Struct, frozen=True):
    """Findings of about the same confidence: from, to, how many, their mean confidence, the share that was right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


class Reliability(msgspec.Struct, frozen=True):
    """How far confidences are from what happens.

    Attributes:
        count: findings.
        error: expected calibration error (Naeini et al., AAAI 2015): mean distance of confidence and share right over
            ten bins of equal width, weighted by their counts.
        brier: mean squared distance of a confidence from 1 where it was right, from 0 where it was not (Brier, 1950).
        bins: those that are not empty.
    """

    count: int
    error: float
    brier: float
    bins: tuple[Bin, ...]


def reliability(outcomes: Iterable[Outcome]) -> Reliability:
    """How reliable the confidences of a run's findings are; outcomes without a finding are left out."""
    said = [(found.confidence, found.cause in outcome.causes) for outcome, found in _findings(outcomes)]
    bins = []
    for number in range(_BINS):
        inside = [item for item in said if min(_BINS - 1, int(item[0] * _BINS)) == number]
        if inside:
            confidence = sum(value for value, _ in inside) / len(inside)
            right = sum(true for _, true in inside) / len(inside)
            bins.append(Bin(number / _BINS, (number + 1) / _BINS, len(inside), confidence, right))
    total = max(1, len(said))
    return Reliability(
        count=len(said),
        error=sum(item.count * abs(item.confidence - item.right) for item in bins) / total,
        brier=sum((value - true) ** 2 for value, true in said) / total,
        bins=tuple(bins),
    )


def reliability_table(title: str, found: Reliability) -> str:
    """It as Markdown."""
    lines = [
        f"### {title}: {found.count} findings, expected calibration error {found.error:.3f}, Brier {found.brier:.3f}",
        "",
        "| confidence | findings | mean confidence | cause right |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {item.low:.1f}–{item.high:.1f} | {item.count} | {item.confidence:.2f} | {item.right:.2f} |"
            for item in found.bins
        ),
    ]
    return "\n".join([*lines, ""])


def counts(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """How often each rule decided, and how often it was right."""
    return calibration.fit(
        calibration.Outcome(found.rule, found.claimed, found.cause in outcome.causes)
        for outcome, found in _findings(outcomes)
        if found.rule
    )


def print_counts(folders: Sequence[Path]) -> int:
    """Print the counts of several runs as they stand in ``calibration``; of a fault that comes again, the last counts.

    Returns:
        0; 1 where the runs hold no finding that names its rule, or results of the reported half.
    """
    from benchmarks.loop import load

    outcomes = list({outcome.plan.name: outcome for folder in folders for outcome in load(folder)}.values())
    reported = {outcome.plan.name for outcome in outcomes if outcome.plan.half != "even"}
    if reported:
        print(f"{len(reported)} results are of the reported half, as {min(reported)}: give runs with --half even.")
        return 1
    found = counts(outcomes)
    if not found:
        print("No result names the rule that decided. Run the benchmark again.")
        return 1
    print("COUNTED: dict[str, tuple[int, int]] = {")
    for name, (fired, right) in found.items():
        print(f'    "{name}": ({fired}, {right}),')
    print("}")
    return 0


def _findings(outcomes: Iterable[Outcome]) -> Iterable[tuple[Outcome, Found]]:
    for outcome in outcomes:
        if outcome.status == "done" and outcome.found is not None and outcome.found.cause:
            yield outcome, outcome.found
