"""Commands ``ragpress documents``."""

from __future__ import annotations

from typing import Annotated

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Release, environment_of, release_of

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
    from index.repairs.writing import Signature, restore  # noqa: PLC0415

    note = restore(environment_of(), collection, document, version, Signature(reason))
    console.show(note, as_json, console.repaired)


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
    from index.repairs.writing import Signature, Span, add_erratum  # noqa: PLC0415

    span = Span(find, replace, before, after)
    note = add_erratum(environment_of(), collection, document, span, Signature(reason))
    console.show(note, as_json, console.repaired)


@app.command("supersede")
def supersede(
    document: Document,
    newer: Annotated[str, typer.Option("--by", help="The document in its place: an id or a source path.")],
    reason: Reason,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Say that another document stands in the place of one. It is kept, and not searched after the next ingest."""
    from index.repairs.writing import Signature, add_supersede  # noqa: PLC0415

    note = add_supersede(environment_of(), collection, document, newer, Signature(reason))
    console.show(note, as_json, console.repaired)


@app.command("reparse")
def reparse(
    document: Document,
    parser: Annotated[str, typer.Option("--parser", help="Its name; a wrong one is answered with those that fit.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")] = "read better that way",
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Read a document by another parser, from the next ingest on."""
    from index.repairs.writing import Signature, add_reparse  # noqa: PLC0415

    note = add_reparse(environment_of(), collection, document, parser, Signature(reason))
    console.show(note, as_json, console.repaired)
