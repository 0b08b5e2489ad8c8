"""The command line ``ragpress``. Exit codes: 0 done, 1 failed, 2 usage, 3 done with quarantined documents,
4 the gate refused.

Commands parse their arguments, call one function of a stage and hand the record it returns to
``ragpress.console``. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import io
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.commands import eval_cli
from feedback.commands import diagnose_cli, repair_cli, worker_cli
from ragpress import console
from ragpress.errors import GateRefusedError, RagpressError, SettingsError, UsageError
from serving.commands import documents_cli, feedback_cli, keys_cli, prompts_cli, releases_cli, service_cli
from serving.commands.shared import (
    DONE,
    FAILED,
    REFUSED,
    USAGE,
    As,
    Collection,
    Json,
    Override,
    Release,
    Wait,
    Where,
    attempts_at,
    environment_of,
    open_with,
    principal_of,
    work_in,
    workspace_folder,
)

if TYPE_CHECKING:
    from index.environment import Environment


def _environment(folder: Path, progress: console.RunProgress | None, workers: int) -> Environment:
    from ragpress.wiring import open_environment  # noqa: PLC0415

    return open_environment(folder, progress, workers)


app = typer.Typer(
    name="ragpress",
    help="Continuous publishing for RAG: a folder of documents goes in, releases that can be trusted come out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(service_cli.serve)
app.command("serve-worker", hidden=True)(service_cli.serve_worker)
app.command("mcp")(service_cli.mcp)
app.add_typer(documents_cli.app, name="documents")
app.add_typer(keys_cli.app, name="keys")
app.add_typer(feedback_cli.app, name="feedback")
app.add_typer(eval_cli.app, name="eval")
app.command("diagnose")(diagnose_cli.diagnose)
app.add_typer(repair_cli.app, name="repair")
app.command("worker")(worker_cli.worker)
app.add_typer(prompts_cli.app, name="prompts")
app.add_typer(releases_cli.app, name="releases")
open_with(_environment)


@app.callback()
def root(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder of the workspace, or one below it.")
    ] = Path(),
) -> None:
    """Continuous publishing for RAG."""
    _spare_pandas()
    work_in(workspace)


def _spare_pandas() -> None:
    """Let pyarrow do without pandas in this process until something asks for it, as ``to_pandas`` does.

    With the first array of Python values pyarrow imports pandas where it is installed, to know its objects when it is
    given some. Nothing here has any, and the import is a quarter of what a command costs.
    """
    import pyarrow as pa  # noqa: PLC0415

    if "pandas" in sys.modules:
        return
    missing = _Missing()
    sys.meta_path.insert(0, missing)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(missing)


class _Missing(MetaPathFinder):
    """Finds that pandas is not installed."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not wanted here", name=fullname)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new workspace.")] = Path(),
    source: Annotated[list[Path] | None, typer.Option("--source", help="Folder of documents to read.")] = None,
    as_json: Json = False,
) -> None:
    """Create a workspace: a commented ragpress.toml and its folders."""
    from ragpress.starter import create_workspace  # noqa: PLC0415

    created = create_workspace(workspace_folder() / folder, [path.resolve() for path in source or []])
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
    override: Override = None,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> None:
    """Bring a collection up to date with its sources and publish it."""
    from index.pipeline import IngestRequest, preview  # noqa: PLC0415
    from index.pipeline import ingest as run  # noqa: PLC0415
    from index.runs import exit_code, recorded_run  # noqa: PLC0415
    from serving.checks import access_checks, check_answering  # noqa: PLC0415

    request = IngestRequest(
        collection=collection,
        paths=tuple(str(path.absolute()) for path in paths or []),
        publish=not no_publish,
        compact=compact,
        retry=retry,
        rebuild=rebuild,
        wait=wait,
        override=override,
    )
    with console.progress(quiet=as_json) as progress:
        environment = environment_of(progress, workers)
        if plan:
            check_answering(environment, collection)
            report = preview(request, environment)
        else:
            with recorded_run(environment, collection, console.note) as outcome:
                check_answering(environment, collection)
                report = outcome.report = run(request, environment)
    console.show(report, as_json, console.plan if plan else console.ingested)
    for check in access_checks(environment):
        console.warn(check)
    raise typer.Exit(DONE if plan else exit_code(report))


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
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from retrieval.opening import open_search  # noqa: PLC0415
    from serving.prompting import without_hidden  # noqa: PLC0415

    caller, where, query = principal_of(groups), parse_filter(filters or []), without_hidden(query)
    opened, searcher = open_search(environment_of(), collection, release)
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
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from serving import terminal  # noqa: PLC0415
    from serving.opening import open_answers  # noqa: PLC0415
    from serving.types import Question  # noqa: PLC0415

    environment = environment_of()
    asked = Question(text=question, caller=principal_of(groups), where=parse_filter(filters or []))
    attempts = attempts_at(environment, collection, release)
    terminal.ask(open_answers(environment, collection, release), asked, attempts, as_json)


@app.command()
def chat(
    release: Release = None,
    collection: Collection = "default",
    groups: As = None,
    filters: Where = None,
    as_json: Json = False,
) -> None:
    """Hold a conversation about the documents: a question a line; /sources, /new, /quit."""
    from retrieval.filters import parse_filter  # noqa: PLC0415
    from serving.opening import answers_of_live  # noqa: PLC0415
    from serving.terminal import Chat  # noqa: PLC0415
    from serving.types import Question  # noqa: PLC0415

    asked = Question(text="", caller=principal_of(groups), where=parse_filter(filters or []))
    environment = environment_of()
    attempts = attempts_at(environment, collection, release)
    conversation = Chat(answers_of_live(environment, collection, release), asked, attempts, as_json)
    conversation.run(sys.stdin.readline)
    raise typer.Exit(FAILED if conversation.failures and not sys.stdin.isatty() else DONE)


@app.command()
def trace(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An answer, one of its citations (ANSWER_ID#2), a chunk, a document or source, a finding, a repair, a "
            "release.",
        ),
    ],
    release: Release = None,
    collection: Collection = "default",
    as_json: Json = False,
) -> None:
    """Show where an answer, a citation, a chunk or a document comes from, and what was made or repaired of it."""
    from serving.callers import LOCAL  # noqa: PLC0415
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415
    from serving.lineage import trace_anything  # noqa: PLC0415

    environment = environment_of()
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    console.show(trace_anything(environment, journal, collection, thing, release, LOCAL), as_json, console.trace)


@app.command()
def status(as_json: Json = False) -> None:
    """Show what is live in every collection and how it is doing."""
    from index.health import status as look  # noqa: PLC0415

    console.show(look(environment_of()), as_json, console.status)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine, the live releases, the journals and who may call; name what is wrong and how to mend it."""
    from index.health import doctor as examine  # noqa: PLC0415
    from serving.checks import access_checks, generator_checks  # noqa: PLC0415
    from serving.service_checks import journal_checks, service_checks  # noqa: PLC0415

    environment = environment_of()
    looks = (generator_checks, access_checks, service_checks, journal_checks)
    report = examine(environment, [check for look in looks for check in look(environment)])
    console.show(report, as_json, console.doctor)
    raise typer.Exit(DONE if report.healthy else FAILED)


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


if __name__ == "__main__":
    main()
