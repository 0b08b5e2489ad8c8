"""Commands ``ragpress releases``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragpress import console
from serving.commands.shared import Collection, Json, Wait, environment_of, release_of

if TYPE_CHECKING:
    from index.environment import Environment
    from index.release import Manifest

Reason = Annotated[str, typer.Option(help="Why; it is recorded beside what is live.")]

app = typer.Typer(help="Releases: list, compare, publish, roll back, clean up.", no_args_is_help=True)


@app.command("list")
def show_list(collection: Collection = "default", as_json: Json = False) -> None:
    """List the releases of a collection, newest first."""
    from index.catalogue import list_releases  # noqa: PLC0415

    environment = environment_of()
    environment.workspace.collection(collection)
    console.show(list_releases(environment.releases(collection)), as_json, console.releases)


@app.command("show")
def show(
    release: Annotated[str | None, typer.Argument(help="Release id; the live one if left out.")] = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show one release: its counts, steps, settings, files and the gate's verdict."""
    from index.catalogue import show_release  # noqa: PLC0415

    shown = show_release(environment_of(), release_of(collection, release).manifest)
    console.show(shown, as_json, console.release)


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="Release id, or 'live'.")],
    after: Annotated[str, typer.Argument(help="Release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show the documents, chunks and settings that differ between two releases."""
    from index.environment import open_release  # noqa: PLC0415
    from index.history import diff  # noqa: PLC0415

    environment = environment_of()
    first, second = (open_release(environment, collection, name) for name in (before, after))
    console.show(diff(first, second), as_json, console.diff)


@app.command("publish")
def publish(
    release: Annotated[str, typer.Argument(help="Release id.")],
    override: Annotated[
        str | None, typer.Option(help="Publish what the gate refused, for this recorded reason.")
    ] = None,
    reason: Reason = "",
    collection: Collection = "default",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Make a release live that was built before."""
    from index.history import publish  # noqa: PLC0415
    from index.prompt_versions import keep_live_prompt  # noqa: PLC0415

    environment = environment_of()
    with environment.store.writer(collection, wait):
        record = publish(environment, collection, release, override, reason=" ".join(reason.split()))
        note = keep_live_prompt(environment, collection, record.why)
    console.show(record, as_json, console.live)
    console.note(note)


@app.command("rollback")
def rollback(
    release: Annotated[str | None, typer.Argument(help="Release id; the one live before if left out.")] = None,
    reason: Reason = "",
    collection: Collection = "default",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Make an earlier release live again."""
    from index.history import rollback  # noqa: PLC0415
    from index.prompt_versions import keep_live_prompt  # noqa: PLC0415

    environment = environment_of()
    with environment.store.writer(collection, wait):
        left = _live(environment, collection)
        record = rollback(environment, collection, release, reason=" ".join(reason.split()))
        note = keep_live_prompt(environment, collection, record.why)
        now = _live(environment, collection)
    console.show(record, as_json, console.live)
    console.note(note)
    if left is not None and now is not None:
        console.note(_coming_again(environment, left, now))


def _live(environment: Environment, collection: str) -> Manifest | None:
    """The live release; None also where its manifest is damaged: going back must not depend on it."""
    from ragpress.errors import RagpressError  # noqa: PLC0415

    try:
        return environment.releases(collection).live()
    except RagpressError:
        return None


def _coming_again(environment: Environment, left: Manifest, now: Manifest) -> str:
    """That repairs of the release that was left are still in ``repairs/``; "" where none is."""
    from index.repairs.files import load_all  # noqa: PLC0415
    from index.repairs.records import repair_id  # noqa: PLC0415

    kept = {repair_id(repair) for repair in load_all(environment.workspace.root, left.collection)}
    names = sorted(kept & set(left.repairs) - set(now.repairs))
    if not names:
        return ""
    return (
        f"The repairs of {left.id} still stand in repairs/, and the next ingest brings them again. Where no worker "
        f"runs, which takes them out: ragpress repair revert {' '.join(names)}"
    )


@app.command("gc")
def gc(wait: Wait = 0.0, as_json: Json = False) -> None:
    """Remove answers older than the retention, releases beyond the kept ones, and files that no release needs.

    A release stays as long as the journal keeps an answer that it made.
    """
    from contextlib import ExitStack  # noqa: PLC0415
    from datetime import timedelta  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from index.history import collect_garbage, stored_collections  # noqa: PLC0415
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415
    from serving.journal.sealing import seal_journals  # noqa: PLC0415

    environment = environment_of()
    settings = environment.workspace.service.journal
    since = environment.now() - timedelta(days=settings.retention_days)
    journal = AnswerJournal(environment, settings)
    names = stored_collections(environment)
    with ExitStack() as locks:
        for name in names:
            locks.enter_context(environment.store.writer(name, wait))
        seal_journals(environment)
        removed = journal.remove_before(since)
        collected = collect_garbage(environment, names, journal.releases_needed(since))
    collected = msgspec.structs.replace(collected, journal_files=removed)
    console.show(collected, as_json, console.collected)
