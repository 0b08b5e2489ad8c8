"""Commands ``ragpress feedback``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import DONE, FAILED, Json, environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from index.environment import Environment
    from serving.journal.answers import AnswerJournal

app = typer.Typer(help="Feedback on answers: list, add, import.", no_args_is_help=True)

_Rating = Literal["up", "down"]


@app.command("list")
def show_list(
    rating: Annotated[_Rating | None, typer.Option("--rating", help="Only with this rating.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only on this collection.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="The most to list, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List feedback, newest first."""
    from serving.journal.answers import FeedbackQuery  # noqa: PLC0415

    query = FeedbackQuery(collection=collection, rating=rating, limit=limit)
    console.show({"feedback": _journal(environment_of()).feedback(query)}, as_json, _feedback)


@app.command("add")
def add(
    answer: Annotated[str, typer.Argument(metavar="ANSWER_ID", help="The answer.")],
    rating: Annotated[_Rating | None, typer.Option("--rating", help="Was it right?")] = None,
    comment: Annotated[str, typer.Option("--comment", help="In your words.")] = "",
    correction: Annotated[str, typer.Option("--correction", help="What the right answer is.")] = "",
    source: Annotated[
        list[str] | None, typer.Option("--source", help="A document that holds the right answer; may come again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say something about an answer."""
    from serving.journal.feedback import Given, feedback_record  # noqa: PLC0415
    from serving.journal.problems import problem_of  # noqa: PLC0415

    environment = environment_of()
    given = Given(
        answer_id=answer,
        rating=rating,
        comment=comment,
        correction=correction,
        expected_sources=tuple(source or ()),
        at=environment.now().isoformat(timespec="milliseconds"),
    )
    journal = _journal(environment)
    try:
        record = feedback_record(journal, given)
        journal.keep(record).result()
        about = journal.find(record.answer_id)
    finally:
        journal.close()
    case_id = None if about is None else problem_of(about)
    console.show({"feedback_id": record.id, "case_id": case_id}, as_json, _added)


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A JSON object a line: answer_id, rating, …")],
    as_json: Json = False,
) -> None:
    """Take in feedback from a file. Lines that were taken in before are left out, so it may be repeated."""
    from serving.journal.feedback import import_feedback  # noqa: PLC0415

    environment = environment_of()
    journal = _journal(environment)
    try:
        imported = import_feedback(journal, _lines(file))
    finally:
        journal.close()
    console.show(imported, as_json, _imported)
    raise typer.Exit(FAILED if imported.refused else DONE)


def _journal(environment: Environment) -> AnswerJournal:
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415

    return AnswerJournal(environment, environment.workspace.service.journal)


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            yield from opened
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}; give a readable file of JSON lines.") from error


def _feedback(record: Any, out: Console) -> None:
    for item in record["feedback"]:
        words = " · ".join(part for part in (item.comment, item.correction, ", ".join(item.expected_sources)) if part)
        out.print(f"{item.at}  {item.rating or '-':<4}  {item.answer_id}", style="bold", markup=False)
        if words:
            out.print(f"    {console.printable(' '.join(words.split()))}", markup=False)


def _added(record: Any, out: Console) -> None:
    counts = f" It counts for case {record['case_id']}." if record["case_id"] else ""
    out.print(f"Feedback {record['feedback_id']} is kept.{counts}", markup=False)


def _imported(record: Any, out: Console) -> None:
    out.print(f"{record.imported} imported, {record.known} known before, {len(record.refused)} refused", markup=False)
    for item in record.refused:
        out.print(f"  line {item.line}: {console.printable(item.reason)}", style="yellow", markup=False)
