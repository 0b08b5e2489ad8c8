"""The command ``ragpress worker``: the feedback loop."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ragpress import console
from serving.commands.shared import Json, environment_of

if TYPE_CHECKING:
    from rich.console import Console

    from feedback.loop.round import RoundReport
    from index.findings import LoopEvent


class Rounds(msgspec.Struct, frozen=True):
    """What one round did in each collection."""

    rounds: tuple[RoundReport, ...]


def worker(
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", "-c", help="Collection to work on; may come again. All if left out."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Run one round and end.")] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for another worker to end.", min=0)] = 0.0,
    as_json: Json = False,
) -> None:
    """Run the loop: watch the sources, fold in feedback, diagnose, repair, evaluate, publish, watch, roll back.

    The section loop of ragpress.toml says what it may do by itself. Ctrl+C or SIGTERM ends it after the step that
    runs; a second one at once.
    """
    from feedback.loop.worker import run_once, work  # noqa: PLC0415
    from serving.telemetry.logs import set_up_logs  # noqa: PLC0415

    environment = environment_of()
    set_up_logs(environment.workspace.service.telemetry)
    names = collection or list(environment.workspace.collections)
    for name in names:
        environment.workspace.collection(name)
    if once:
        rounds = [run_once(environment, name, [] if as_json else [_tell], wait) for name in names]
        console.show(Rounds(tuple(rounds)), as_json, _print)
        return
    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    console.note(f"The worker runs the loop of {', '.join(names)}. Ctrl+C or SIGTERM ends it.")
    work(environment_of, names, stop, wait=wait, sinks=[_tell])


def _tell(event: LoopEvent) -> None:
    console.note(f"{event.at[11:19]} {event.collection}: {console.printable(event.text)}")


def _print(rounds: Rounds, out: Console) -> None:
    for one in rounds.rounds:
        out.print(
            f"{one.collection}: {one.bad_cases} bad cases, {len(one.found)} findings, {len(one.proven)} proven, "
            f"{len(one.published)} published, {len(one.waiting)} waiting, {one.failed} failed, {one.left} left",
            markup=False,
        )
