"""How the records of evaluation are printed for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.counted import counted

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.generate.records import GenerateReport


def generated(report: GenerateReport, out: Console) -> None:
    """Cases that were generated, and why others were not."""
    for case in report.cases:
        answer = "(no document answers it)" if case.answer is None else case.answer
        out.print(f"{case.id}  {case.question}", markup=False)
        out.print(f"    {answer}", style="dim", markup=False)
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items()) or "none"
    out.print(f"{report.written} of {counted(report.wanted, 'case')} proposed: {kinds}.", style="bold", markup=False)
    for title, counts in (("Not used", report.dropped), ("Documents left out", report.skipped)):
        if counts:
            out.print(f"{title}: " + ", ".join(f"{count} {reason}" for reason, count in counts.items()), markup=False)
    for note in report.notes:
        out.print(note, style="yellow", markup=False)
    if report.model is not None:
        model = report.model
        asked = counted(model.asked, "passage")
        out.print(f"{model.name}, prompt {model.prompt}: {asked}, {sum(model.failed.values())} failed.")
    if report.file:
        out.print(f"Wrote {report.file}. Look at them, then: ragpress eval cases accept ID…", markup=False)
