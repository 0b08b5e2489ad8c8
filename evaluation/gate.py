"""The gate: may a candidate go live, by what the cases show? A function of values; nothing is read, asked or kept.

A metric is worse when three things hold: its mean over the paired cases fell by more than the margin; the paired
permutation test, one-sided and corrected for the number of gated metrics (Holm), says that chance alone does that in
fewer than 1 - confidence of all samples; and it is a metric where less is worse. How often this rule errs is measured
in ``benchmarks/gate_errors.py``; docs/gate.md says how many cases it takes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from math import ceil

import msgspec

from evaluation.comparing.settle import new_to
from evaluation.counted import agreeing, counted
from evaluation.metrics.catalogue import METRICS, metric
from evaluation.permutation import sign_test
from evaluation.records import MUST, Case, CaseResult, GateVerdict, MetricDelta, Reason
from evaluation.sensitivity import cases_needed, smallest_drop
from evaluation.statistics import UNPAIRED, holm, mean_of, metric_names
from ragpress.errors import SettingsError
from ragpress.evaluation_settings import EvaluationSettings, GateSettings

PASSED = "passed"
"""The metric that says of a case whether its answer will do: 1 or 0."""

TELLING_DROP = 0.05
"""A true drop that cases should be enough to show; fewer give a warning."""

_NAMED_CASES = 20


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """All that a verdict rests on; see :func:`decide`."""

    cases: tuple[Case, ...]
    baseline: tuple[CaseResult, ...] | None
    candidate: tuple[CaseResult, ...]
    deltas: dict[str, MetricDelta]
    gate: GateSettings
    settings: EvaluationSettings

    @property
    def alpha(self) -> float:
        """The share of samples in which chance alone may look like a drop."""
        return 1 - self.settings.confidence

    @property
    def pairs(self) -> list[tuple[Case, CaseResult, CaseResult]]:
        """Cases with their results on both sides."""
        return list(zip(self.cases, self.baseline or self.candidate, self.candidate, strict=True))


def decide(
    cases: Sequence[Case],
    baseline: Sequence[CaseResult] | None,
    candidate: Sequence[CaseResult],
    deltas: dict[str, MetricDelta],
    gate: GateSettings,
    settings: EvaluationSettings,
) -> GateVerdict:
    """Whether a candidate may go live, and why not.

    Args:
        cases: the accepted cases.
        baseline: results of the live release in the order of the cases; None where nothing is live yet: then only the
            floors and the ``must`` cases count.
        candidate: results of the candidate, in the same order.
        deltas: candidate against baseline; not used without a baseline.
        gate: the rules.
        settings: the confidence of the test.

    Raises:
        SettingsError: the rules name a metric that there is not, or ask for more certainty than can be drawn.
    """
    check_names(gate, metric_names(candidate) | set(deltas))
    if baseline is not None:
        check_draws(gate, settings)
    judged = Judged(
        cases=tuple(cases),
        baseline=None if baseline is None else tuple(baseline),
        candidate=tuple(candidate),
        deltas=deltas,
        gate=gate,
        settings=settings,
    )
    checks = _checks(judged)
    reasons = tuple(reason for check in checks.values() for reason in check(judged))
    compared = judged.baseline is not None and bool(judged.cases)
    drops = _sensitivity(judged) if compared else {}
    return GateVerdict(
        verdict="refuse" if reasons else "pass",
        checks=tuple(checks),
        reasons=reasons,
        warnings=tuple(_warnings(judged, drops, reasons)) if compared else (),
        sensitivity=drops,
    )


def check_names(gate: GateSettings, measured: set[str]) -> None:
    """Whether the rules name metrics that there are.

    Args:
        gate: the rules.
        measured: names of metrics beside those of the catalogue, such as a judge's.

    Raises:
        SettingsError: one is not; the message names the nearest.
    """
    known = sorted({*METRICS, *measured})
    for key, names in (("metrics", gate.metrics), ("floors", tuple(gate.floors))):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else f" It may be one of: {', '.join(known)}."
                raise SettingsError(f"[gate] {key} names {name!r}, which is no metric.{hint}")


def check_draws(gate: GateSettings, settings: EvaluationSettings) -> None:
    """Whether so few random swaps can show a drop at all: no chance is seen that is smaller than one of them.

    Raises:
        SettingsError: they cannot; every candidate would pass.
    """
    alpha, metrics = 1 - settings.confidence, len(gate.metrics)
    needed = ceil(metrics / alpha)
    if metrics / (2 * (settings.resamples + 1)) >= alpha:
        raise SettingsError(
            f"[evaluation] resamples = {settings.resamples} is too few to show any drop of "
            f"{counted(metrics, 'metric')} at confidence {settings.confidence}; set it to {needed} or more."
        )


def _checks(judged: Judged) -> dict[str, Callable[[Judged], list[Reason]]]:
    """The checks to run, by name."""
    checks: dict[str, Callable[[Judged], list[Reason]]] = {}
    if judged.baseline is not None:
        checks = {"metrics": _worse, "values": _lost, "review": _review, "errors": _errors}
    if judged.gate.floors:
        checks["floors"] = _floors
    if judged.gate.must:
        checks["must"] = _must
    return checks


def _gain(name: str, delta: float) -> float:
    """A difference such that below 0 is worse."""
    return delta if metric(name).higher_is_better else -delta


def _chances(judged: Judged) -> dict[str, float]:
    """By gated metric that was measured on both sides: the corrected one-sided p value of its drop."""
    values = {}
    for name in judged.gate.metrics:
        found = judged.deltas.get(name)
        if found is not None and found.p is not None and found.delta is not None:
            values[name] = found.p / 2 if _gain(name, found.delta) < 0 else 1 - found.p / 2
    return holm(values)


def _worse(judged: Judged) -> list[Reason]:
    chances = _chances(judged)
    return [
        _drop("worse", name, judged.deltas[name], p)
        for name, p in chances.items()
        if _beyond(judged, name) and p < judged.alpha
    ]


def _beyond(judged: Judged, name: str) -> bool:
    delta = judged.deltas[name].delta
    return delta is not None and _gain(name, delta) < -judged.gate.margin


def _drop(code: str, name: str, found: MetricDelta, p: float) -> Reason:
    before, after, delta = found.baseline or 0.0, found.candidate or 0.0, found.delta or 0.0
    low, high = found.ci or (delta, delta)
    values = {
        "before": f"{before:.3f}",
        "after": f"{after:.3f}",
        "delta": f"{delta:+.3f}",
        "low": f"{low:+.3f}",
        "high": f"{high:+.3f}",
        "p": f"{p:.2g}",
        "n": str(found.n),
        "worse": str(found.worse),
        "better": str(found.better),
    }
    how = "is worse" if code == "worse" else "looks worse, which these cases cannot tell from chance"
    message = (
        f"{name} {how}: {values['before']} → {values['after']} ({values['delta']}, interval {values['low']} to "
        f"{values['high']}, p {values['p']}, one-sided and corrected) over {counted(found.n, 'case')}; "
        f"{found.worse} fell, {found.better} rose"
    )
    return Reason(code=code, message=message, metric=name, values=values)


def _lost(judged: Judged) -> list[Reason]:
    """Gated metrics that cases have no value of any more.

    An answer that cites nothing has no citation precision, and one that became an abstention has no faithfulness. So a
    metric's mean can stay while the answers that it was made of are gone.
    """
    reasons = []
    for name in judged.gate.metrics:
        if name in UNPAIRED:
            continue
        lost = [case.id for case, before, after in _judged_pairs(judged) if _went(name, case, before, after)]
        gained = [case.id for case, before, after in _judged_pairs(judged) if _went(name, case, after, before)]
        net = len(lost) - len(gained)
        chance = sign_test(len(gained), len(lost)) / 2 * len(judged.gate.metrics)
        if net > judged.gate.margin * len(judged.cases) and chance < judged.alpha:
            values = {"lost": str(len(lost)), "gained": str(len(gained)), "cases": str(len(judged.cases))}
            message = (
                f"{name} has no value any more in {len(lost)} of {counted(len(judged.cases), 'case')} that had one "
                f"(and a new one in {len(gained)}): answers became abstentions, or lost what it is measured on"
            )
            named = tuple(lost[:_NAMED_CASES])
            reasons.append(Reason(code="lost", message=message, metric=name, cases=named, values=values))
    return reasons


def _went(name: str, case: Case, before: CaseResult, after: CaseResult) -> bool:
    """Whether a case lost its value, and not by an abstention that is right, or in place of a wrong answer."""
    excused = after.abstained and (case.must_abstain or _passes(before) is False)
    return name in before.scores and name not in after.scores and not excused


def _judged_pairs(judged: Judged) -> list[tuple[Case, CaseResult, CaseResult]]:
    return [pair for pair in judged.pairs if all(not side.review and side.error is None for side in pair[1:])]


def _review(judged: Judged) -> list[Reason]:
    ids = [case.id for case, before, after in judged.pairs if before.review or after.review]
    allowed = judged.gate.max_review
    if len(ids) <= allowed * len(judged.cases):
        return []
    message = (
        f"{len(ids)} of {counted(len(judged.cases), 'case')} must be looked at again, for the sources no longer say "
        f"their evidence; at most {allowed:.0%} may be. `ragpress eval cases review` shows them"
    )
    return [_about("review", message, ids, len(judged.cases), allowed)]


def _errors(judged: Judged) -> list[Reason]:
    cases = len(judged.cases)
    new = [case.id for case, before, after in judged.pairs if after.error is not None and before.error is None]
    if len(new) > judged.gate.max_errors * cases:
        message = (
            f"{len(new)} of {counted(cases, 'case')} {agreeing(len(new), 'ends', 'end')} in an error that the live "
            f"release has not; at most {judged.gate.max_errors:.0%} may. The first: {_first_error(judged, new[0])}"
        )
        return [_about("errors", message, new, cases, judged.gate.max_errors)]
    failed = [case.id for case, _, after in judged.pairs if after.error is not None]
    reviewed = sum(bool(before.review or after.review) for _, before, after in judged.pairs)
    if failed and len(failed) + reviewed >= cases:
        message = (
            f"No case could be compared: {len(failed)} {agreeing(len(failed), 'ends', 'end')} in an error. The first: "
            + _first_error(judged, failed[0])
        )
        return [_about("errors", message, failed, cases, judged.gate.max_errors)]
    return []


def _first_error(judged: Judged, case: str) -> str:
    error = next(result.error for result in judged.candidate if result.case == case)
    return "" if error is None else f"{case}: {error.step}: {error.kind}: {error.message}"


def _about(code: str, message: str, ids: list[str], cases: int, allowed: float) -> Reason:
    values = {"found": str(len(ids)), "cases": str(cases), "allowed": f"{allowed:.0%}"}
    return Reason(code=code, message=message, cases=tuple(ids[:_NAMED_CASES]), values=values)


def _floors(judged: Judged) -> list[Reason]:
    reasons = []
    for name, floor in judged.gate.floors.items():
        mean = mean_of(judged.candidate, name)
        if mean is not None and mean >= floor:
            continue
        shown = "has no value" if mean is None else f"is {mean:.3f}"
        message = f"{name} {shown}; [gate] floors asks for at least {floor:.3f}"
        values = {"floor": f"{floor:.3f}", "after": "" if mean is None else f"{mean:.3f}"}
        reasons.append(Reason(code="floor", message=message, metric=name, values=values))
    return reasons


def _must(judged: Judged) -> list[Reason]:
    why = {
        case.id: found
        for case, before, after in judged.pairs
        if MUST in case.tags and (found := _failing(None if judged.baseline is None else before, after))
    }
    if not why:
        return []
    listed = "; ".join(f"{case}: {reason}" for case, reason in list(why.items())[:_NAMED_CASES])
    message = f"{counted(len(why), 'case')} that must pass {agreeing(len(why), 'does', 'do')} not: {listed}"
    values = {"found": str(len(why))}
    return [Reason(code="must", message=message, cases=tuple(why)[:_NAMED_CASES], values=values)]


def _failing(before: CaseResult | None, after: CaseResult) -> str:
    """Why a case that must pass holds the candidate up; "" where it does not."""
    if after.review:
        return f"its evidence must be looked at again ({after.review})"
    failed_before = before is not None and _passes(before) is False
    if failed_before or _passes(after):
        return ""
    if after.error is not None:
        return f"it ended in an error ({after.error.kind}: {after.error.message})"
    if _passes(after) is None:
        return "whether it passes could not be told"
    return "it fails" if before is None or _passes(before) is None else "it passed before and fails now"


def _passes(result: CaseResult) -> bool | None:
    value = result.scores.get(PASSED)
    return None if value is None else value >= 1


def _sensitivity(judged: Judged) -> dict[str, float]:
    gated = [name for name in judged.gate.metrics if (found := judged.deltas.get(name)) and found.delta is not None]
    tail = judged.alpha / max(1, len(gated))
    drops = {}
    for name in gated:
        spread = _spread(judged, name)
        drops[name] = smallest_drop(judged.deltas[name].n, spread, tail, judged.gate.margin)
    return drops


def _spread(judged: Judged, name: str) -> float:
    """Variance of a metric's difference from case to case, over those that the gate tests."""
    found = [
        after.scores[name] - before.scores[name]
        for _, before, after in _judged_pairs(judged)
        if name in after.scores and name in before.scores and not new_to(before, after)
    ]
    mean = sum(found) / len(found) if found else 0.0
    return sum((value - mean) ** 2 for value in found) / len(found) if found else 0.0


