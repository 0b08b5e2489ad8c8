"""The command ``ragpress diagnose``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import DONE, FAILED, Collection, Json, environment_of

if TYPE_CHECKING:
    from rich.console import Console

    from feedback.diagnose.session import Diagnosed, FoundCause

_LINES = 6


def diagnose(
    case: Annotated[str | None, typer.Option("--case", metavar="C", help="Only this case.")] = None,
    answer: Annotated[
        str | None, typer.Option("--answer", metavar="A", help="Only what was said of this answer.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every open bad case; the same as neither of the others.")
    ] = False,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Find out why answers were bad: the cause, the documents at fault, what would repair it.

    Nothing is changed: see ragpress repair.
    """
    if sum((case is not None, answer is not None, everything)) > 1:
        raise UsageError("Say which: --case CASE, --answer ANSWER or --all.")
    from feedback.diagnose.session import diagnose_cases  # noqa: PLC0415
    from feedback.workbench import Workbench  # noqa: PLC0415
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415

    environment = environment_of()
    environment.workspace.collection(collection)
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    try:
        found = diagnose_cases(Workbench(environment, collection, journal), case, answer)
    finally:
        journal.close()
    console.show(found, as_json, _printed)
    raise typer.Exit(FAILED if found.failed and not found.findings else DONE)


def _printed(found: Diagnosed, out: Console) -> None:
    for finding in found.findings:
        _one(finding, out)
    if not found.findings and not found.failed:
        out.print("No bad case is open.")
    for line in found.failed:
        out.print(f"Could not be diagnosed: {console.printable(line)}", style="yellow", markup=False)


def _one(finding: FoundCause, out: Console) -> None:
    from index.repairs.records import kind_of, source_of  # noqa: PLC0415

    out.print(console.printable(" ".join(finding.question.split())), style="bold", markup=False)
    cause = finding.cause.value.replace("_", " ")
    out.print(f"  {cause}, {finding.confidence:.0%} sure ({finding.finding_id})", markup=False)
    for blamed in finding.documents[:_LINES]:
        out.print(f"  at fault: {console.printable(blamed.source)}", style="red", markup=False)
    if len(finding.documents) > _LINES:
        out.print(f"  and {len(finding.documents) - _LINES} more", markup=False)
    if finding.expected:
        right = console.printable(" ".join(finding.expected.split()))
        out.print(f"  right, by {finding.expected_from}: {right}", style="green", markup=False)
    for item in finding.evidence[:_LINES]:
        out.print(f"  - {console.printable(item.text)}", style="dim", markup=False)
    for repair in finding.repairs[:_LINES]:
        about = source_of(repair)
        out.print(f"  proposed: {kind_of(repair)}{f' {console.printable(about)}' if about else ''}", markup=False)
    if finding.repairs:
        out.print(f"  try it: ragpress repair --finding {finding.finding_id}", markup=False)
