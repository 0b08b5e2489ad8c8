"""Tables of the gate's error rates, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np

from benchmarks.gate_draws import (
    BETWEEN,
    NOTHING,
    REGRESSION,
    REPORT,
    SIZES,
    TUNE,
    Effect,
    Rule,
    disagreements,
)
from benchmarks.gate_run import Outcome

_KINDS_AT = 400
_BANDS = ((0.05, 0.07), (0.07, 0.1), (0.1, 0.2), (0.2, 1.01))
_Z = 1.96
_MOST = 0.05

RULES = {
    "the gate's": Rule(),
    "not corrected for the number of metrics": Rule(corrected=False),
    "half the margin": Rule(margin=0.01),
    "no margin": Rule(margin=0.0),
    "level 0.10": Rule(alpha=0.1),
    "level 0.01": Rule(alpha=0.01),
}


class Rates:
    """Refusals of every change by the size of the sample, under one rule.

    Args:
        effects: evaluated changes.
        draws: samples of each size from each change.
        rule: the gate.
    """

    def __init__(self, effects: Sequence[Effect], draws: int, rule: Rule, sizes: Sequence[int] = SIZES) -> None:
        self.effects = list(effects)
        self._refused = {
            size: np.array([np.mean(effect.verdicts(size, draws, rule) != "") for effect in self.effects])
            for size in sizes
        }

    def of(self, size: int, wanted: Callable[[Effect], bool]) -> tuple[float, int]:
        """Mean share of samples that are refused, over some changes; and how many changes these are."""
        rows = [at for at, effect in enumerate(self.effects) if wanted(effect)]
        return (float(self._refused[size][rows].mean()) if rows else float("nan")), len(rows)


def report(outcomes: Sequence[Outcome], draws: int, checked: int = 300) -> str:
    """The tables.

    Args:
        outcomes: of evaluated changes.
        draws: samples of each size from each change.
        checked: samples on which the product itself decides too.
    """
    effects = [Effect(outcome) for outcome in outcomes]
    tune = [effect for effect in effects if effect.half == TUNE]
    reported = [effect for effect in effects if effect.half == REPORT]
    rates = Rates(reported, draws, Rule())
    differ, tried = disagreements(effects, checked)
    return "\n\n".join(
        (
            _overview(effects),
            f"Of {tried} samples, {differ} are decided otherwise by the shortcut than by the product.",
            "Rules on the `tune` half:\n\n" + _rules(tune, draws),
            "The gate on the `report` half:\n\n" + _by_size(rates),
            _needed(rates),
            "Refused though only chance tells the two apart (all changes, the releases swapped in each case at random):"
            "\n\n" + _by_chance(reported, draws),
            "Missed, by true drop:\n\n" + _by_band(rates),
            f"By sort of change, {_KINDS_AT} cases:\n\n" + _by_kind(rates),
        )
    )


def _overview(effects: Sequence[Effect]) -> str:
    counts = Counter((effect.outcome.pool, effect.truth) for effect in effects)
    rows = [
        [pool, *(str(counts[pool, truth]) for truth in (NOTHING, BETWEEN, REGRESSION))]
        for pool in dict.fromkeys(effect.outcome.pool for effect in effects)
    ]
    total = ["all", *(str(sum(int(row[at]) for row in rows)) for at in (1, 2, 3))]
    return _table(["pool", "nothing that matters", "between", "regression of 5 points or more"], [*rows, total])


def _rules(effects: Sequence[Effect], draws: int) -> str:
    sizes = (100, 200, 400, 800)
    rows = []
    for name, rule in RULES.items():
        rates = Rates(effects, draws, rule, sizes)
        shares = (f"{_percent(_false(rates, size)[0])} / {_percent(_missed(rates, size)[0])}" for size in sizes)
        rows.append([name, *shares])
    return _table(["false refusals / missed regressions", *(f"{size} cases" for size in sizes)], rows)


def _by_size(rates: Rates) -> str:
    rows = [[str(size), _with_interval(*_false(rates, size)), _with_interval(*_missed(rates, size))] for size in SIZES]
    _, nothing = _false(rates, SIZES[0])
    _, regressions = _missed(rates, SIZES[0])
    return _table(["cases", f"false refusals ({nothing} changes)", f"missed regressions ({regressions} changes)"], rows)


def _by_chance(effects: Sequence[Effect], draws: int) -> str:
    """Under the worst noise there can be: as many cases differ as under real changes, and in no direction."""
    sizes = (50, 100, 200, 400, 800)
    shares = [
        np.mean([np.mean(effect.verdicts(size, draws, Rule(), swapped=True) != "") for effect in effects])
        for size in sizes
    ]
    return _table(["cases", *map(str, sizes)], [["refused", *(_percent(float(share)) for share in shares)]])


def _needed(rates: Rates) -> str:
    good = [size for size in SIZES if max(_false(rates, size)[0], _missed(rates, size)[0]) <= _MOST]
    enough = next((size for size in good if all(other in good for other in SIZES if other >= size)), None)
    return (
        f"No size of {SIZES[-1]} or less keeps both at {_MOST:.0%} or less."
        if enough is None
        else f"Both stay at {_MOST:.0%} or less from {enough} cases on."
    )


def _by_band(rates: Rates) -> str:
    rows = []
    for low, high in _BANDS:
        found = [rates.of(size, lambda effect, low=low, high=high: low <= effect.drop < high) for size in SIZES]  # type: ignore[misc]
        name = f"{100 * low:.0f} to {100 * high:.0f} points" if high <= 1 else f"{100 * low:.0f} points or more"
        rows.append([f"{name} ({found[0][1]} changes)", *(_percent(1 - share) for share, _ in found)])
    return _table(["true drop", *(str(size) for size in SIZES)], rows)


def _by_kind(rates: Rates) -> str:
    rows = []
    for kind in sorted({effect.outcome.kind for effect in rates.effects}):
        cells = [kind]
        for truth, missed in ((NOTHING, False), (REGRESSION, True)):
            share, count = rates.of(
                _KINDS_AT,
                lambda effect, kind=kind, truth=truth: effect.outcome.kind == kind and effect.truth == truth,  # type: ignore[misc]
            )
            cells.append(f"{_percent(1 - share if missed else share)} of {count}" if count else "")
        rows.append(cells)
    return _table(["sort", "false refusals", "missed regressions"], rows)


def _false(rates: Rates, size: int) -> tuple[float, int]:
    return rates.of(size, lambda effect: effect.truth == NOTHING)


def _missed(rates: Rates, size: int) -> tuple[float, int]:
    share, count = rates.of(size, lambda effect: effect.truth == REGRESSION)
    return 1 - share, count


def _with_interval(share: float, changes: int) -> str:
    """A share with the Wilson interval of as many trials as there are changes: samples of one change are alike."""
    if not changes:
        return ""
    centre = (share + _Z**2 / (2 * changes)) / (1 + _Z**2 / changes)
    half = _Z * sqrt(share * (1 - share) / changes + _Z**2 / (4 * changes**2)) / (1 + _Z**2 / changes)
    return f"{_percent(share)} ({_percent(max(0.0, centre - half))} to {_percent(min(1.0, centre + half))})"


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
