"""The command line ``ragpress``. Exit codes: 0 done, 1 failed, 2 usage, 3 done with quarantined documents,
4 the gate refused.

Commands parse their arguments, call one function of a stage and hand the record it returns to
``ragpress.console``. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragpress import console
from ragpress.errors import GateRefusedError, RagpressError, SettingsError, UsageError

if TYPE_CHECKING:
    from index.environment import Environment
    from index.opened import OpenRelease
    from index.report import IngestReport
    from retrieval.scope import Principal

DONE, FAILED, USAGE, QUARANTINED, REFUSED = range(5)

app = typer.Typer(
    name="ragpress",
    help="Continuous publishing for RAG: a folder of documents goes in, releases that can be trusted come out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
documents_app = typer.Typer(help="Documents and their state.", no_args_is_help=True)
releases_app = typer.Typer(help="Releases: list, compare, publish, roll back, clean up.", no_args_is_help=True)
prompts_app = typer.Typer(help="Prompt versions: list, show, compare, add, publish.", no_args_is_help=True)
app.add_typer(documents_app, name="documents")
app.add_typer(prompts_app, name="prompts")
app.add_typer(releases_app, name="releases")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Collection = Annotated[str, typer.Option("--collection", "-c", help="Collection to work on.")]
Release = Annotated[
    str | None, typer.Option("--release", "-r", help="Release id, or its beginning; the live one if left out.")
]
As = Annotated[
    list[str] | None,
    typer.Option("--as", metavar="GROUP", help="Ask as a member of this group, not as the operator; may come again."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="KEY=VALUE",
        help="Only documents of this source (a pattern), language, tag, after or before a date, or own metadata.",
    ),
]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for another writer to finish.", min=0)]

_workspace = Path()


@app.callback()
def root(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder of the workspace, or one below it.")
    ] = Path(),
) -> None:
    """Continuous publishing for RAG."""
    global _workspace  # noqa: PLW0603 - the one option that every command shares
    _workspace = workspace


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new workspace.")] = Path(),
    source: Annotated[list[Path] | None, typer.Option("--source", help="Folder of documents to read.")] = None,
    as_json: Json = False,
) -> None:
    """Create a workspace: a commented ragpress.toml and its folders."""
    from ragpress.starter import create_workspace  # noqa: PLC0415

    created = create_workspace(_workspace / folder, [path.resolve() for path in source or []])
    console.show({"workspace": str(created), "settings": str(created / "ragpress.toml")}, as_json, console.initialised)


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Only these folders or files; all sources if left out.")
    ] = None,
    collection: Collection = "default",
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done.")] = False,
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Build a candidate, publish nothing.")] = False,
    workers: Annotated[int, typer.Option("--workers", help="Parser processes; 0: as set.", min=0)] = 0,
    compact: Annotated[bool, typer.Option("--compact", help="Compact the index, whatever its state.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try quarantined documents again.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build from the sources alone, whatever state the live release is in.")
    ] = False,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Bring a collection up to date with its sources and publish it."""
    from index.pipeline import IngestRequest, preview  # noqa: PLC0415
    from index.pipeline import ingest as run  # noqa: PLC0415
    from ragpress.wiring import access_checks, check_answering  # noqa: PLC0415

    request = IngestRequest(
        collection=collection,
        paths=tuple(str(path.absolute()) for path in paths or []),
        publish=not no_publish,
        compact=compact,
        retry=retry,
        rebuild=rebuild,
        wait=wait,
    )
    with console.progress(quiet=as_json) as progress:
        environment = _environment(progress, workers)
        check_answering(environment, collection)
        report = preview(request, environment) if plan else run(request, environment)
    console.show(report, as_json, console.plan if plan else console.ingested)
    for check in access_checks(environment):
        console.warn(check)
    raise typer.Exit(DONE if plan else _exit_code(report))


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question or some words.")],
    k: Annotated[int | None, typer.Option("-k", help="Number of hits.", min=1)] = None,
    release: Release = None,
    collection: Collection = "default",
    explain: Annotated[bool, typer.Option("--explain", help="Show every stage's rank and score.")] = False,
    groups: As = None,
    filters: Where = None,
    as_json: Json = False,
) -> None:
    """Show what retrieval finds for a question."""
    from ragpress.wiring import open_search  # noqa: PLC0415
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from serving.prompting import without_hidden  # noqa: PLC0415

    caller, where, query = _principal(groups), parse_filter(filters or []), without_hidden(query)
    opened, searcher = open_search(_environment(), collection, release)
    if explain:
        console.show(searcher.explain(query, k, caller=caller, where=where), as_json, console.explanation)
        return
    hits = searcher.search(query, k, caller=caller, where=where)
    console.show(console.SearchResult(opened.manifest.id, hits), as_json, console.hits)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question.")],
    release: Release = None,
    collection: Collection = "default",
    groups: As = None,
    filters: Where = None,
    as_json: Json = False,
) -> None:
    """Answer a question from the documents, with citations."""
    from ragpress.wiring import open_answers  # noqa: PLC0415
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from serving import terminal  # noqa: PLC0415
    from serving.types import Question  # noqa: PLC0415

    asked = Question(text=question, caller=_principal(groups), where=parse_filter(filters or []))
    terminal.ask(open_answers(_environment(), collection, release), asked, as_json)


