"""Commands ``ragpress repair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from feedback.commands.shared import bench_of
from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import DONE, REFUSED, Collection, Json

if TYPE_CHECKING:
    from feedback.repairing.session import RepairReport

Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
FindingId = Annotated[str, typer.Argument(metavar="FINDING", help="Id of a finding, see: ragpress diagnose --all")]
RepairId = Annotated[str, typer.Argument(metavar="REPAIR", help="Id of a repair, or its beginning.")]

app = typer.Typer(help="Repairs: prove, apply, list, take back.")


@app.callback(invoke_without_command=True)
def repair(
    context: typer.Context,
    finding: Annotated[str | None, typer.Option("--finding", metavar="F", help="What this finding proposes.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="What every open finding proposes.")] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Publish what is proven: one release, through the gate.")
    ] = False,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Try what findings propose in a scratch release, and ask their cases again; with --apply publish what helps.

    Exit code 4: the gate, or a bad case, refuses the candidate; nothing is changed.
    """
    if context.invoked_subcommand is not None:
        return
    if everything == (finding is not None):
        raise UsageError("Say which: ragpress repair --finding FINDING, or ragpress repair --all")
    from feedback.commands.repair_printing import repaired  # noqa: PLC0415
    from feedback.repairing.session import repair_findings  # noqa: PLC0415
    from index.repairs.files import person  # noqa: PLC0415

    with console.progress(quiet=as_json) as progress:
        report = repair_findings(bench_of(collection, progress), finding, person() if apply else None)
    console.show(report, as_json, repaired)
    raise typer.Exit(_exit_code(report))


@app.command("list")
def show_list(collection: Collection = "default", as_json: Json = False) -> None:
    """List the repairs that stand in repairs/, and whether the live release was built with them."""
    from feedback.commands.repair_printing import listed  # noqa: PLC0415
    from feedback.repairing.session import kept_repairs  # noqa: PLC0415

    console.show(kept_repairs(bench_of(collection)), as_json, listed)


@app.command("show")
def show(repair: RepairId, collection: Collection = "default", as_json: Json = False) -> None:
    """Show one repair as its file says it."""
    from feedback.commands.repair_printing import one  # noqa: PLC0415
    from feedback.repairing.session import one_repair  # noqa: PLC0415

    console.show(one_repair(bench_of(collection), repair), as_json, one)


@app.command("revert")
def revert(
    repair: Annotated[list[str], typer.Argument(metavar="REPAIR…", help="Ids of repairs, or their beginnings.")],
    reason: Reason = "",
    override: Annotated[
        str | None, typer.Option(metavar="WHY", help="Take it back whatever the gate says of the answers.")
    ] = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take repairs back: publish a release without them, through the gate. Exit code 4: the gate refuses."""
    from feedback.commands.repair_printing import reverted  # noqa: PLC0415
    from feedback.repairing.revert import revert_repairs  # noqa: PLC0415
    from feedback.repairing.session import one_repair  # noqa: PLC0415
    from index.repairs.files import person  # noqa: PLC0415
    from index.repairs.records import repair_id  # noqa: PLC0415

    with console.progress(quiet=as_json) as progress:
        bench = bench_of(collection, progress)
        names = [repair_id(one_repair(bench, name)) for name in repair]
        result = revert_repairs(bench, names, person(), " ".join(reason.split()), override)
    console.show(result, as_json, reverted)
    raise typer.Exit(REFUSED if result.state == "refused" else DONE)


@app.command("approve")
def approve(
    finding: FindingId,
    reason: Reason = "",
    later: Annotated[bool, typer.Option("--later", help="Only record it; the worker publishes.")] = False,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Let through what a finding proposes, and publish it. Exit code 4: the gate, or a bad case, refuses."""
    from feedback.commands.repair_printing import repaired  # noqa: PLC0415
    from feedback.repairing.session import decided, repair_findings  # noqa: PLC0415
    from index.repairs.files import person  # noqa: PLC0415

    with console.progress(quiet=as_json) as progress:
        bench = bench_of(collection, progress)
        decided(bench, finding, "approve", " ".join(reason.split()))
        report = repair_findings(bench, finding, None if later else person())
    console.show(report, as_json, repaired)
    raise typer.Exit(_exit_code(report))


@app.command("reject")
def reject(finding: FindingId, reason: Reason = "", collection: Collection = "default", as_json: Json = False) -> None:
    """Reject what a finding proposes: the loop leaves it alone from now on."""
    from feedback.commands.repair_printing import rejected  # noqa: PLC0415
    from feedback.repairing.session import decided  # noqa: PLC0415

    console.show(decided(bench_of(collection), finding, "reject", " ".join(reason.split())), as_json, rejected)


def _exit_code(report: RepairReport) -> int:
    return REFUSED if report.gate is not None and report.gate.verdict == "refuse" else DONE
