"""Turns: so many answers are made at once, so many requests wait, and the rest are turned away at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from ragpress.errors import ServiceFullError
from ragpress.serve_settings import ServeSettings

_FIRST_GUESS = 1.0
"""Seconds that an answer is thought to take before one was made."""

_WEIGHT = 0.1
"""Weight of the last answer in the mean of their durations."""

_LONGEST_WAIT = 60.0


class Turns:
    """A bounded number of turns with a bounded queue before it, for one event loop. First come, first served.

    Args:
        settings: how many, and how long they wait.
        clock: monotonic seconds.
    """

    def __init__(self, settings: ServeSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._mean = _FIRST_GUESS

    @property
    def running(self) -> int:
        """Turns that are held."""
        return self._running

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Raises:
            ServiceFullError: the queue is full, or the wait was too long; carries the seconds to wait.
        """
        await self._enter()
        began = self._clock()
        try:
            yield
        finally:
            self._mean += _WEIGHT * (self._clock() - began - self._mean)
            self._pass_on()

    def check(self) -> None:
        """See that a request would at least find a place in the queue.

        Raises:
            ServiceFullError: it would not; carries the seconds to wait.
        """
        if not self._free and len(self._waiting) >= self._settings.queue:
            raise self._full("The service is full")

    @property
    def _free(self) -> bool:
        return self._running < self._settings.concurrency and not self._waiting

    async def _enter(self) -> None:
        self.check()
        if self._free:
            self._running += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._settings.queue_seconds):
                await place
        except BaseException as error:
            self._give_up(place)
            if isinstance(error, TimeoutError):
                waited = f"No answer could be begun within {self._settings.queue_seconds:g} s"
                raise self._full(waited) from error
            raise

    def _give_up(self, place: asyncio.Future[None]) -> None:
        """Leave the queue; a turn that was handed over at this very moment goes to the next one."""
        if place.done() and not place.cancelled():
            self._pass_on()
            return
        with contextlib.suppress(ValueError):
            self._waiting.remove(place)

    def _pass_on(self) -> None:
        """Hand a turn to whoever waits longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._running -= 1

    def _full(self, what: str) -> ServiceFullError:
        rounds = (len(self._waiting) + 1) / self._settings.concurrency
        wait = min(max(self._mean * rounds, 1.0), _LONGEST_WAIT)
        return ServiceFullError(f"{what}. Try again in {wait:.0f} s.", wait)
