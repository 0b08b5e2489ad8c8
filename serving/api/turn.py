"""What stands before work that costs something: the limits of the caller's key, and a turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ragpress.errors import ServiceFullError
from serving.api.errors import ApiError
from serving.api.service import Service
from serving.callers import Caller


async def count_request(service: Service, caller: Caller) -> None:
    """Count a request that costs something, unless the service is too full to work on it.

    Raises:
        ServiceFullError: too many requests wait already.
        ApiError: 429: the caller's key has used up its minute.
    """
    try:
        service.turns.check()
    except ServiceFullError:
        service.telemetry.turned_away("full")
        raise
    wait = service.limits.take(caller)
    if wait is None:
        return
    service.telemetry.turned_away("limit")
    raise ApiError(
        429,
        f"This API key has used up its requests or tokens of this minute. Try again in {max(wait, 1):.0f} s.",
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        retry_after=wait,
    )


@asynccontextmanager
async def turn_of(service: Service) -> AsyncIterator[None]:
    """Wait for a turn and hold it.

    Raises:
        ServiceFullError: too many requests wait already.
    """
    turns, telemetry = service.turns, service.telemetry
    try:
        async with turns.turn():
            telemetry.working(turns.running, turns.waiting)
            yield
    except ServiceFullError:
        telemetry.turned_away("full")
        raise
    finally:
        telemetry.working(turns.running, turns.waiting)
