"""A comparison as Markdown, for the comment on a pull request: verdict, deltas, the changed cases.

Questions, answers and names of files are data: nothing in them becomes a link, a mention, a picture or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evaluation.comparing.records import ChangedCase, Comparison
from evaluation.counted import counted
from evaluation.records import CaseResult, MetricDelta
from ragpress.console import printable

P_NOTE = "p is two-sided and not corrected; the gate decides by a one-sided p, corrected for the gated metrics"
"""What a table of deltas says of its p values."""

_ACTIVE = re.compile(r"[&<>|*_`\[\]()#@!\\~:$\"'{}+=^-]")
_ADDRESS = re.compile(r"(?i)www(?=\.)")
_MOST_CASES = 10
_CHARACTERS = 400
_ROOM = 40_000
# Of the changed cases together: a comment on GitHub takes at most 65,536 characters.


def markdown(comparison: Comparison, tested: tuple[str, ...]) -> str:
    """The summary of a comparison.

    Args:
        comparison: the comparison.
        tested: the metrics that may not get worse; the others are folded away.
    """
    return "\n".join(_lines(comparison, tested)) + "\n"


def _lines(comparison: Comparison, tested: tuple[str, ...]) -> Iterator[str]:
    verdict = comparison.verdict
    before, after = comparison.baseline.subject, comparison.candidate.subject
    passed = verdict.verdict == "pass"
    yield f"### {'✅ The gate passes' if passed else '❌ The gate refuses'}: {plain(after.label)}"
    yield ""
    sides = (f"`{side.release}` ({plain(side.label)})" for side in (before, after))
    yield f"{' → '.join(sides)}, {_counts(comparison)}"
    yield ""
    for reason in verdict.reasons:
        yield f"- **{plain(reason.code)}**: {plain(reason.message)}"
    for warning in verdict.warnings:
        named = f" ({', '.join(map(plain, warning.cases))})" if warning.cases else ""
        yield f"- ⚠️ {plain(warning.message)}{named}"
    if verdict.reasons or verdict.warnings:
        yield ""
    yield from _table(comparison.metrics, [name for name in tested if name in comparison.metrics])
    yield f"_{P_NOTE}_"
    yield ""
    others = sorted(name for name in comparison.metrics if name not in tested)
    if others:
        yield "<details><summary>All metrics</summary>"
        yield ""
        yield from _table(comparison.metrics, others)
        yield "</details>"
        yield ""
    yield from _changed(comparison)


def _counts(comparison: Comparison) -> str:
    cases = len(comparison.cases)
    sides = {"candidate": comparison.candidate.totals, "baseline": comparison.baseline.totals}
    review = sum(bool(result.review) for result in comparison.candidate.results)
    errors = sum(result.error is not None for result in comparison.candidate.results)
    done = "; ".join(f"{side}: {one.judged} judged, {one.reused} reused" for side, one in sides.items())
    left = (f"; {review} for review" if review else "") + (f"; {counted(errors, 'error')}" if errors else "")
    return f"{counted(cases, 'case')}; {done}{left}"


def _table(metrics: dict[str, MetricDelta], names: list[str]) -> Iterator[str]:
    yield "| metric | before | after | change | interval | p | cases |"
    yield "| --- | ---: | ---: | ---: | :---: | ---: | ---: |"
    for name in names:
        found = metrics[name]
        cells = (plain(name), _figure(found.baseline), _figure(found.candidate), _delta(found))
        p = "" if found.p is None else f"{found.p:.3f}"
        yield "| " + " | ".join((*cells, _interval(found.ci), p, str(found.n))) + " |"
    yield ""


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _delta(found: MetricDelta) -> str:
    if found.delta is None:
        return "–"
    arrow = "▲ " if found.delta > 0 else "▼ " if found.delta < 0 else ""
    return f"{arrow}{found.delta:+.3f}"


def _interval(ci: tuple[float, float] | None) -> str:
    return "–" if ci is None else f"{ci[0]:+.3f} … {ci[1]:+.3f}"


def _changed(comparison: Comparison) -> Iterator[str]:
    results = {
        result.case: (before, result)
        for before, result in zip(comparison.baseline.results, comparison.candidate.results, strict=True)
    }
    changed = comparison.changed
    worse = sum(case.direction == "worse" for case in changed)
    better = sum(case.direction == "better" for case in changed)
    yield f"**{counted(len(changed), 'case')} changed**: {worse} worse, {better} better"
    yield ""
    room, shown = _ROOM, 0
    for case in changed[:_MOST_CASES]:
        lines = tuple(_case(case, *results[case.case]))
        room -= sum(len(line) + 1 for line in lines)
        if room < 0:
            break
        shown += 1
        yield from lines
    if len(changed) > shown:
        yield f"… and {len(changed) - shown} more in the report."


def _case(changed: ChangedCase, before: CaseResult, after: CaseResult) -> Iterator[str]:
    sign = {"worse": "🔻", "better": "🔺", "other": "▫️"}[changed.direction]
    failed = ", **fails now**" if changed.newly_failed else ", passes now" if changed.newly_passed else ""
    yield f"<details><summary>{sign} {plain(changed.case)}: {plain(changed.question)}</summary>"
    yield ""
    scores = [f"{plain(one.name)} {_figure(one.before)} → {_figure(one.after)}" for one in changed.scores]
    yield f"{', '.join(scores) or 'no score differs'}{failed}"
    yield ""
    for why in changed.why:
        yield f"- {plain(why.message)}"
    yield ""
    if changed.same_answer:
        yield f"Same answer: {plain(_text(after))}"
    else:
        yield f"Before: {plain(_text(before))}"
        yield ""
        yield f"After: {plain(_text(after))}"
    yield ""
    yield "</details>"
    yield ""


def _text(result: CaseResult) -> str:
    if result.error is not None:
        return f"(error) {result.error.message}"
    return result.answer or ""


def plain(text: str) -> str:
    """A text that Markdown shows as it stands, on one line, cut where it is long."""
    flat = " ".join(printable(text).split())
    flat = flat if len(flat) <= _CHARACTERS else flat[: _CHARACTERS - 1] + "…"
    shown = _ACTIVE.sub(lambda match: f"&#{ord(match.group())};", flat)
    # A word joiner keeps a name after an at sign from being a mention; a bare address from being a link.
    return _ADDRESS.sub("www\u2060", shown.replace("&#64;", "&#64;\u2060"))
