"""How requests learn that the service stops.

A worker that is told to stop lets its requests finish for most of ``[serve] grace_seconds``; meanwhile ``stopping()``
is true: it still takes connections, so that load balancers read from ``/readyz`` that it goes, and refuses everything
else. Requests that still run in the end are told: ``begun()`` turns true, every request's task is cancelled, and the
guard ends each stream with an error event, or answers 503 where nothing was sent yet. What handles the cancellation in
between (the journal's record of the answer) sees the message of the cancellation, and so can tell a stopping service
from a caller who left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

CODE = "shutting_down"
"""Code of the error that a request cut short by the end of the service gets."""

REFUSED = "The service is about to stop and takes no new requests. Ask again in a moment."

MESSAGE = "The service stops now, before this answer was done. Ask again in a moment."


class Closing:
    """The end of one worker's service."""

    def __init__(self) -> None:
        self._stopping = False
        self._begun = False
        self._running: set[asyncio.Task[object]] = set()

    def stopping(self) -> bool:
        """Whether the worker was told to stop: what runs is finished, what comes is refused."""
        return self._stopping

    def stop(self) -> None:
        """The worker was told to stop."""
        self._stopping = True

    def begun(self) -> bool:
        """Whether requests are being cut short."""
        return self._begun

    def begin(self) -> None:
        """Cancel the requests that still run; those that come afterwards are refused."""
        self._stopping = self._begun = True
        for task in self._running:
            task.cancel(MESSAGE)

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count the running task as a request for the duration of the context."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - an application runs in a task
        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)
