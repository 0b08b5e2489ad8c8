"""Ids of journal records: they sort by time, and nobody can guess them."""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import datetime

TIME_DIGITS = 13
"""Leading hexadecimal digits of an id: microseconds since the epoch."""

_DIGITS = 32
_SHAPE = re.compile(r"[0-9a-f]{32}")


class _Clock:
    """Microseconds since the epoch, each later than the one before, in this process."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """The present, or a moment after the last one given where the clock has not moved on."""
        with self._lock:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return self._last


_clock = _Clock()


def new_record_id() -> str:
    """32 hexadecimal characters: 13 of the time in microseconds, then 76 random bits.

    Ids that a process makes one after the other ascend.
    """
    return f"{_clock.next():0{TIME_DIGITS}x}{secrets.token_hex(_DIGITS)[: _DIGITS - TIME_DIGITS]}"


def is_record_id(text: str) -> bool:
    """Whether a text has the shape of a record's id."""
    return _SHAPE.fullmatch(text) is not None


def first_id_at(moment: datetime) -> str:
    """The least id that a record of this moment or a later one can have."""
    microseconds = max(0, int(moment.timestamp() * 1_000_000))
    return f"{microseconds:0{TIME_DIGITS}x}".ljust(_DIGITS, "0")
