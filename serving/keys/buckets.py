"""Token buckets as one number each: the moment at which a bucket will be full again.

This is the generic cell rate algorithm (ITU-T I.371, annex A) with a burst of one minute. A bucket that nobody touched
is full, whatever number it holds from before; so a slot of zeros is a new key, and nothing has to be refilled.
"""

from __future__ import annotations

import math

import msgspec

MINUTE = 60.0
LONGEST_DEBT = 24 * 3600.0
# Sums of many small parts: a caller that has exactly one request left must get it.
_ROUNDING = 1e-5


class Spent(msgspec.Struct, frozen=True):
    """What a key has used.

    Attributes:
        requests: when its requests are all there again, in monotonic seconds; a moment past: now.
        tokens: the same for its tokens.
    """

    requests: float = 0.0
    tokens: float = 0.0


class Window(msgspec.Struct, frozen=True):
    """What a limit leaves.

    Attributes:
        limit: the most in a minute.
        remaining: what is left now.
        reset: seconds until all is there again.
    """

    limit: int
    remaining: int
    reset: float


def wait_for(full_at: float, per_minute: int, units: int, now: float) -> float:
    """Seconds until a bucket holds so many units; 0 where it does."""
    wait = max(full_at, now) - now + units * MINUTE / per_minute - MINUTE
    return wait if wait > _ROUNDING else 0.0


def take_from(full_at: float, per_minute: int, units: int, now: float) -> float:
    """The bucket with so many units less. It may owe some: at most what refills in a day."""
    return min(max(full_at, now) + units * MINUTE / per_minute, now + LONGEST_DEBT)


def window(full_at: float, per_minute: int, now: float) -> Window:
    """What a bucket leaves."""
    reset = max(0.0, full_at - now)
    remaining = math.floor((MINUTE - reset + _ROUNDING) * per_minute / MINUTE)
    return Window(limit=per_minute, remaining=min(max(remaining, 0), per_minute), reset=reset)


def plausible(spent: Spent, now: float) -> bool:
    """Whether a bucket can have come about; a damaged file may hold anything."""
    return all(math.isfinite(at) and 0 <= at <= now + LONGEST_DEBT + MINUTE for at in (spent.requests, spent.tokens))
