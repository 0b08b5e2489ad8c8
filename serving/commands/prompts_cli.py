"""Commands ``ragpress prompts``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Override, Wait, environment_of

app = typer.Typer(help="Prompt versions: list, show, compare, add, publish.", no_args_is_help=True)


@app.command("list")
def show_list(collection: Collection = "default", as_json: Json = False) -> None:
    """List the prompt versions of the workspace: which is live, which the next release will use."""
    from index.prompt_versions import list_prompts  # noqa: PLC0415

    console.show(list_prompts(environment_of(), collection), as_json, console.prompts)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show one prompt version whole."""
    from index.prompt_versions import find_prompt  # noqa: PLC0415

    console.show(find_prompt(environment_of(), collection, name), as_json, console.prompt)


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    after: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show what differs between two prompts."""
    from index.prompt_versions import diff_prompts, find_prompt  # noqa: PLC0415

    environment = environment_of()
    first, second = (find_prompt(environment, collection, name) for name in (before, after))
    console.show(diff_prompts(first, second), as_json, console.prompt_diff)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the new version.")],
    base: Annotated[str, typer.Option("--from", help="The version to copy.")] = "default",
    file: Annotated[Path | None, typer.Option("--file", help="Take this file instead of a copy.")] = None,
    as_json: Json = False,
) -> None:
    """Make a new prompt version: a file in prompts/ to edit."""
    from index.prompt_versions import add_prompt  # noqa: PLC0415

    console.show(add_prompt(environment_of(), name, base, file), as_json, console.prompt_added)


@app.command("publish")
def publish(
    name: Annotated[str, typer.Argument(help="A prompt version.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")] = "chosen by a person",
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Build a candidate, publish nothing.")] = False,
    collection: Collection = "default",
    override: Override = None,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Put a prompt version into a new release of the live documents and make it live."""
    from index.prompt_versions import PublishHow, publish_prompt  # noqa: PLC0415
    from serving.checks import check_answering  # noqa: PLC0415

    environment = environment_of()
    check_answering(environment, collection)
    how = PublishHow(publish=not no_publish, override=override)
    with environment.store.writer(collection, wait):
        record = publish_prompt(environment, collection, name, reason, how)
    console.show(record, as_json, console.prompt_published)