def _warnings(judged: Judged, drops: dict[str, float], reasons: tuple[Reason, ...]) -> list[Reason]:
    chances = _chances(judged)
    refused = {reason.metric for reason in reasons if reason.code == "worse"}
    undecided = [
        _drop("undecided", name, judged.deltas[name], p)
        for name, p in chances.items()
        if name not in refused and _beyond(judged, name)
    ]
    return [*undecided, *_unmeasured([name for name in judged.gate.metrics if name not in drops]), *_few(judged, drops)]


def _unmeasured(names: list[str]) -> list[Reason]:
    if not names:
        return []
    listed = ", ".join(names)
    gated = f"{listed} {agreeing(len(names), 'is', 'are')} gated"
    message = f"{gated}, and no case has a value of {agreeing(len(names), 'it', 'them')} on both sides"
    return [Reason(code="unmeasured", message=message, metric=listed)]


def _few(judged: Judged, drops: dict[str, float]) -> list[Reason]:
    blind = {name: drop for name, drop in drops.items() if drop > TELLING_DROP}
    if not blind:
        return []
    name, drop = max(blind.items(), key=lambda item: item[1])
    n, tail = judged.deltas[name].n, judged.alpha / len(drops)
    needed = cases_needed(TELLING_DROP, _spread(judged, name), tail, judged.gate.margin)
    values = {"n": str(n), "drop": f"{100 * drop:.0f}", "needed": "" if needed is None else str(needed)}
    enough = "" if needed is None else f"; for {100 * TELLING_DROP:.0f} points it takes about {needed}"
    message = f"{counted(n, 'case')} {agreeing(n, 'shows', 'show')} with certainty only a drop of {name} by "
    message += f"{100 * drop:.0f} points or more{enough}"
    return [Reason(code="few_cases", message=message, metric=name, values=values)]
