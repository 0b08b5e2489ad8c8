"""Commands ``ragpress eval run``, ``list`` and ``show``: one release on the cases, and what was found before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragpress import console
from serving.commands.shared import DONE, FAILED, Collection, Json, Release, environment_of

if TYPE_CHECKING:
    from evaluation.records import CaseResult

Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt", metavar="NAME", help="Try this prompt version; several are evaluated in turn and show a trend."
    ),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only cases with this tag; may come again.")]
Ids = Annotated[
    list[str] | None, typer.Option("--case", metavar="ID", help="Only this case, whatever its state; may come again.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Answer and judge every case again, also where that is known.")]
Judge = Annotated[
    bool,
    typer.Option("--judge", help="Let a served model, the judge of the settings, look at the answers too."),
]
Language = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Language of the report when it is opened.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into ``ragpress eval``."""
    app.command("run")(run)
    app.command("list")(show_list)
    app.command("show")(show)


def run(
    release: Release = None,
    prompts: Prompts = None,
    ids: Ids = None,
    tags: Tags = None,
    collection: Collection = "default",
    fresh: Fresh = False,
    judge: Judge = False,
    language: Language = None,
    as_json: Json = False,
) -> None:
    """Run the accepted cases on a release: metrics with intervals, errors, and a report.

    What was judged before and would come out the same is reused. Stopped in the middle, the next run goes on. Exit
    code 1: no case has a result.
    """
    from evaluation.commands.run_printing import evaluated  # noqa: PLC0415
    from evaluation.running.session import Asked, run_evaluation  # noqa: PLC0415

    asked = Asked(
        collection=collection,
        release=release,
        prompts=tuple(prompts or ()),
        tags=tuple(tags or ()),
        cases=tuple(ids or ()),
        fresh=fresh,
        judge=judge,
        language=language,
    )

    @contextmanager
    def watch(label: str, total: int) -> Iterator[Callable[[CaseResult], None]]:
        with console.counting(as_json, label, total) as advance:
            yield lambda _: advance()

    record = run_evaluation(environment_of(), asked, watch)
    console.show(record, as_json, evaluated)
    raise typer.Exit(FAILED if len(record.errors) == record.cases else DONE)


def show_list(
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Only of this collection.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="The most to show.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List evaluations, newest first."""
    from evaluation.commands.run_printing import listed  # noqa: PLC0415
    from evaluation.running.kept_reports import list_kept  # noqa: PLC0415

    console.show(list_kept(environment_of(), collection, count), as_json, listed)


def show(
    evaluation: Annotated[str, typer.Argument(metavar="ID", help="Id of an evaluation; see: ragpress eval list.")],
    as_json: Json = False,
) -> None:
    """Show what an evaluation found, and where its report is."""
    from evaluation.commands.run_printing import kept  # noqa: PLC0415
    from evaluation.running.kept_reports import show_kept  # noqa: PLC0415

    console.show(show_kept(environment_of(), evaluation), as_json, kept)
