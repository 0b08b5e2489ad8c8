"""So many answers at once, so many waiting, the rest turned away at once."""

import asyncio

import pytest

from ragpress.errors import ServiceFullError
from ragpress.serve_settings import ServeSettings
from serving.turns import Turns


async def hold(turns: Turns, release: asyncio.Event, order: list[int], number: int) -> None:
    async with turns.turn():
        order.append(number)
        await release.wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def turns_of(concurrency: int, queue: int, seconds: float = 60.0) -> Turns:
    return Turns(ServeSettings(concurrency=concurrency, queue=queue, queue_seconds=seconds))


async def test_more_than_the_queue_takes_is_turned_away_at_once_with_the_seconds_to_wait() -> None:
    turns, release, order = turns_of(2, 3), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(turns, release, order, number)) for number in range(5)]
    await settle()
    assert (turns.running, turns.waiting, order) == (2, 3, [0, 1])
    refused = await asyncio.gather(*(hold(turns, release, order, 9) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(error, ServiceFullError) and error.retry_after >= 1 for error in refused)
    release.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert (turns.running, turns.waiting) == (0, 0)


async def test_who_waited_too_long_is_turned_away_and_frees_the_place() -> None:
    turns, release, order = turns_of(1, 1, seconds=0.001), asyncio.Event(), list[int]()
    first = asyncio.create_task(hold(turns, release, order, 1))
    await settle()
    with pytest.raises(ServiceFullError, match="could be begun"):
        await hold(turns, release, order, 2)
    assert turns.waiting == 0
    release.set()
    await first
    assert order == [1]


async def test_who_leaves_the_queue_frees_the_place_and_loses_nobody_elses_turn() -> None:
    turns, release, order = turns_of(1, 2), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(turns, release, order, number)) for number in range(3)]
    await settle()
    tasks[1].cancel()
    await settle()
    assert turns.waiting == 1
    release.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert order == [0, 2]
    assert turns.running == 0


async def test_a_turn_handed_to_somebody_who_leaves_at_that_moment_goes_to_the_next() -> None:
    turns, releases, order = turns_of(1, 2), [asyncio.Event() for _ in range(3)], list[int]()
    tasks = [asyncio.create_task(hold(turns, releases[number], order, number)) for number in range(3)]
    await settle()
    releases[0].set()
    await tasks[0]
    tasks[1].cancel()
    releases[2].set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order[-1] == 2
    assert (turns.running, turns.waiting) == (0, 0)


async def test_without_a_queue_a_request_is_turned_away_when_all_turns_are_held() -> None:
    turns, release, order = turns_of(1, 0), asyncio.Event(), list[int]()
    first = asyncio.create_task(hold(turns, release, order, 1))
    await settle()
    with pytest.raises(ServiceFullError, match="full"):
        await hold(turns, release, order, 2)
    release.set()
    await first


async def test_the_wait_that_is_named_follows_how_long_answers_take() -> None:
    now = [0.0]
    turns = Turns(ServeSettings(concurrency=1, queue=0), lambda: now[0])
    for _ in range(60):
        async with turns.turn():
            now[0] += 20
    async with turns.turn():
        with pytest.raises(ServiceFullError) as caught:
            await hold(turns, asyncio.Event(), [], 1)
    assert 15 < caught.value.retry_after <= 20
