"""How the records of repairing are printed for people. What users typed is shown with nothing that a terminal obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from feedback.causes import cause_words, sentence
from index.findings import Cause
from index.repairs.records import repair_id
from ragpress.console import printable

if TYPE_CHECKING:
    from rich.console import Console

    from feedback.repairing.revert import Reverted
    from feedback.repairing.session import Decided, RepairList, RepairReport, ShownRepair
    from index.repairs.records import Repair


def repaired(report: RepairReport, out: Console) -> None:
    """What was tried, what came of it, and whether it is live."""
    for finding in report.findings:
        out.print(printable(_line(finding.question)), style="bold", markup=False)
        cause = sentence(cause_words("en", Cause(finding.cause)))
        out.print(f"  {cause}: {finding.confidence:.0%} sure. ({finding.finding_id})", style="dim", markup=False)
        for repair in report.repairs:
            if repair.finding_id == finding.finding_id:
                out.print(f"  Repair: {printable(repair.what)}", markup=False)
        proof = finding.proof
        if proof is None:
            out.print("  Nothing that can be tried.", style="yellow")
            continue
        out.print(f"  Before: {printable(_line(proof.before))}", style="red", markup=False)
        if proof.after:
            out.print(f"  After:  {printable(_line(proof.after))}", style="green", markup=False)
        style = "green" if proof.fixed else "yellow"
        out.print(f"  {sentence(printable(proof.reason))}.", style=style, markup=False)
        if finding.waits and not report.published:
            out.print(f"  Waits: {printable(finding.waits)}.", style="yellow", markup=False)
    if not report.findings:
        out.print("No finding proposes anything that could be tried. See: ragpress diagnose --all")
    _verdict(report, out)


def _verdict(report: RepairReport, out: Console) -> None:
    if report.published:
        out.print(f"Live now: {report.candidate}. Back: ragpress releases rollback", style="bold green", markup=False)
    elif report.gate is not None and report.gate.verdict == "refuse":
        out.print(f"Refused: {report.candidate or 'the candidate'}", style="bold red", markup=False)
        for reason in report.gate.reasons:
            out.print(f"  {printable(reason)}", markup=False)
    elif any(finding.proof is not None and finding.proof.fixed for finding in report.findings):
        out.print("Nothing was changed. Publish what helps with --apply", style="dim")


def listed(record: RepairList, out: Console) -> None:
    """The repairs in ``repairs/``."""
    for repair in record.repairs:
        _one(repair, out)
    if not record.repairs:
        out.print("There is no repair in repairs/.")


def _one(repair: ShownRepair, out: Console) -> None:
    out.print(repair.repair_id, style="bold", end=" ", markup=False)
    out.print("live" if repair.applied else "not live", style="green" if repair.applied else "yellow", end=" ")
    out.print(printable(repair.what), markup=False)
    about = f" for {repair.finding_id}" if repair.finding_id else ""
    out.print(f"    {printable(_line(repair.reason))} ({repair.by}, {repair.at}{about})", style="dim", markup=False)


def one(repair: Repair, out: Console) -> None:
    """One repair."""
    out.print(repair_id(repair), style="bold", markup=False)
    for name, value in msgspec.to_builtins(repair).items():
        out.print(f"  {name}: {printable(str(value))}", markup=False)


def reverted(record: Reverted, out: Console) -> None:
    """What came of taking repairs back."""
    names = ", ".join(record.repairs)
    if record.state == "refused":
        out.print(f"Not taken back, the gate refuses the release without: {names}", style="bold red", markup=False)
        for reason in record.reasons:
            out.print(f"  {printable(reason)}", markup=False)
        out.print("Take it back all the same with: --override WHY", style="dim")
        return
    where = f" Live now: {record.release}." if record.state == "published" else " Nothing live was built with it."
    out.print(f"Taken back: {names}.{where}", style="bold green", markup=False)


def rejected(record: Decided, out: Console) -> None:
    """What a person's word made of a finding."""
    out.print(f"{record.finding_id}: {record.state}", markup=False)


def _line(text: str) -> str:
    return " ".join(text.split())
