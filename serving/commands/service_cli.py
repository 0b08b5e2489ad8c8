"""Commands ``ragpress serve``, ``ragpress mcp``: what others reach over a protocol."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ragpress import console
from serving.commands.shared import (
    FAILED,
    As,
    Collection,
    Json,
    environment_of,
    principal_of,
    workspace_folder,
)

if TYPE_CHECKING:
    from ragpress.serve_settings import TelemetrySettings
    from ragpress.settings import Workspace
    from serving.server.supervisor import WorkerCommand


_FOR_EVER = str(10**9)


class Serving(msgspec.Struct, frozen=True):
    """A service that answers.

    Attributes:
        url: its address, and that of the chat page.
        dashboard: address of the dashboard.
        pid: the process to stop.
        workers: number of worker processes.
        worker_pids: their process ids as they started; a worker that dies is replaced.
        keys: whether callers need an API key.
    """

    url: str
    dashboard: str
    pid: int
    workers: int
    worker_pids: list[int]
    keys: bool


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; as set if left out.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on; 0 takes any free one.", min=0, max=65535)
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Worker processes; as set if left out.", min=1)
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Run the worker beside it: the feedback loop; see ragpress worker.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the HTTP service: the API, the chat page and the dashboard. Ctrl+C or SIGTERM stops it."""
    from ragpress.settings import load_workspace  # noqa: PLC0415
    from ragpress.storage import open_store  # noqa: PLC0415
    from serving.keys.ring import KeyRing  # noqa: PLC0415
    from serving.server.binding import check_exposure, listen, url_of  # noqa: PLC0415
    from serving.server.supervisor import Fleet, supervise  # noqa: PLC0415

    workspace = load_workspace(workspace_folder())
    changed = {
        name: value for name, value in (("host", host), ("port", port), ("workers", workers)) if value is not None
    }
    settings = msgspec.structs.replace(workspace.service.serve, **changed)
    keys = KeyRing(open_store(workspace.data, workspace.cache)).required
    check_exposure(settings, keys)
    listener = listen(settings.host, settings.port)
    url = url_of(listener)

    def ready(pids: list[int]) -> None:
        serving = Serving(url, f"{url}/admin", os.getpid(), settings.workers, pids, keys)
        _announce(serving, tell)
        if as_json:
            console.show(serving, as_json, lambda _record, _out: None)

    tell = _teller(workspace.service.telemetry)
    tell(f"Starting {settings.workers} worker process{'es' if settings.workers > 1 else ''} …")
    fleet = Fleet(
        command=_worker(workspace, changed),
        listener=listener,
        workers=settings.workers,
        grace=settings.grace_seconds,
        ready=ready,
        tell=tell,
        beside=_loop(workspace) if loop else None,
    )
    if not supervise(fleet):
        raise typer.Exit(FAILED)


def serve_worker() -> None:
    """Be one worker process of `ragpress serve`, which starts it."""
    from serving.server.worker import work  # noqa: PLC0415

    work(environment_of())


def mcp(collection: Collection = "default", groups: As = None) -> None:
    """Serve search, get_document and trace to an agent over the Model Context Protocol, on standard input and output.

    Nothing but the protocol is written to standard output; the log goes to standard error. It follows the live release.
    """
    from serving.context_protocol.following import document_tools  # noqa: PLC0415
    from serving.context_protocol.server import make_server  # noqa: PLC0415
    from serving.telemetry.logs import set_up_logs  # noqa: PLC0415

    environment = environment_of()
    set_up_logs(environment.workspace.service.telemetry)
    make_server(document_tools(environment, collection, principal_of(groups))).run("stdio")


def _worker(workspace: Workspace, changed: dict[str, str | int]) -> WorkerCommand:
    from serving.server.inherited import SERVE_VARIABLE  # noqa: PLC0415
    from serving.server.supervisor import WorkerCommand  # noqa: PLC0415

    return WorkerCommand(
        words=(sys.executable, "-m", "ragpress", "--workspace", str(workspace.root), "serve-worker"),
        environment={SERVE_VARIABLE: msgspec.json.encode(changed).decode()},
    )


def _loop(workspace: Workspace) -> WorkerCommand:
    """The loop of all collections; where another worker runs it, this one waits to take its place."""
    from serving.server.supervisor import WorkerCommand  # noqa: PLC0415

    words = (sys.executable, "-m", "ragpress", "--workspace", str(workspace.root), "worker", "--wait", _FOR_EVER)
    return WorkerCommand(words=words, environment={})


def _teller(settings: TelemetrySettings) -> Callable[[str], None]:
    """What says a sentence to the operator: on the terminal, or as a line of the log where that is for programs."""
    if settings.log_format == "text":
        return console.note
    from serving.telemetry.logs import event, set_up_logs  # noqa: PLC0415

    set_up_logs(settings)
    logger = logging.getLogger("ragpress.serve")
    return lambda sentence: event(logger, logging.INFO, sentence, {})


def _announce(serving: Serving, tell: Callable[[str], None]) -> None:
    tell(f"Chat page  {serving.url}/")
    tell(f"Dashboard  {serving.dashboard}")
    tell(f"API        {serving.url}/v1 (OpenAI-compatible)")
    if serving.keys:
        tell("Callers need an API key; make one with: ragpress keys add NAME")
    else:
        tell("There are no API keys: only this machine can call the service, and it may do everything.")
