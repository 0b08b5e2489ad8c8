"""Ids of journal records: they sort by time, and nobody can guess them."""

from __future__ import annotations

import re
import secrets
import time
from datetime import datetime

_TIME_DIGITS = 12
_RANDOM_BYTES = 10
_SHAPE = re.compile(r"[0-9a-f]{32}")


def new_record_id() -> str:
    """32 hexadecimal characters: 12 of the time in milliseconds, then 80 random bits."""
    return f"{time.time_ns() // 1_000_000:0{_TIME_DIGITS}x}{secrets.token_hex(_RANDOM_BYTES)}"


def is_record_id(text: str) -> bool:
    """Whether a text has the shape of a record's id."""
    return _SHAPE.fullmatch(text) is not None


def first_id_at(moment: datetime) -> str:
    """The least id that a record of this moment or a later one can have."""
    milliseconds = max(0, round(moment.timestamp() * 1000))
    return f"{milliseconds:0{_TIME_DIGITS}x}".ljust(_TIME_DIGITS + 2 * _RANDOM_BYTES, "0")
