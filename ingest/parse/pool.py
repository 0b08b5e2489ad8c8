"""Worker processes that parse under limits of time and memory, and lose at most one document each time.

A worker is a process group of its own, without network, that ends with its parent. A document that hangs,
explodes or kills its parser becomes a ``ParseError``; the documents queued behind it go to a fresh worker.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from ingest.parse.process import WorkerProcess
from ingest.parse.protocol import ERRORS, Reply, Request
from ragpress.errors import ParseError, ParserDiedError, TimeLimitError
from ragpress.settings import ParseSettings, WorkerSettings
from ragpress.types import ParsedDocument

Key = TypeVar("Key")

QUEUE = 8
PROBATION = 4
READ_AHEAD = 32
DOCUMENTS_PER_WORKER = 24
SLOW_SECONDS = 0.3
GRACE_SECONDS = 3.0


class ParseResult(msgspec.Struct, Generic[Key], frozen=True):
    """What came of one document.

    Attributes:
        key: the caller's.
        outcome: the document, or why it cannot be used.
        sha256: hexadecimal digest of exactly the bytes that were parsed; "" when they could not be read.
        size: how many bytes.
    """

    key: Key
    outcome: ParsedDocument | ParseError
    sha256: str
    size: int


class _Task(Generic[Key]):
    """A document on its way through the pool."""

    __slots__ = ("key", "request", "result", "sha256", "size")

    def __init__(self, key: Key, request: Request) -> None:
        self.key = key
        self.request = request
        self.sha256 = ""
        self.size = 0
        self.result: ParseResult[Key] | None = None

    def finish(self, outcome: ParsedDocument | ParseError) -> None:
        self.result = ParseResult(self.key, outcome, self.sha256, self.size)


class ParserPool:
    """Parses files in worker processes; a context manager that ends them.

    Workers start when documents come and their number grows with the work, so a small run starts one.

    Args:
        settings: how to parse.
        workers: how many processes, and the limits of each.
    """

    def __init__(self, settings: ParseSettings, workers: WorkerSettings) -> None:
        self._settings = settings
        self._limits = workers
        self._most = workers.processes or _cores()
        self._workers: list[WorkerProcess] = []
        self._submitted = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and what it started."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def parse(self, path: str, name: str) -> ParseResult[None]:
        """Parse one file. See :meth:`parse_many`."""
        return next(self.parse_many([(None, path, name)]))

    def parse_many(
        self, files: Iterable[tuple[Key, str, str] | tuple[Key, str, str, str]]
    ) -> Iterator[ParseResult[Key]]:
        """Parse files; one run at a time on a pool.

        Args:
            files: caller's key, path to open, and source name (for the type and for messages) of each, with the name
                of another parser than that of its type where there is one. It is read a bounded number of documents
                ahead of the results.

        Yields:
            One result for each file, in their order. An error's message names no absolute path.
        """
        if self._closed:
            raise RuntimeError("The parser pool is closed: open a new one.")
        run = _Run[Key](self)
        source = iter(files)
        waiting: deque[_Task[Key]] = deque()
        more = True
        try:
            while more or waiting:
                while more and len(waiting) < READ_AHEAD:
                    item = next(source, None)
                    if item is None:
                        more = False
                        break
                    task = _Task(item[0], Request(os.fsencode(item[1]), *item[2:]))
                    waiting.append(task)
                    run.submit(task)
                while waiting and waiting[0].result is None:
                    run.step()
                if waiting:
                    finished = waiting.popleft().result
                    if finished is not None:
                        yield finished
        finally:
            run.abandon()

    def _start_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._settings, self._limits)
        self._workers.append(worker)
        return worker

    def _drop(self, worker: WorkerProcess) -> None:
        worker.kill()
        self._workers.remove(worker)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Run(Generic[Key]):
    """One pass over many documents: which worker holds which tasks.

    Args:
        pool: owns the workers.
    """

    def __init__(self, pool: ParserPool) -> None:
        self._pool = pool
        self._queue: deque[_Task[Key]] = deque()
        self._held: dict[int, deque[_Task[Key]]] = {}
        self._waited: dict[int, float] = {}

    def submit(self, task: _Task[Key]) -> None:
        """Queue a document and hand out what workers have room for."""
        self._queue.append(task)
        self._pool._submitted += 1
        self._dispatch()

    def step(self) -> None:
        """Wait for a worker to say something, and enforce the time limit while waiting."""
        self._dispatch()
        workers = {worker.output: worker for worker in self._pool._workers if self._tasks(worker)}
        poll = select.poll()
        for descriptor in workers:
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        began = time.monotonic()
        ready = poll.poll(SLOW_SECONDS * 1000)
        elapsed = time.monotonic() - began
        spoke = {descriptor for descriptor, _ in ready}
        for descriptor, worker in workers.items():
            if descriptor in spoke:
                self._waited[worker.number] = 0.0
                self._listen(worker)
            else:
                self._wait(worker, elapsed)

    def abandon(self) -> None:
        """End workers that still hold documents nobody waits for."""
        for worker in list(self._pool._workers):
            if self._tasks(worker):
                self._pool._drop(worker)

    def _tasks(self, worker: WorkerProcess) -> deque[_Task[Key]]:
        return self._held.setdefault(worker.number, deque())

    def _dispatch(self) -> None:
        while self._queue:
            pool = self._pool
            worker = min(pool._workers, key=lambda one: len(self._tasks(one)), default=None)
            wanted = min(pool._most, 1 + pool._submitted // DOCUMENTS_PER_WORKER)
            slow = any(waited >= SLOW_SECONDS for waited in self._waited.values())
            busy = worker is None or bool(self._tasks(worker))
            if busy and len(pool._workers) < (pool._most if slow or worker is None else wanted):
                worker = pool._start_worker()
            # what a worker holds cannot move to another, so one that has not shown its pace gets little
            if worker is None or len(self._tasks(worker)) >= (QUEUE if worker.answered >= PROBATION else 2):
                return
            task = self._queue.popleft()
            self._tasks(worker).append(task)
            if not worker.send(task.request):
                self._lost(worker)

    def _listen(self, worker: WorkerProcess) -> None:
        tasks = self._tasks(worker)
        replies, alive = worker.receive()
        for reply in replies:
            if not tasks:
                break
            self._answered(worker, reply)
            if reply.last:
                self._retire(worker)
                return
        if not alive:
            self._lost(worker)

    def _answered(self, worker: WorkerProcess, reply: Reply) -> None:
        tasks = self._tasks(worker)
        task = tasks[0]
        task.sha256, task.size = reply.sha256, reply.size
        if reply.going_on:
            return
        tasks.popleft()
        worker.answered += 1
        if reply.document is not None:
            task.finish(reply.document)
        else:
            task.finish(ERRORS.get(reply.error, ParseError)(reply.message))

    def _wait(self, worker: WorkerProcess, elapsed: float) -> None:
        waited = self._waited.get(worker.number, 0.0) + elapsed
        self._waited[worker.number] = waited
        if waited > self._pool._limits.seconds + GRACE_SECONDS:
            self._lost(worker, timed_out=True)

    def _lost(self, worker: WorkerProcess, *, timed_out: bool = False) -> None:
        """A worker ended or was ended: its first document is the reason, the others are queued again."""
        tasks = self._tasks(worker)
        self._pool._drop(worker)
        if tasks:
            tasks.popleft().finish(self._reason(worker, timed_out))
        self._requeue(worker)

    def _retire(self, worker: WorkerProcess) -> None:
        self._pool._drop(worker)
        self._requeue(worker)

    def _requeue(self, worker: WorkerProcess) -> None:
        self._queue.extendleft(reversed(self._held.pop(worker.number, deque())))
        self._waited.pop(worker.number, None)

    def _reason(self, worker: WorkerProcess, timed_out: bool) -> ParseError:
        limits = self._pool._limits
        if timed_out or worker.timed_out():
            return TimeLimitError(
                f"Its parser ran longer than {limits.seconds:g} s and was ended. Split the file, repair it, or raise "
                "seconds under [workers]."
            )
        return ParserDiedError(
            f"Its parser died ({worker.ending()}): the file is damaged, or needs more than the "
            f"{limits.memory_mb} MiB of memory_mb under [workers]."
        )
