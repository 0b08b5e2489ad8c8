"""Stretches of time for plots: hours for a short look, whole days of the reader's own calendar for a long one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

_HOURS = 1, 3, 6, 24
_MOST_BUCKETS = 60


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def bucket_hours(days: int) -> int:
    """Length of a bucket: the shortest of 1, 3, 6 and 24 hours that makes no more than some 60 of them."""
    return next((hours for hours in _HOURS if days * 24 <= hours * _MOST_BUCKETS), _HOURS[-1])


def edges(now: datetime, days: int, zone: ZoneInfo) -> list[datetime]:
    """Where buckets begin, and where the last one ends, in UTC, ascending.

    They begin at whole hours of the reader's clock, days at midnight, also where the clocks change: then a bucket of a
    day is 23 or 25 hours long. The last bucket holds ``now``.

    Args:
        now: the time, with time zone.
        days: how far back, from 1.
        zone: the reader's time zone.
    """
    hours = bucket_hours(days)
    local = now.astimezone(zone)
    # A clock time: adding days to it stays at midnight whatever the clocks do; only then it becomes UTC.
    last = local.replace(hour=local.hour - local.hour % hours, minute=0, second=0, microsecond=0)
    wall = [last + timedelta(hours=hours * step) for step in range(1 - days * 24 // hours, 2)]
    return sorted({moment.astimezone(UTC) for moment in wall})


def bucket_numbers(times: npt.NDArray[np.datetime64], bounds: list[datetime]) -> npt.NDArray[np.int64]:
    """The bucket of each time, from 0; -1 before the first, ``len(bounds) - 1`` and above after the last.

    Args:
        times: UTC, shape (n,), dtype datetime64[us].
        bounds: as :func:`edges` gives them.
    """
    marks = np.array([bound.replace(tzinfo=None) for bound in bounds], dtype="datetime64[us]")
    return np.searchsorted(marks, times, side="right").astype(np.int64) - 1
