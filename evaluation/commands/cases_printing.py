"""How cases, their review and imports are printed for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluation.counted import counted

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.cases.importing.records import ImportReport
    from evaluation.cases.review import ChangedCases, ReviewList
    from evaluation.records import Case

_STYLES = {"accepted": "green", "proposed": "yellow", "rejected": "dim"}
_LONGEST = 240
_SHOWN = 20


def listed(record: dict[str, Any], out: Console) -> None:
    """Cases, a row each, and how many there are in each state."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for column in ("id", "state", "question", "answer", "evidence", "tags"):
        table.add_column(column, overflow="fold", no_wrap=column == "state")
    for case in record["cases"]:
        sources = ", ".join(dict.fromkeys(item.source for item in case.evidence))
        state = Text(case.state, style=_STYLES[case.state])
        cells = (_short(case.question), _answer(case), sources, ", ".join(case.tags))
        table.add_row(Text(case.id), state, *map(Text, cells))
    if record["cases"]:
        out.print(table, soft_wrap=False)
    out.print(_counts(record["counts"]), style="bold", markup=False)


def shown(record: dict[str, Any], out: Console) -> None:
    """One case with where its evidence lies."""
    case: Case = record["case"]
    out.print(case.id, style="bold", markup=False, end=" ")
    out.print(case.state, style=_STYLES[case.state], end=" ")
    out.print(f"({case.origin}, {record['file']}, line {record['line']})", style="dim", markup=False)
    for turn in case.history:
        out.print(f"  {turn.role}: {_short(turn.content)}", style="dim", markup=False)
    out.print(f"question: {case.question}", markup=False)
    out.print(f"answer:   {_answer(case)}", markup=False)
    for other in case.answers:
        out.print(f"or:       {other}", markup=False)
    located = record["evidence"] or [None] * len(case.evidence)
    for number, (item, found) in enumerate(zip(case.evidence, located, strict=True), 1):
        state = "" if found is None else f" [{found.state}]"
        out.print(f"evidence {number}{state}: {item.source}: “{_short(item.quote)}”", markup=False)
        if found is not None and found.reason:
            out.print(f"    {found.reason}", style="yellow", markup=False)
    for name, values in (
        ("tags", case.tags),
        ("asked by", case.principal),
        ("note", (case.note,) if case.note else ()),
    ):
        if values:
            out.print(f"{name}: {', '.join(values)}", markup=False)


def reviewed(record: ReviewList, out: Console) -> None:
    """Evidence that is not where the cases say: what they quote, and what stands there now."""
    for item in record.items:
        out.print(f"{item.case}  {_short(item.question)}", style="bold", markup=False)
        out.print(f"  evidence {item.evidence} {item.state}: {_short(item.reason)}", style="yellow", markup=False)
        out.print(f"  - {item.source}: “{_short(item.quote)}”", style="red", markup=False)
        if item.suggestion is not None:
            out.print(f"  + {item.suggestion.source}: “{_short(item.suggestion.quote)}”", style="green", markup=False)
    cases = len({item.case for item in record.items})
    out.print(
        f"{cases} of {counted(record.cases, 'case')} to look at (release {record.release}).", style="bold", markup=False
    )
    if record.items:
        out.print(
            "Mend one: ragpress eval cases update CASE --quote … (or --suggested); "
            "all that only moved: ragpress eval cases update --moved",
            markup=False,
        )


def changed(record: ChangedCases, out: Console) -> None:
    """Which cases were changed."""
    names = ", ".join(record.cases[:_SHOWN]) + (", …" if len(record.cases) > _SHOWN else "")
    where = f" in {', '.join(record.files)}" if record.files else ""
    out.print(f"{counted(len(record.cases), 'case')} changed{where}" + (f": {names}" if names else ""), markup=False)
    for note in record.notes:
        out.print(f"  {note}", style="yellow", markup=False)


def imported(report: ImportReport, out: Console) -> None:
    """What became of an import."""
    into = f" into cases/{report.file}" if report.file else ""
    out.print(f"{counted(report.imported, 'case')} imported{into}: {report.accepted} accepted, ", markup=False, end="")
    out.print(f"{report.imported - report.accepted} proposed; {report.duplicates} were known", markup=False, end="")
    out.print(f", {report.mended} of them mended." if report.mended else ".", markup=False)
    for title, rows in (
        ("Evidence to look at", [f"{item.case}: {item.reason}" for item in report.unmatched]),
        ("No case", [f"{item.where}: {item.reason}" for item in report.refused]),
    ):
        if rows:
            out.print(f"{title} ({len(rows)}):", style="yellow", markup=False)
        for row in rows[:_SHOWN]:
            out.print(f"  {_short(row)}", markup=False)
        if len(rows) > _SHOWN:
            out.print(f"  and {len(rows) - _SHOWN} more; --json lists all", style="dim", markup=False)


def _answer(case: Case) -> str:
    return "(must abstain)" if case.must_abstain else _short(case.answer or "-")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "No cases."


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