@app.command()
def chat(
    release: Release = None,
    collection: Collection = "default",
    groups: As = None,
    filters: Where = None,
    as_json: Json = False,
) -> None:
    """Hold a conversation about the documents: a question a line; /sources, /new, /quit."""
    from ragpress.wiring import answers_of_live  # noqa: PLC0415
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from serving.terminal import Chat  # noqa: PLC0415
    from serving.types import Question  # noqa: PLC0415

    asked = Question(text="", caller=_principal(groups), where=parse_filter(filters or []))
    conversation = Chat(answers_of_live(_environment(), collection, release), asked, as_json)
    conversation.run(sys.stdin.readline)
    raise typer.Exit(FAILED if conversation.failures and not sys.stdin.isatty() else DONE)


@app.command()
def trace(
    thing: Annotated[str, typer.Argument(metavar="ID", help="A chunk id, a document id or a source path.")],
    release: Release = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show where a chunk or a document comes from, and what was made of it."""
    from index.lineage import trace as follow  # noqa: PLC0415

    console.show(follow(_environment(), collection, thing, release), as_json, console.trace)


@app.command()
def status(as_json: Json = False) -> None:
    """Show what is live in every collection and how it is doing."""
    from index.health import status as look  # noqa: PLC0415

    console.show(look(_environment()), as_json, console.status)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine and every file of the live releases; name what is wrong and how to mend it."""
    from index.health import doctor as examine  # noqa: PLC0415
    from ragpress.wiring import access_checks, generator_checks  # noqa: PLC0415

    environment = _environment()
    report = examine(environment, [*generator_checks(environment), *access_checks(environment)])
    console.show(report, as_json, console.doctor)
    raise typer.Exit(DONE if report.healthy else FAILED)


@documents_app.command("list")
def documents_list(
    collection: Collection = "default",
    release: Release = None,
    state: Annotated[str | None, typer.Option(help="Only live, quarantined, superseded or deleted ones.")] = None,
    marked: Annotated[bool, typer.Option("--marked", help="Only documents with an audit mark.")] = False,
    as_json: Json = False,
) -> None:
    """List the documents of a release with their state."""
    from index.catalogue import DocumentFilter, list_documents  # noqa: PLC0415

    opened = _open(collection, release)
    found = list_documents(opened, DocumentFilter(state, marked))
    console.show(found, as_json, console.documents)


@documents_app.command("show")
def documents_show(
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
    collection: Collection = "default",
    release: Release = None,
    text: Annotated[bool, typer.Option("--text", help="Also show its text as it is indexed.")] = False,
    as_json: Json = False,
) -> None:
    """Show one document: its state, its marks and what cleaning removed."""
    from index.catalogue import describe_document  # noqa: PLC0415

    console.show(describe_document(_open(collection, release), document, text), as_json, console.document)


@documents_app.command("quarantine")
def documents_quarantine(
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a document out. It is gone from the search after the next ingest."""
    from index.catalogue import quarantine  # noqa: PLC0415

    environment = _environment()
    console.show(quarantine(environment, collection, document, reason), as_json, console.repaired)


@documents_app.command("restore")
def documents_restore(
    document: Annotated[str, typer.Argument(help="A document id or a source path.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Take a quarantine back. The document is found again after the next ingest."""
    from index.catalogue import restore  # noqa: PLC0415

    console.show(restore(_environment(), collection, document), as_json, console.repaired)


@prompts_app.command("list")
def prompts_list(collection: Collection = "default", as_json: Json = False) -> None:
    """List the prompt versions of the workspace: which is live, which the next release will use."""
    from index.prompt_versions import list_prompts  # noqa: PLC0415

    console.show(list_prompts(_environment(), collection), as_json, console.prompts)


@prompts_app.command("show")
def prompts_show(
    name: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show one prompt version whole."""
    from index.prompt_versions import find_prompt  # noqa: PLC0415

    console.show(find_prompt(_environment(), collection, name), as_json, console.prompt)


@prompts_app.command("diff")
def prompts_diff(
    before: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    after: Annotated[str, typer.Argument(help="A prompt version, a release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show what differs between two prompts."""
    from index.prompt_versions import diff_prompts, find_prompt  # noqa: PLC0415

    environment = _environment()
    first, second = (find_prompt(environment, collection, name) for name in (before, after))
    console.show(diff_prompts(first, second), as_json, console.prompt_diff)


@prompts_app.command("add")
def prompts_add(
    name: Annotated[str, typer.Argument(help="Name of the new version.")],
    base: Annotated[str, typer.Option("--from", help="The version to copy.")] = "default",
    file: Annotated[Path | None, typer.Option("--file", help="Take this file instead of a copy.")] = None,
    as_json: Json = False,
) -> None:
    """Make a new prompt version: a file in prompts/ to edit."""
    from index.prompt_versions import add_prompt  # noqa: PLC0415

    console.show(add_prompt(_environment(), name, base, file), as_json, console.prompt_added)


@prompts_app.command("publish")
def prompts_publish(
    name: Annotated[str, typer.Argument(help="A prompt version.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; people will read it.")] = "chosen by a person",
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Build a candidate, publish nothing.")] = False,
    collection: Collection = "default",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Put a prompt version into a new release of the live documents and make it live."""
    from index.prompt_versions import publish_prompt  # noqa: PLC0415
    from ragpress.wiring import check_answering  # noqa: PLC0415

    environment = _environment()
    check_answering(environment, collection)
    with environment.store.writer(collection, wait):
        record = publish_prompt(environment, collection, name, reason, publish=not no_publish)
    console.show(record, as_json, console.prompt_published)


@releases_app.command("list")
def releases_list(collection: Collection = "default", as_json: Json = False) -> None:
    """List the releases of a collection, newest first."""
    from index.catalogue import list_releases  # noqa: PLC0415

    environment = _environment()
    environment.workspace.collection(collection)
    console.show(list_releases(environment.releases(collection)), as_json, console.releases)


@releases_app.command("show")
def releases_show(
    release: Annotated[str | None, typer.Argument(help="Release id; the live one if left out.")] = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show one release: its counts, steps, settings, files and the gate's verdict."""
    console.show(_open(collection, release).manifest, as_json, console.release)


@releases_app.command("diff")
def releases_diff(
    before: Annotated[str, typer.Argument(help="Release id, or 'live'.")],
    after: Annotated[str, typer.Argument(help="Release id, or 'live'.")],
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show the documents, chunks and settings that differ between two releases."""
    from index.history import diff  # noqa: PLC0415
    from ragpress.wiring import open_release  # noqa: PLC0415

    environment = _environment()
    first, second = (open_release(environment, collection, name) for name in (before, after))
    console.show(diff(first, second), as_json, console.diff)


@releases_app.command("publish")
def releases_publish(
    release: Annotated[str, typer.Argument(help="Release id.")],
    override: Annotated[
        str | None, typer.Option(help="Publish what the gate refused, for this recorded reason.")
    ] = None,
    collection: Collection = "default",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Make a release live that was built before."""
    from index.history import publish  # noqa: PLC0415
    from index.prompt_versions import keep_live_prompt  # noqa: PLC0415

    environment = _environment()
    with environment.store.writer(collection, wait):
        record = publish(environment, collection, release, override)
        note = keep_live_prompt(environment, collection, record.why)
    console.show(record, as_json, console.live)
    console.note(note)


@releases_app.command("rollback")
def releases_rollback(
    release: Annotated[str | None, typer.Argument(help="Release id; the one live before if left out.")] = None,
    collection: Collection = "default",
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Make an earlier release live again."""
    from index.history import rollback  # noqa: PLC0415
    from index.prompt_versions import keep_live_prompt  # noqa: PLC0415

    environment = _environment()
    with environment.store.writer(collection, wait):
        record = rollback(environment, collection, release)
        note = keep_live_prompt(environment, collection, record.why)
    console.show(record, as_json, console.live)
    console.note(note)


@releases_app.command("gc")
def releases_gc(wait: Wait = 0.0, as_json: Json = False) -> None:
    """Remove releases beyond the kept ones, and files that no release needs."""
    from contextlib import ExitStack  # noqa: PLC0415

    from index.history import collect_garbage, stored_collections  # noqa: PLC0415

    environment = _environment()
    names = stored_collections(environment)
    with ExitStack() as locks:
        for name in names:
            locks.enter_context(environment.store.writer(name, wait))
        collected = collect_garbage(environment, names)
    console.show(collected, as_json, console.collected)


def main() -> None:
    """Run the command line; every error on purpose becomes one message and an exit code."""
    _tolerate_any_encoding()
    try:
        app()
    except (SettingsError, UsageError) as error:
        console.fail(error, "--json" in sys.argv)
        sys.exit(USAGE)
    except GateRefusedError as error:
        console.fail(error, "--json" in sys.argv)
        sys.exit(REFUSED)
    except RagpressError as error:
        console.fail(error, "--json" in sys.argv)
        sys.exit(FAILED)


def _tolerate_any_encoding() -> None:
    """Bytes that are no text, and characters that the terminal's encoding lacks, stop no command."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _environment(progress: console.RunProgress | None = None, workers: int = 0) -> Environment:
    from ragpress.wiring import open_environment  # noqa: PLC0415

    return open_environment(_workspace, progress, workers)


def _open(collection: str, release: str | None) -> OpenRelease:
    from ragpress.wiring import open_release  # noqa: PLC0415

    return open_release(_environment(), collection, release)


def _principal(groups: list[str] | None) -> Principal:
    from retrieval.scope import OPERATOR, Principal  # noqa: PLC0415

    return OPERATOR if groups is None else Principal(frozenset(groups))


def _exit_code(report: IngestReport) -> int:
    if report.gate == "refuse":
        return REFUSED
    return QUARANTINED if report.quarantined else DONE


if __name__ == "__main__":
    main()
