"""Commands ``ragpress documents``."""

from __future__ import annotations

from typing import Annotated

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Release, environment_of, release_of

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
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
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
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a document out. It is gone from the search after the next ingest."""
    from index.catalogue import quarantine  # noqa: PLC0415

    environment = environment_of()
    console.show(quarantine(environment, collection, document, reason), as_json, console.repaired)


@app.command("restore")
def restore(
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a quarantine back. The document is found again after the next ingest."""
    from index.catalogue import restore  # noqa: PLC0415

    console.show(restore(environment_of(), collection, document), as_json, console.repaired)
