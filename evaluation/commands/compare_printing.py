"""What ``ragpress eval compare`` shows on a terminal: the verdict first, deltas, the changed cases, the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.comparing.markdown import P_NOTE
from evaluation.counted import counted
from ragpress.console import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from evaluation.comparing.records import ChangedCase
    from evaluation.comparing.session import Compared
    from evaluation.records import MetricDelta

_MOST_CASES = 10
_DIRECTIONS = {"worse": ("▼", "red"), "better": ("▲", "green"), "other": ("·", "dim")}


def compared(record: Compared, out: Console) -> None:
    """The outcome of a comparison."""
    from rich.text import Text  # noqa: PLC0415

    passed = record.gate.verdict == "pass"
    head = ("The gate passes it", "bold green") if passed else ("The gate refuses it", "bold red")
    before, after = record.sides
    out.print(Text.assemble(head, f": {printable(before.label)} → {printable(after.label)}"))
    for reason in record.gate.reasons:
        out.print(Text(f"  {printable(reason)}", "red"))
    for warning in record.gate.warnings:
        out.print(Text(f"  {printable(warning)}", "yellow"))
    out.print(_table(record.metrics, record.tested))
    out.print(Text(f"{P_NOTE}\n", "dim"))
    if record.judge is not None:
        judge = record.judge
        out.print(Text(f"{printable(judge.model)} as judge, {judge.repeats} times each, no part of the gate:"))
        out.print(_table(judge.deltas, tuple(judge.deltas)))
    _cases(record, out)
    counts = f"{counted(record.cases, 'case')}; candidate: {record.judged} judged, {record.reused} reused"
    if record.reused:
        counts += f" (saved {record.saved_seconds:.1f} s" + (
            f", {record.saved_tokens} tokens)" if record.saved_tokens else ")"
        )
    counts += f"; baseline: {record.baseline_judged} judged, {record.baseline_reused} reused"
    counts += f"; {record.review} for review" if record.review else ""
    counts += f"; {counted(record.errors, 'error')}" if record.errors else ""
    out.print(Text(counts), soft_wrap=True)
    out.print(Text(f"Report: {record.report}"), soft_wrap=True)


def _table(metrics: dict[str, MetricDelta], names: tuple[str, ...]) -> Table:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("metric", no_wrap=True)
    for name in ("before", "after", "change", "interval", "p", "cases"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in names:
        if (found := metrics.get(name)) is None:
            continue
        arrow, style = _direction(found)
        change = "–" if found.delta is None else f"{arrow} {found.delta:+.3f}"
        interval = "–" if found.ci is None else f"{found.ci[0]:+.3f} … {found.ci[1]:+.3f}"
        p = "" if found.p is None else f"{found.p:.3f}"
        figures = (_figure(found.baseline), _figure(found.candidate), change, interval, p, str(found.n))
        table.add_row(name, *figures, style=style)
    return table


def _direction(found: MetricDelta) -> tuple[str, str]:
    """An arrow, and a colour only where chance is an unlikely cause."""
    if not found.delta:
        return "·", ""
    arrow, colour = _DIRECTIONS["better" if found.delta > 0 else "worse"]
    sure = found.ci is not None and (found.ci[0] > 0 or found.ci[1] < 0)
    return arrow, colour if sure else ""


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _cases(record: Compared, out: Console) -> None:
    from rich.text import Text  # noqa: PLC0415

    changed = record.changed_cases
    if not changed:
        out.print(Text("No case changed."))
        return
    worse = sum(case.direction == "worse" for case in changed)
    better = sum(case.direction == "better" for case in changed)
    out.print(Text(f"{counted(len(changed), 'case')} changed: {worse} worse, {better} better"))
    for case in changed[:_MOST_CASES]:
        _case(case, out)
    if len(changed) > _MOST_CASES:
        out.print(Text(f"  … and {len(changed) - _MOST_CASES} more in the report"))


def _case(case: ChangedCase, out: Console) -> None:
    from rich.text import Text  # noqa: PLC0415

    sign, style = _DIRECTIONS[case.direction]
    state = "  fails now" if case.newly_failed else "  passes now" if case.newly_passed else ""
    named = f"  {sign} {printable(case.case)}  {printable(case.question)}"
    out.print(Text.assemble((named, style), (state, f"bold {style}")))
    for why in case.why:
        out.print(Text(f"      {printable(why.message)}", "dim"))
