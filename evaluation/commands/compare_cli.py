"""Command ``ragpress eval compare``: would this change be let through, what would it do, and why?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ragpress import console
from serving.commands.shared import DONE, REFUSED, Collection, Json, Wait, environment_of

Before = Annotated[str, typer.Argument(metavar="[A]", help="The release that is known: an id, or 'live'.")]
After = Annotated[
    str | None,
    typer.Argument(metavar="[B]", help="The release that is new; left out: A with the change, or the workspace."),
]
Prompt = Annotated[
    str | None, typer.Option("--prompt", metavar="NAME", help="Try this prompt version, as its file is now.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.NAME=VALUE",
        help="Try this setting, written as in ragpress.toml (retrieval.k=5, chunk.max_tokens=128); may come again.",
    ),
]
Tag = Annotated[list[str] | None, typer.Option("--tag", help="Only cases with this tag; may come again.")]
CaseId = Annotated[list[str] | None, typer.Option("--case", help="Only this case; may come again.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Judge every case again, also those whose result is known.")]
Judge = Annotated[
    bool, typer.Option("--judge", help="Let a served model judge both sides as well; no part of the gate.")
]
Language = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Language of the report when it is opened.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Also write report.html, report.json and report.md into this folder."),
]
Rules = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="FOLDER",
        help="Judge by the rules of the workspace in this folder (gate and evaluation); name its cases that are gone.",
    ),
]


def compare(
    baseline: Before = "live",
    candidate: After = None,
    prompt: Prompt = None,
    settings: Set = None,
    tag: Tag = None,
    case: CaseId = None,
    collection: Collection = "default",
    fresh: Fresh = False,
    judge: Judge = False,
    language: Language = None,
    output: Output = None,
    rules: Rules = None,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Compare two releases, or the live one with a change, on the cases: verdict, deltas with intervals, and why.

    Without B, --prompt and --set the workspace as it is now (documents, settings, prompts) is compared with what is
    live. Where the index would differ a candidate is built, never published. Exit code 4: the gate would refuse it.
    """
    from evaluation.commands.compare_printing import compared  # noqa: PLC0415
    from evaluation.comparing.candidates import Named  # noqa: PLC0415
    from evaluation.comparing.changes import parse_change  # noqa: PLC0415
    from evaluation.comparing.session import Asked, run_compare  # noqa: PLC0415

    named = Named(
        collection=collection,
        baseline=baseline,
        candidate=candidate,
        change=parse_change(prompt, settings or []),
        wait=wait,
    )
    asked = Asked(
        named=named,
        tags=tuple(tag or ()),
        cases=tuple(case or ()),
        fresh=fresh,
        judge=judge,
        language=language,
        output=output,
        rules=rules,
    )
    with console.progress(quiet=as_json) as progress:
        record = run_compare(environment_of(progress), asked)
    console.show(record, as_json, compared)
    raise typer.Exit(DONE if record.gate.verdict == "pass" else REFUSED)


def add_to(app: typer.Typer) -> None:
    """Put this command into ``ragpress eval``."""
    app.command("compare")(compare)
