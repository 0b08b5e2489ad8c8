"""Whether this worker would answer a question now: what a load balancer asks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from serving.telemetry.logs import event

ROOM = 16_000_000
"""Bytes that must be free on the disk of the journals."""

PROBE_SECONDS = 5.0
"""The longest that one probe may take."""

_LOG = logging.getLogger(__name__)

Look = Callable[[], Awaitable[str]]
"""Looks at one thing: "" where it is well, else a word that says what is wrong. It tells callers who have no key, so
the word names no address, no path and no collection."""


class Probe(msgspec.Struct, frozen=True):
    """One thing that must be well.

    Attributes:
        name: what it is called in the answer.
        look: looks at it.
        seconds: how long a finding is told again without another look.
    """

    name: str
    look: Look
    seconds: float


class Finding(msgspec.Struct, frozen=True):
    """What a probe found."""

    name: str
    ok: bool
    reason: str = ""


class Readiness:
    """Looks at everything that an answer needs, so seldom that probes are no load.

    Args:
        probes: what to look at.
        clock: monotonic seconds.
    """

    def __init__(self, probes: Sequence[Probe] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._probes = probes
        self._clock = clock
        self._found: dict[str, tuple[float, Finding]] = {}
        self._looking = asyncio.Lock()
        self._stopping = False

    def stop(self) -> None:
        """From now on it is not ready: the process is about to end."""
        self._stopping = True

    async def look(self) -> list[Finding]:
        """What each probe finds, or found a moment ago."""
        stopping = Finding("process", not self._stopping, "stopping" if self._stopping else "")
        async with self._looking:
            found = await asyncio.gather(*map(self._finding, self._probes))
        return [stopping, *found]

    async def _finding(self, probe: Probe) -> Finding:
        until, found = self._found.get(probe.name, (0.0, None))
        if found is not None and self._clock() < until:
            return found
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reason = await probe.look()
        except TimeoutError:
            reason = "too_slow"
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is "not ready", and the log says why
            event(_LOG, logging.WARNING, "a readiness probe failed", {"probe": probe.name}, error)
            reason = "failed"
        finding = Finding(probe.name, not reason, reason)
        if found is not None and found.ok != finding.ok:
            event(_LOG, logging.WARNING, "readiness changed", {"probe": probe.name, "reason": reason, "ok": finding.ok})
        self._found[probe.name] = (self._clock() + probe.seconds, finding)
        return finding
