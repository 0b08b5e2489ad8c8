"""Ten times what the service can do: ``python -m benchmarks.service_refusals``.

One worker has room for so many answers at once and a short queue. Requests come at a fixed rate, ten times as many as
it can finish, whatever becomes of them (an open loop). Most are refused; measured is how soon, while all the room is
taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.load_workspace import LoadedService, loaded_service
from benchmarks.paced_model import Pace, paced_model
from benchmarks.service_client import LoadClient, Reply
from benchmarks.service_load import QUESTIONS, closed_loop

PACE = Pace(0.5, 25.0, 40)
TIMES = 10


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a flood.

    Attributes:
        room: answers at once, and how many wait.
        rate: requests a second.
        asked: requests.
        whole: answers that came whole.
        refused: requests that got 429.
        without_retry_after: of these, those without the header.
        others: anything else, with how often it came.
        missing: whole answers that are not in the journal with their text.
        milliseconds: until a refusal was read: p50, p95, p99, the longest.
        machine: load average of the machine, one minute.
    """

    room: tuple[int, int]
    rate: float
    asked: int
    whole: int
    refused: int
    without_retry_after: int
    others: dict[str, int]
    missing: int
    milliseconds: tuple[float, float, float, float]
    machine: float


async def open_loop(client: LoadClient, rate: float, seconds: float) -> list[Reply]:
    """Requests on a schedule that waits for no answer."""
    loop = asyncio.get_running_loop()
    start, asked = loop.time(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(start + number / rate - loop.time())
        asked.append(asyncio.create_task(client.ask(QUESTIONS[number % len(QUESTIONS)], number)))
    return list(await asyncio.gather(*asked))


def flood(service: LoadedService, room: tuple[int, int], seconds: float) -> Refusals:
    """Ask ten times what the service can do."""
    client = LoadClient(service.host, service.port)
    asyncio.run(closed_loop(client, 4, 40, 0.1))
    rate = TIMES * room[0] / PACE.seconds
    replies = asyncio.run(open_loop(client, rate, seconds))
    whole = [reply for reply in replies if reply.whole]
    refused = [reply for reply in replies if reply.status == 429]
    others = [reply for reply in replies if not reply.whole and reply.status != 429]
    times = sorted(reply.total * 1000 for reply in refused)
    return Refusals(
        room=room,
        rate=rate,
        asked=len(replies),
        whole=len(whole),
        refused=len(refused),
        without_retry_after=sum(not reply.retry_after for reply in refused),
        others=dict(Counter(f"{reply.status} {reply.error}"[:200] for reply in others)),
        missing=len(service.not_in_journal(whole)),
        milliseconds=(_share(times, 0.5), _share(times, 0.95), _share(times, 0.99), times[-1]),
        machine=os.getloadavg()[0],
    )


def _share(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]


def main() -> int:
    """Measure and print; the exit code is 1 when something else than an answer or a refusal came."""
    parser = argparse.ArgumentParser(description="Ten times what the service can do.")
    parser.add_argument("--concurrency", type=int, default=32, help="answers at once")
    parser.add_argument("--queue", type=int, default=16, help="requests that wait")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long requests come")
    options = parser.parse_args()
    room = (options.concurrency, options.queue)
    with (
        tempfile.TemporaryDirectory() as folder,
        paced_model(PACE) as url,
        loaded_service(Path(folder), url, PACE, room=room) as service,
    ):
        found = flood(service, room, options.seconds)
    print(json.dumps(msgspec.to_builtins(found)))
    return int(bool(found.others or found.missing or found.without_retry_after))


if __name__ == "__main__":
    raise SystemExit(main())
