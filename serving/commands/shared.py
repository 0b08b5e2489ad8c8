"""What all commands share: their common options, the workspace they work on, exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragpress import console

if TYPE_CHECKING:
    from index.environment import Environment
    from index.opened import OpenRelease
    from ragpress.console import RunProgress
    from retrieval.scope import Principal
    from serving.journal.attempts import Attempts

DONE, FAILED, USAGE, QUARANTINED, REFUSED = range(5)

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
Override = Annotated[
    str | None,
    typer.Option("--override", metavar="WHY", help="Publish what the gate refuses for its answers; WHY is recorded."),
]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for another writer to finish.", min=0)]


_workspace = Path()
_open: Callable[[Path, RunProgress | None, int], Environment] | None = None


def open_with(opener: Callable[[Path, RunProgress | None, int], Environment]) -> None:
    """Let every command of this process open workspaces with a function: folder, progress, parser processes."""
    global _open  # noqa: PLW0603 - the roof opens, and commands may not import it
    _open = opener


def work_in(folder: Path) -> None:
    """Let every command of this process work on the workspace at or above a folder."""
    global _workspace  # noqa: PLW0603 - the one option that every command shares
    _workspace = folder


def workspace_folder() -> Path:
    """The folder that commands start from."""
    return _workspace


def environment_of(progress: RunProgress | None = None, workers: int = 0) -> Environment:
    """The environment of the workspace.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    if _open is None:
        raise AssertionError("ragpress.cli says how workspaces are opened")
    return _open(_workspace, progress, workers)


def release_of(collection: str, release: str | None) -> OpenRelease:
    """A release of the workspace; the live one when None.

    Raises:
        ReleaseError: there is none.
    """
    from index.environment import open_release  # noqa: PLC0415

    return open_release(environment_of(), collection, release)


def principal_of(groups: list[str] | None) -> Principal:
    """Who asks on the command line: the operator, or a member of the groups named."""
    from retrieval import access  # noqa: PLC0415

    return access.principal_of(groups)


def attempts_at(environment: Environment, collection: str, release: str | None) -> Attempts:
    """What keeps the answers of a command that asks a release, or whichever is live."""
    from serving.journal.attempts import Attempts  # noqa: PLC0415

    def asked() -> str:
        releases = environment.releases(collection)
        return releases.live_id() or "" if release is None else releases.get(release).id

    return Attempts(environment, collection, asked, console.note)
