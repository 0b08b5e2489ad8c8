"""The supervisor: starts the worker processes, replaces dead ones, stops all of them; and a process beside them.

Workers are processes of their own, started afresh and not forked: models and event loops do not survive a fork. They
share one listening socket, so the kernel hands each connection to one of them. A worker that dies is replaced; one
that dies again and again as it starts ends the service with an error instead of a busy loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from prometheus_client.multiprocess import mark_process_dead

from ragpress.errors import ServiceError
from serving.server.inherited import LAST_SECONDS, WORKER_VARIABLE, Descriptors
from serving.uploads import tether

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which the workers of one service add up their metrics."""

FAILURES = 5
"""So many starts in a row may fail before the service gives up."""

YOUNG_SECONDS = 10.0
"""A worker that ends by itself within so long of its first answer counts as one that failed to start."""

LONGEST_BESIDE = 60.0
"""The process beside the service is started again after at most so many seconds, however often it failed."""

_LONGEST_PAUSE = 10.0
_KILL_AFTER = 8.0
_TETHER = tether.__file__
_KILLED = (-signal.SIGKILL, -signal.SIGTERM)


class WorkerCommand(msgspec.Struct, frozen=True):
    """How a worker process is started.

    Attributes:
        words: the command line.
        environment: variables beside those of this process.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor runs.

    Attributes:
        command: how a worker is started.
        listener: the socket that all of them listen on.
        workers: how many.
        grace: seconds in which a stopping worker finishes its streams.
        ready: called with the process ids once all workers answer.
        tell: told in a sentence what happens to workers.
        pause: seconds before a worker that failed to start is started again; doubled with every failure in a row.
        beside: a process that runs beside the service once that answers; nothing when None. The service goes on
            whatever becomes of it: it is started again, each time a little later.
    """

    command: WorkerCommand
    listener: socket.socket
    workers: int
    grace: float
    ready: Callable[[list[int]], None]
    tell: Callable[[str], None]
    pause: float = 1.0
    beside: WorkerCommand | None = None


def supervise(fleet: Fleet) -> bool:
    """Run the workers until SIGTERM or SIGINT.

    Returns:
        Whether all workers ended by themselves within the grace. A second signal kills them at once.

    Raises:
        ServiceError: no worker could start, or they keep dying as they start.
    """
    metrics = Path(tempfile.mkdtemp(prefix="ragpress-metrics-"))
    try:
        return asyncio.run(_Supervisor(fleet, metrics).run())
    finally:
        fleet.listener.close()
        shutil.rmtree(metrics, ignore_errors=True)


class _Supervisor:
    def __init__(self, fleet: Fleet, metrics: Path) -> None:
        self._fleet = fleet
        self._metrics = metrics
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._answering: set[int] = set()
        self._failures = 0
        self._told = False
        self._signals = 0
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self._beside: asyncio.subprocess.Process | None = None
        self._lifeline, self._held = os.pipe()

    async def run(self) -> bool:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._fleet.workers):
                    group.create_task(self._keep())
                group.create_task(self._ended())
                if self._fleet.beside is not None:
                    group.create_task(self._keep_beside(self._fleet.beside))
        except* ServiceError as errors:
            raise errors.exceptions[0] from None
        finally:
            self._kill()
            os.close(self._lifeline)
            os.close(self._held)
        return self._signals < 2

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals > 1:
            self._kill()
            return
        self._stop.set()
        self._fleet.listener.close()
        for process in self._processes():
            _send(process, signal.SIGTERM)

    async def _ended(self) -> None:
        await self._stop.wait()
        end = asyncio.get_running_loop().time() + self._fleet.grace + LAST_SECONDS + _KILL_AFTER
        while self._processes() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        self._kill()

    async def _keep(self) -> None:
        while not self._stop.is_set():
            process, answers = await self._start()
            began = asyncio.get_running_loop().time()
            if answers:
                self._answering.add(process.pid)
                self._report()
            code = await process.wait()
            self._forget(process.pid)
            if self._stop.is_set():
                return
            self._fleet.tell(f"Worker process {process.pid} ended with {_reason(code)}; another one takes its place.")
            old = asyncio.get_running_loop().time() - began > YOUNG_SECONDS
            if answers and (old or code in _KILLED):
                self._failures = 0
            else:
                await self._pause(code)

    async def _start(self) -> tuple[asyncio.subprocess.Process, bool]:
        reading, writing = os.pipe()
        inherited = Descriptors(self._fleet.listener.fileno(), writing, self._lifeline)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._fleet.command.words,
                env=self._environment(inherited),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(inherited.listener, inherited.ready, inherited.lifeline),
                process_group=0,  # Ctrl+C in a terminal reaches the supervisor alone
            )
        finally:
            os.close(writing)
        self._running[process.pid] = process
        if self._stop.is_set():
            _send(process, signal.SIGTERM)
        return process, await _line(reading)

    async def _keep_beside(self, command: WorkerCommand) -> None:
        pause = self._fleet.pause
        await self._until(self._ready, self._stop)
        while not self._stop.is_set():
            # It dies with this process: a killed service cannot tell it to.
            words = (sys.executable, "-I", "-S", _TETHER, str(os.getpid()), "0", *command.words)
            self._beside = process = await asyncio.create_subprocess_exec(
                *words, env={**os.environ, **command.environment}, stdin=asyncio.subprocess.DEVNULL, process_group=0
            )
            began = asyncio.get_running_loop().time()
            if self._stop.is_set():
                _send(process, signal.SIGTERM)
            code = await process.wait()
            self._beside = None
            if self._stop.is_set():
                return
            if asyncio.get_running_loop().time() - began > LONGEST_BESIDE:
                pause = self._fleet.pause
            self._fleet.tell(
                f"The process beside the service ({process.pid}) ended with {_reason(code)}; "
                f"another one starts in {pause:g} s."
            )
            await self._wait(pause)
            pause = min(LONGEST_BESIDE, 2 * pause)

    async def _until(self, *events: asyncio.Event) -> None:
        """Wait for the first of some events."""
        waiting = [asyncio.ensure_future(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until the service stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _processes(self) -> list[asyncio.subprocess.Process]:
        """All that run now."""
        return [*self._running.values(), *([] if self._beside is None else [self._beside])]

    def _environment(self, inherited: Descriptors) -> dict[str, str]:
        return {
            **os.environ,
            **self._fleet.command.environment,
            METRICS_VARIABLE: str(self._metrics),
            WORKER_VARIABLE: msgspec.json.encode(inherited).decode(),
        }

    def _report(self) -> None:
        if not self._told and len(self._answering) == self._fleet.workers:
            self._told = True
            self._ready.set()
            self._fleet.ready(sorted(self._answering))

    def _forget(self, pid: int) -> None:
        self._running.pop(pid, None)
        self._answering.discard(pid)
        mark_process_dead(pid, str(self._metrics))  # type: ignore[no-untyped-call]

    async def _pause(self, code: int) -> None:
        self._failures += 1
        if not self._told or self._failures >= FAILURES:
            again = "" if self._failures == 1 else f", the {self._failures}th in a row to end so early"
            raise ServiceError(
                f"A worker process ended with {_reason(code)} as it started{again}. What it said stands above."
            )
        await self._wait(min(_LONGEST_PAUSE, self._fleet.pause * 2 ** (self._failures - 1)))

    def _kill(self) -> None:
        for process in self._processes():
            _send(process, signal.SIGKILL)


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def _line(descriptor: int) -> bool:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        return bool(await reader.readline())
    finally:
        transport.close()


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
