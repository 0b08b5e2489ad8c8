"""How requests learn that the service stops.

A stopping worker lets its requests finish for most of ``[serve] grace_seconds``. Those that still run then are told:
``begun()`` turns true, every request's task is cancelled, and the guard ends each stream with an error event, or
answers 503 where nothing was sent yet. What handles the cancellation in between (the journal's record of the answer)
sees the message of the cancellation, and so can tell a stopping service from a caller who left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

CODE = "shutting_down"
"""Code of the error that a request cut short by the end of the service gets."""

MESSAGE = "The service stops now, before this answer was done. Ask again in a moment."


class Closing:
    """The end of one worker's service."""

    def __init__(self) -> None:
        self._begun = False
        self._running: set[asyncio.Task[object]] = set()

    def begun(self) -> bool:
        """Whether requests are being cut short."""
        return self._begun

    def begin(self) -> None:
        """Cancel the requests that still run; those that come afterwards are refused."""
        self._begun = True
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
