"""The command ``ragpress diagnose``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from feedback.commands.shared import bench_of
from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import DONE, FAILED, Collection, Json

if TYPE_CHECKING:
    from rich.console import Console

    from feedback.diagnose.session import Diagnosed, FoundCause

_LINES = 6
_TRYABLE = frozenset({"open", "proven", "unproven", "waiting", "approved", "refused", "rolled_back"})
_ORIGINS = {
    "correction": "a user's correction",
    "source": "a document",
    "history": "an earlier answer",
    "case": "the case",
}
_STATES = {
    "open": "open",
    "proven": "its repair is proven",
    "unproven": "its repair does not help",
    "waiting": "waits for a person",
    "approved": "approved",
    "rejected": "rejected",
    "published": "its repair was published",
    "refused": "refused by the gate",
    "rolled_back": "its repair was rolled back",
    "disputed": "set aside",
}


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

    bench = bench_of(collection)
    try:
        found = diagnose_cases(bench, case, answer)
    finally:
        bench.journal.close()
    console.show(found, as_json, _printed)
    raise typer.Exit(FAILED if found.failed and not found.findings else DONE)


def _printed(found: Diagnosed, out: Console) -> None:
    for finding in found.findings:
        _one(finding, out)
    if not found.findings and not found.failed:
        out.print("No bad case is open. Say that an answer was wrong: ragpress feedback add ANSWER_ID --rating down")
    for line in found.failed:
        out.print(f"Could not be diagnosed: {console.printable(line)}", style="yellow", markup=False)


def _one(finding: FoundCause, out: Console) -> None:
    from feedback.causes import advice, cause_words, sentence  # noqa: PLC0415
    from feedback.repairing.words import what_it_does  # noqa: PLC0415

    out.print(_plain(finding.question), style="bold", markup=False)
    cause = sentence(cause_words("en", finding.cause))
    out.print(f"  {cause}: {finding.confidence:.0%} sure.", end=" ", markup=False)
    out.print(f"({finding.finding_id}, {_STATES[finding.state]})", style="dim", markup=False)
    for blamed in finding.documents[:_LINES]:
        out.print(f"  At fault: {_plain(blamed.source)}", style="red", markup=False)
    if len(finding.documents) > _LINES:
        out.print(f"  and {len(finding.documents) - _LINES} more", markup=False)
    if finding.expected:
        origin = _ORIGINS.get(finding.expected_from, finding.expected_from)
        out.print(f"  Said to be right, by {origin}: {_plain(finding.expected)}", style="green", markup=False)
    for line in _evidence(finding)[:_LINES]:
        out.print(f"  - {line}", style="dim", markup=False)
    for repair in finding.repairs[:_LINES]:
        out.print(f"  Proposed: {_plain(what_it_does('en', repair))}", markup=False)
    if not finding.repairs and advice("en", finding.cause):
        out.print(f"  To do: {advice('en', finding.cause)}", markup=False)
    if finding.repairs and finding.state in _TRYABLE:
        out.print(f"  Try it: ragpress repair --finding {finding.finding_id}", markup=False)


def _evidence(finding: FoundCause) -> list[str]:
    """What a person can check, each line once; the words of a document where there are some."""
    told = dict.fromkeys(
        (_plain(item.text), _plain(item.quote) if item.kind in {"claim", "conflict"} else "")
        for item in finding.evidence
    )
    return [f"{text} “{quote}”" if quote and quote not in text else text for text, quote in told]


def _plain(text: str) -> str:
    return console.printable(" ".join(text.split()))
