"""The service under load: ``python -m benchmarks.service_load`` (``make bench-service``).

``ragpress serve`` with one worker runs in a process of its own over the sample documents, and the clients here ask it
streamed questions. Two generators: the extractive one, and a model of fixed speed (``benchmarks.paced_model``), which
tells how long it really took for every question, so that what the service adds is the rest.

- *latency*: clients in a closed loop, each with a pause between its questions; the added time of each answer is its own
  time less the model's. *the model, asked directly*: the same clients without the service, the limit of what can be
  measured.
- *streams*: so many streams at once, all begun together.
- *memory*: resident memory of the worker over many requests.

Every answer that came whole must be in the journal with the same text, and every failure is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.load_workspace import LoadedService, loaded_service
from benchmarks.paced_model import Pace, Span, paced_model
from benchmarks.service_client import LoadClient, Reply

QUESTIONS = (
    "How long is the warranty of a Skylark 200?",
    "What does the battery safety sheet say about storage?",
    "How are travel expenses claimed?",
    "How is a Skylark 200 installed?",
    "云雀 200 的质保期多长？",
    "小云雀怎么充电？",
    "Who approves a purchase above 5,000 euros?",
    "Which steps does the quick start of the Lark Mini describe?",
)
FILLING = " ".join(f"word{number}" for number in range(40))
FAST = Pace(0.01, 2000.0, 12)
# Every question of a process is another one: nothing that was embedded before is found again.
_NUMBERS = itertools.count(1)
LONG = 5_000
"""From so many requests on a run tells whether memory grows."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of questions gave.

    Attributes:
        name: what was run.
        at_once: questions at once.
        asked: questions.
        whole: answers that came whole.
        errors: distinct errors with how often each came.
        missing: whole answers that are not in the journal with their text.
        seconds: wall time.
        added: p50 and p95 of the seconds that the service added to an answer; None without a model of known speed.
        added_first: likewise, until the first text.
        model_lag: p95 of the seconds that the model was late against its own pace: how busy the machine was.
        cpu: processor milliseconds of the worker for each answer.
        machine: load average of the machine (one minute) as the run ended, all that ran on it included.
        memory: resident MiB of the worker at ten moments, evenly spread.
        slope: MiB that the worker grows by in 1,000 requests after the first third, with its 95 % interval; None for a
            short run.
    """

    name: str
    at_once: int
    asked: int
    whole: int
    errors: dict[str, int]
    missing: int
    seconds: float
    added: tuple[float, float] | None = None
    added_first: tuple[float, float] | None = None
    model_lag: float | None = None
    cpu: float | None = None
    machine: float = 0.0
    memory: tuple[float, ...] = ()
    slope: tuple[float, float, float] | None = None


async def closed_loop(
    client: LoadClient, at_once: int, asked: int, pause: float, questions: Sequence[str] = QUESTIONS
) -> list[Reply]:
    """So many clients, each asking its next question a random pause (mean ``pause`` seconds) after its last answer."""
    numbers = itertools.islice(_NUMBERS, asked)
    chance = random.Random(at_once)
    replies: list[Reply] = []

    async def one() -> None:
        await asyncio.sleep(chance.random() * 2 * pause)
        for number in numbers:
            replies.append(await client.ask(questions[number % len(questions)], number))
            await asyncio.sleep(chance.random() * 2 * pause)

    await asyncio.gather(*(one() for _ in range(at_once)))
    return replies


@contextlib.asynccontextmanager
async def watched(service: LoadedService, every: float) -> AsyncIterator[list[float]]:
    """Resident MiB of the worker, noted again and again."""
    noted: list[float] = []

    async def watch() -> None:
        while True:
            noted.append(service.resident_mib())
            await asyncio.sleep(every)

    task = asyncio.create_task(watch())
    try:
        yield noted
    finally:
        task.cancel()
        noted.append(service.resident_mib())


async def run(name: str, service: LoadedService, at_once: int, asked: int, pause: float) -> Load:
    """Ask questions and see what became of them."""
    client = LoadClient(service.host, service.port)
    loop = asyncio.get_running_loop()
    async with watched(service, 0.5) as memory:
        start, cpu = loop.time(), service.cpu_seconds()
        replies = await closed_loop(client, at_once, asked, pause)
        seconds, cpu = loop.time() - start, service.cpu_seconds() - cpu
    found = load_of(name, service, at_once, replies)
    return msgspec.structs.replace(
        found,
        seconds=seconds,
        missing=len(service.not_in_journal([reply for reply in replies if reply.whole])),
        cpu=cpu / asked * 1000,
        memory=tuple(memory[(len(memory) - 1) * tenth // 9] for tenth in range(10)),
        slope=slope_of(memory, asked) if asked >= LONG else None,
    )


async def directly(service: LoadedService, at_once: int, asked: int, pause: float) -> Load:
    """The same clients ask the model itself, with as many words in the question as its answer has."""
    address = urlsplit(service.model_url or "")
    client = LoadClient(address.hostname or "", address.port or 0)
    start = time.perf_counter()
    replies = await closed_loop(client, at_once, asked, pause, [f"{question} {FILLING}" for question in QUESTIONS])
    found = load_of("the model, asked directly", service, at_once, replies)
    return msgspec.structs.replace(found, seconds=time.perf_counter() - start)


def load_of(name: str, service: LoadedService, at_once: int, replies: Sequence[Reply]) -> Load:
    """What replies and the model's own times say."""
    spans = service.spans()
    lags = [span.total - service.pace.seconds for span in spans.values()] if service.pace else []
    whole = [reply for reply in replies if reply.whole]
    return Load(
        name=name,
        at_once=at_once,
        asked=len(replies),
        whole=len(whole),
        errors=dict(Counter(f"{one.status} {one.error}"[:200] for one in replies if not one.whole)),
        missing=0,
        seconds=0.0,
        added=_beyond(whole, spans, "total"),
        added_first=_beyond(whole, spans, "first"),
        model_lag=_quantiles(lags)[1] if lags else None,
        machine=os.getloadavg()[0],
    )


