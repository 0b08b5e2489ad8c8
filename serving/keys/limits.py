"""What each key may use in a minute, counted over all worker processes of this machine together."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from serving.callers import Caller
from serving.keys.buckets import Spent, Window, take_from, wait_for, window
from serving.keys.slots import Change, SlotFile

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OLD_SECONDS = 7 * 24 * 3600.0
RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class LimitState(msgspec.Struct, frozen=True):
    """What is left of a caller's limits; None where there is none.

    Attributes:
        requests: of its requests a minute.
        tokens: of its tokens a minute.
    """

    requests: Window | None
    tokens: Window | None

    def headers(self) -> dict[str, str]:
        """Headers as OpenAI's API sends them; none where there is no limit."""
        return _headers("requests", self.requests) | _headers("tokens", self.tokens)


class Limits:
    """Counts requests and tokens of each key. Any thread may use it; a call costs microseconds.

    A key may use its minute's worth at once; what it used comes back evenly. Where the shared file fails, each process
    counts for itself and the log says so: a full disk neither stops the service nor lifts the limits.

    Args:
        folder: local folder of the shared file.
        clock: monotonic seconds, the same in every process of this machine.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._file = SlotFile(folder / f"limits-{_boot()}", clock)
        self._own = _OwnSlots()
        self._broken = False
        self._retry_at = float("-inf")
        _remove_old(folder)

    def take(self, caller: Caller) -> float | None:
        """Count one request.

        Returns:
            None where it may pass; else the seconds after which it may, and nothing was counted.
        """
        if caller.requests_per_minute is None and caller.tokens_per_minute is None:
            return None
        waits: list[float] = []

        def taken(spent: Spent) -> Spent:
            now = self._clock()
            waits[:] = [_wait(caller, spent, now)]
            if waits[0] or caller.requests_per_minute is None:
                return spent
            return Spent(take_from(spent.requests, caller.requests_per_minute, 1, now), spent.tokens)

        self._change(caller.key, taken)
        return waits[0] or None

    def spend(self, caller: Caller, tokens: int) -> None:
        """Count tokens once they are known; they weigh on the requests that follow."""
        per_minute = caller.tokens_per_minute
        if per_minute is None or tokens <= 0:
            return
        self._change(
            caller.key,
            lambda spent: Spent(spent.requests, take_from(spent.tokens, per_minute, tokens, self._clock())),
        )

    def state(self, caller: Caller) -> LimitState:
        """What is left of a caller's limits now."""
        requests, tokens = caller.requests_per_minute, caller.tokens_per_minute
        if requests is None and tokens is None:
            return LimitState(None, None)
        spent, now = self._read(caller.key), self._clock()
        return LimitState(
            requests=None if requests is None else window(spent.requests, requests, now),
            tokens=None if tokens is None else window(spent.tokens, tokens, now),
        )

    def headers(self, caller: Caller) -> Mapping[str, str]:
        """Headers of an answer that tell a caller what is left: ``x-ratelimit-remaining-requests`` and so on."""
        return self.state(caller).headers()

    def close(self) -> None:
        """Close the shared file."""
        self._file.close()

    def _change(self, key: str, change: Change) -> None:
        if self._clock() >= self._retry_at:
            try:
                self._file.change(key, change)
            except OSError as error:
                self._tell(error)
            else:
                self._broken = False
                return
        self._own.change(key, change)

    def _read(self, key: str) -> Spent:
        if self._clock() >= self._retry_at:
            try:
                return self._file.read(key)
            except OSError as error:
                self._tell(error)
        return self._own.read(key)

    def _tell(self, error: OSError) -> None:
        # A lock that nobody gives back takes its time to find out, and requests wait behind it.
        self._retry_at = self._clock() + RETRY_SECONDS
        if not self._broken:
            _log.error("Limits are counted by each worker for itself, their shared file fails: %s", error)
        self._broken = True


class _OwnSlots:
    """What this process counts where the shared file fails: one entry for each key."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}
        self._lock = threading.Lock()

    def read(self, key: str) -> Spent:
        return self._spent.get(key, Spent())

    def change(self, key: str, change: Change) -> None:
        with self._lock:
            self._spent[key] = change(self.read(key))


def _wait(caller: Caller, spent: Spent, now: float) -> float:
    waits = [0.0]
    if caller.requests_per_minute is not None:
        waits.append(wait_for(spent.requests, caller.requests_per_minute, 1, now))
    if caller.tokens_per_minute is not None:
        waits.append(wait_for(spent.tokens, caller.tokens_per_minute, 1, now))
    return max(waits)


def _headers(what: str, left: Window | None) -> dict[str, str]:
    if left is None:
        return {}
    return {
        f"x-ratelimit-limit-{what}": str(left.limit),
        f"x-ratelimit-remaining-{what}": str(left.remaining),
        f"x-ratelimit-reset-{what}": _duration(left.reset),
    }


def _duration(seconds: float) -> str:
    """A time span as OpenAI writes it: ``17ms``, ``1.5s``, ``6m0s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{rest:g}s" if not minutes else f"{minutes:.0f}m{rest:.0f}s"


def _boot() -> str:
    """Names the time since this machine started: the file holds moments of its clock, which then began anew."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "boot"


def _remove_old(folder: Path) -> None:
    """Remove what was counted before this machine was last started."""
    with contextlib.suppress(OSError):
        for path in folder.glob("limits-*"):
            if path.name != f"limits-{_boot()}" and time.time() - path.stat().st_mtime > _OLD_SECONDS:
                path.unlink()
