"""A circuit breaker (Nygard, *Release It!*, 2007): a server that fails again and again is left alone for a while.

States: *closed* lets every attempt through; so many failures in a row *open* it, and nothing passes; after the pause
it is *half open*: one attempt at a time may probe. The first sign of life closes it, a failure opens it again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CircuitState(StrEnum):
    """What a circuit does with the next attempt."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def circuit_of(generator: object) -> CircuitState | None:
    """The state of a generator's circuit; None where it has none."""
    state = getattr(generator, "circuit", None)
    return state if isinstance(state, CircuitState) else None


class Circuit:
    """Counts failures in a row. No input or output of its own; time comes from the clock it is given.

    Args:
        failures: so many in a row open it.
        seconds: how long it stays open before one attempt may probe.
        clock: monotonic seconds.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._pause = seconds
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probe: Attempt | None = None

    @property
    def state(self) -> CircuitState:
        """The state at this moment."""
        if self._opened is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self.retry_after > 0 else CircuitState.HALF_OPEN

    @property
    def failures(self) -> int:
        """Failures in a row so far."""
        return self._failures

    @property
    def retry_after(self) -> float:
        """Seconds until an attempt may probe; 0 where one may pass now."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._pause - self._clock())

    def admit(self) -> Attempt | None:
        """Let one attempt through, or None: the circuit is open, or another attempt probes.

        What becomes of the attempt must be told to it.
        """
        state = self.state
        if state is CircuitState.OPEN or (state is CircuitState.HALF_OPEN and self._probe is not None):
            return None
        attempt = Attempt(self)
        if state is CircuitState.HALF_OPEN:
            self._probe = attempt
        return attempt

    def _answered(self, attempt: Attempt) -> None:
        if attempt is self._probe:
            self._close()

    def _close(self) -> None:
        self._failures = 0
        self._opened = None
        self._probe = None

    def _failed(self, attempt: Attempt) -> None:
        if attempt is self._probe:
            self._probe = None
        elif self._opened is not None:
            return  # It began before the circuit opened and says nothing new.
        self._failures += 1
        if self._opened is not None or self._failures >= self._limit:
            self._opened = self._clock()

    def _abandoned(self, attempt: Attempt) -> None:
        if attempt is self._probe:
            self._probe = None


class Attempt:
    """One request that a circuit let through. The first thing said of its end counts, later ones do not."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._ended = False

    def answered(self) -> None:
        """The server shows life. Closes a half-open circuit before the answer is complete."""
        self._circuit._answered(self)

    def succeeded(self) -> None:
        """The server answered whole, or refused this one request as a healthy server may."""
        if self._ends():
            self._circuit._close()

    def failed(self) -> None:
        """The server failed."""
        if self._ends():
            self._circuit._failed(self)

    def abandoned(self) -> None:
        """The caller left, or the server is busy: nothing was learnt."""
        if self._ends():
            self._circuit._abandoned(self)

    def _ends(self) -> bool:
        first, self._ended = not self._ended, True
        return first