def slope_of(memory: Sequence[float], asked: int) -> tuple[float, float, float]:
    """Growth of a worker, MiB per 1,000 requests: least squares over the means of eight equal parts of what follows the
    first third, so that neighbouring readings, which are nearly the same, don't count as many. With its 95 % interval
    (t of six degrees of freedom).

    Args:
        memory: resident MiB, evenly spread over the run.
        asked: requests of the run.
    """
    later = memory[len(memory) // 3 :]
    means = [
        statistics.fmean(part) for part in (later[len(later) * i // 8 : len(later) * (i + 1) // 8] for i in range(8))
    ]
    middle = statistics.fmean(means)
    spread = sum((at - 3.5) ** 2 for at in range(8))
    slope = sum((at - 3.5) * (value - middle) for at, value in enumerate(means)) / spread
    rest = sum((value - middle - slope * (at - 3.5)) ** 2 for at, value in enumerate(means))
    half = 2.447 * (rest / 6 / spread) ** 0.5
    thousand = 1000 / (asked * 2 / 3 / 8)
    return (slope - half) * thousand, slope * thousand, (slope + half) * thousand


def _beyond(replies: Sequence[Reply], spans: dict[str, Span], field: str) -> tuple[float, float] | None:
    found = [
        getattr(reply, field) - getattr(spans[str(reply.nonce)], field)
        for reply in replies
        if str(reply.nonce) in spans
    ]
    return _quantiles(found) if found else None


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    cuts = statistics.quantiles(values, n=20)
    return cuts[9], cuts[18]


def show(loads: Sequence[Load], console: Console) -> None:
    """Print the table."""
    table = Table(
        "run", "at once", "answers", "errors", "not in the journal", "answers/s", "added p50/p95", "to the first text"
    )
    for column in ("model late p95", "CPU ms an answer", "load average", "worker MiB"):
        table.add_column(column)
    for one in loads:
        table.add_row(
            one.name,
            str(one.at_once),
            f"{one.whole}/{one.asked}",
            str(sum(one.errors.values())),
            str(one.missing),
            f"{one.whole / one.seconds:.1f}",
            _milliseconds(one.added),
            _milliseconds(one.added_first),
            "" if one.model_lag is None else f"{one.model_lag * 1000:.0f} ms",
            "" if one.cpu is None else f"{one.cpu:.1f}",
            f"{one.machine:.1f}",
            " ".join(f"{value:.0f}" for value in one.memory),
        )
    console.print(table)
    for one in loads:
        if one.slope is not None:
            low, middle, high = one.slope
            console.print(f"{one.name}: {middle:+.2f} MiB per 1,000 requests, 95 % interval {low:+.2f} to {high:+.2f}")
        for reason, count in one.errors.items():
            console.print(f"{one.name}: {count} × {reason}", markup=False)


def _milliseconds(pair: tuple[float, float] | None) -> str:
    return "" if pair is None else f"{pair[0] * 1000:.0f} / {pair[1] * 1000:.0f} ms"


@contextlib.contextmanager
def services(folder: Path, pace: Pace | None) -> Iterator[LoadedService]:
    """A service with a paced model, or with the extractive generator."""
    if pace is None:
        with loaded_service(folder, None, None) as service:
            yield service
    else:
        with paced_model(pace) as base_url, loaded_service(folder, base_url, pace) as service:
            yield service


def measured(options: argparse.Namespace) -> list[Load]:
    """The runs that were asked for."""
    pace = Pace(options.first, options.rate, options.tokens)
    loads = []
    with tempfile.TemporaryDirectory() as folder, services(Path(folder), pace) as service:
        asyncio.run(run("warm-up", service, 4, 40, 0.1))
        for repeat in range(options.repeats):
            name = f"latency {repeat + 1}"
            loads.append(asyncio.run(run(name, service, options.clients, options.clients * 10, options.pause)))
            loads.append(asyncio.run(directly(service, options.clients, options.clients * 4, options.pause)))
        loads.append(asyncio.run(run("streams", service, options.streams, options.streams * 2, 0.0)))
    with tempfile.TemporaryDirectory() as folder, services(Path(folder), None) as service:
        asyncio.run(run("warm-up", service, 4, 40, 0.0))
        loads.append(asyncio.run(run("streams, extractive", service, options.streams, options.streams * 2, 0.0)))
        if options.requests:
            loads.append(asyncio.run(run("memory, extractive", service, 16, options.requests, 0.0)))
    if options.requests:
        with tempfile.TemporaryDirectory() as folder, services(Path(folder), FAST) as service:
            asyncio.run(run("warm-up", service, 4, 40, 0.0))
            loads.append(asyncio.run(run("memory, fast model", service, 32, options.requests, 0.0)))
    return loads


def main() -> int:
    """Measure and print; the exit code is 1 when a question failed or an answer is not in the journal."""
    parser = argparse.ArgumentParser(description="The service under load.")
    parser.add_argument("--clients", type=int, default=50, help="clients of the latency run")
    parser.add_argument("--pause", type=float, default=1.0, help="mean pause of its clients, seconds")
    parser.add_argument("--streams", type=int, default=200, help="streams at once")
    parser.add_argument("--requests", type=int, default=0, help="requests of the memory run; 0 leaves it out")
    parser.add_argument("--repeats", type=int, default=3, help="latency runs")
    parser.add_argument("--first", type=float, default=0.5, help="seconds until the model's first token")
    parser.add_argument("--rate", type=float, default=25.0, help="the model's tokens per second")
    parser.add_argument("--tokens", type=int, default=40, help="tokens of its answers")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    loads = measured(options)
    if options.json:
        print(json.dumps(msgspec.to_builtins(loads)))
    else:
        show(loads, Console(width=180))
    return int(any(load.errors or load.missing for load in loads))


if __name__ == "__main__":
    raise SystemExit(main())
