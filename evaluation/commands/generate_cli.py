"""Command ``ragpress eval generate``: cases out of the documents."""

from __future__ import annotations

from typing import Annotated

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Release, environment_of


def add_to(app: typer.Typer) -> None:
    """Put the command into ``ragpress eval``."""
    app.command("generate")(generate)


def generate(
    count: Annotated[int, typer.Option("-n", "--count", help="The most cases.", min=1)] = 50,
    collection: Collection = "default",
    release: Release = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="PATTERN", help="Only documents of this source path (a pattern).")
    ] = None,
    unanswerable: Annotated[
        float, typer.Option("--unanswerable", metavar="SHARE", help="Share that no document answers.", min=0, max=1)
    ] = 0.15,
    model: Annotated[bool, typer.Option("--model", help="Let the served model write the questions.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same cases.")] = 0,
    name: Annotated[str, typer.Option("--name", metavar="FILE", help="File in cases/ to add to.")] = "generated.jsonl",
    as_json: Json = False,
) -> None:
    """Propose cases out of the documents, with their evidence; accept the good ones with `eval cases accept`."""
    from evaluation.commands.printing import generated  # noqa: PLC0415
    from evaluation.generate.records import GenerateRequest  # noqa: PLC0415
    from evaluation.generate.run import generate as run  # noqa: PLC0415

    request = GenerateRequest(
        count=count,
        collection=collection,
        release=release,
        sources=source,
        unanswerable=unanswerable,
        model=model,
        seed=seed,
        file=name,
    )
    console.show(run(environment_of(), request), as_json, generated)
