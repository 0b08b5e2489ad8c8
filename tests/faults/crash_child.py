"""The command line in a process of its own, with a fault in it.

Started by :mod:`tests.faults.harness`; by hand, to look at one point of a crash campaign::

    python -m tests.faults.crash_child WORKSPACE 17 ingest --json
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec

from ragpress.errors import StorageError
from ragpress.storage import disk

KILLED = 137
STAGE = "stage "


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong at which event of the disk module.

    Attributes:
        at: number of the event, from 1; 0 for never.
        error: errno that every operation fails with from there on; 0 exits the process on the spot instead,
            without any cleaning up.
        lasting: for how many further events.
    """

    at: int = 0
    error: int = 0
    lasting: int = 0


@dataclass(frozen=True)
class Pause:
    """Stop at a stage of the run, say so, and wait to be told to go on."""

    stage: str
    reached: Event
    go: Event


def run(workspace: Path, arguments: Sequence[str], files: Path, fault: Fault, pause: Pause | None = None) -> None:
    """Run one command; it ends this process.

    Args:
        workspace: its folder.
        arguments: of the command line.
        files: prefix of the files to write: ``.out``, ``.err`` and ``.log`` (stages and disk events, one a line).
        fault: what goes wrong.
        pause: where to stop and wait.
    """
    for number, suffix in ((1, ".out"), (2, ".err")):
        opened = os.open(f"{files}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    log = os.open(f"{files}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    _tell_stages(log, pause)
    disk.set_observer(Injector(log, fault))
    sys.argv = ["ragpress", "--workspace", str(workspace), *arguments]
    from ragpress.cli import main

    main()


class Injector:
    """Counts the events of the disk module, writes them down and does the fault.

    Args:
        log: descriptor to write to.
        fault: what to do when.
    """

    def __init__(self, log: int, fault: Fault) -> None:
        self._log = log
        self._fault = fault
        self._count = 0

    def __call__(self, event: str, path: Path) -> None:
        self._count += 1
        os.write(self._log, f"{event} {path.name}\n".encode(errors="replace"))
        since = self._count - self._fault.at
        if not self._fault.at or not 0 <= since <= self._fault.lasting:
            return
        if not self._fault.error:
            os._exit(KILLED)
        operation = event.removeprefix("before ")
        if operation != event:
            reason = os.strerror(self._fault.error)
            raise StorageError(f"Cannot {operation} {path}: {reason}.") from OSError(self._fault.error, reason)


def _tell_stages(log: int, pause: Pause | None) -> None:
    from ragpress.console import RunProgress

    def stage(self: RunProgress, name: str) -> None:
        os.write(log, f"{STAGE}{name}\n".encode())
        if pause is not None and pause.stage == name:
            pause.reached.set()
            pause.go.wait()

    def documents(self: RunProgress, total: int) -> None:
        stage(self, "documents")

    RunProgress.stage = stage  # type: ignore[method-assign]
    RunProgress.documents = documents  # type: ignore[method-assign]


if __name__ == "__main__":
    where = Path(sys.argv[1])
    run(where, sys.argv[3:], where / "crash", Fault(at=int(sys.argv[2])))
