"""Turns: so many answers are made at once, so many requests wait, and the rest are turned away at once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator


class Turns:
    """A bounded number of turns with a bounded queue before it, for one event loop."""

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Raises:
            ServiceFullError: the queue is full, or the wait was too long; carries the seconds to wait.
        """
        yield
