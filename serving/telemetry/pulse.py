"""A look at this worker every second, for what is a state and no event: turns, circuits, the releases that answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from serving.generate.circuit import CircuitState
from serving.telemetry.telemetry import Telemetry

PULSE_SECONDS = 1.0


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker does at this moment.

    Attributes:
        active: answers that are being made.
        queued: requests that wait for their turn.
        releases: collection → the release that answers.
        circuits: collection → state of the circuit to its generator, where it has one.
    """

    active: int
    queued: int
    releases: Mapping[str, str]
    circuits: Mapping[str, CircuitState]


class Pulse:
    """Tells the telemetry what this worker does.

    Args:
        telemetry: hears it.
        state: looks.
    """

    def __init__(self, telemetry: Telemetry, state: Callable[[], WorkerState]) -> None:
        self._telemetry = telemetry
        self._state = state
        self._releases: Mapping[str, str] = {}

    def beat(self) -> None:
        """Look once."""
        state = self._state()
        self._telemetry.working(state.active, state.queued)
        for collection, circuit in state.circuits.items():
            self._telemetry.circuit(collection, circuit)
        for collection, release in state.releases.items():
            # The first release of a worker is no swap: it is what the worker started with.
            if self._releases.get(collection, release) != release:
                self._telemetry.swapped(collection, release)
        self._releases = state.releases

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Look every second for the duration of the context."""

        async def go_on() -> None:
            while True:
                self.beat()
                await asyncio.sleep(PULSE_SECONDS)

        task = asyncio.create_task(go_on())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
