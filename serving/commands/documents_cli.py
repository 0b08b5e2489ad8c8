"""Commands ``ragpress documents``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Release, environment_of, release_of

if TYPE_CHECKING:
    from index.environment import Environment
    from index.repairs.writing import RepairNote, Signature

_Said = TypeVar("_Said")
Document = Annotated[str, typer.Argument(help="A document id or a source path.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; people will read it.")]

app = typer.Typer(help="Documents and their state.", no_args_is_help=True)


@app.command("list")
def show_list(
    collection: Collection = "default",
    release: Release = None,
    state: Annotated[str | None, typer.Option(help="Only live, quarantined, superseded or deleted ones.")] = None,
    marked: Annotated[bool, typer.Option("--marked", help="Only documents with an audit mark.")] = False,
    as_json: Json = False,
) -> None:
    """List the documents of a release with their state."""
    from index.catalogue import DocumentFilter, list_documents  # noqa: PLC0415

    opened = release_of(collection, release)
    found = list_documents(opened, DocumentFilter(state, marked))
    console.show(found, as_json, console.documents)


@app.command("show")
def show(
    document: Document,
    collection: Collection = "default",
    release: Release = None,
    text: Annotated[bool, typer.Option("--text", help="Also show its text as it is indexed.")] = False,
    as_json: Json = False,
) -> None:
    """Show one document: its state, its marks and what cleaning removed."""
    from index.catalogue import describe_document  # noqa: PLC0415

    console.show(describe_document(release_of(collection, release), document, text), as_json, console.document)


@app.command("quarantine")
def quarantine(
    document: Document,
    reason: Reason,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a document out. It is gone from the search after the next ingest."""
    from index.catalogue import quarantine  # noqa: PLC0415

    environment = environment_of()
    console.show(quarantine(environment, collection, document, reason), as_json, console.repaired)


@app.command("restore")
def restore(
    document: Document,
    version: Annotated[
        str, typer.Option("--version", help="Bring this earlier version back: its SHA-256, or how that begins.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, where an audit or a newer version is overridden.")] = "",
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a quarantine back, override an audit's, or bring an earlier version back. Holds after the next ingest."""
    from index.repairs.writing import restore  # noqa: PLC0415

    _write(restore, (collection, document), version, reason, as_json)


@app.command("erratum")
def erratum(
    document: Document,
    find: Annotated[str, typer.Option("--find", help="The wrong text, as the parser read it.")],
    replace: Annotated[str, typer.Option("--replace", help="The right text; empty takes the wrong one out.")],
    reason: Reason,
    before: Annotated[str, typer.Option("--before", help="The text right before it, where it stands twice.")] = "",
    after: Annotated[str, typer.Option("--after", help="The text right after it, where it stands twice.")] = "",
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Correct a text in a document without touching its source. It holds after the next ingest."""
    from index.repairs.writing import Span, add_erratum  # noqa: PLC0415

    _write(add_erratum, (collection, document), Span(find, replace, before, after), reason, as_json)


@app.command("supersede")
def supersede(
    document: Document,
    newer: Annotated[str, typer.Option("--by", help="The document in its place: an id or a source path.")],
    reason: Reason,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Say that another document stands in the place of one. It is kept, and not searched after the next ingest."""
    from index.repairs.writing import add_supersede  # noqa: PLC0415

    _write(add_supersede, (collection, document), newer, reason, as_json)


@app.command("reparse")
def reparse(
    document: Document,
    parser: Annotated[str, typer.Option("--parser", help="Its name; a wrong one is answered with those that fit.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")] = "read better that way",
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Read a document by another parser, from the next ingest on."""
    from index.repairs.writing import add_reparse  # noqa: PLC0415

    _write(add_reparse, (collection, document), parser, reason, as_json)


def _write(
    add: Callable[[Environment, str, str, _Said, Signature], RepairNote],
    target: tuple[str, str],
    said: _Said,
    reason: str,
    as_json: bool,
) -> None:
    """Let a repair be written of a target, collection and document, and show what came of it."""
    from index.repairs.writing import Signature  # noqa: PLC0415

    console.show(add(environment_of(), *target, said, Signature(reason)), as_json, console.repaired)
