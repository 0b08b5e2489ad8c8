"""A service under load: its workspace, clients that ask until they are told to stop, and what they were told."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.paced_model import Pace, paced_model
from benchmarks.service_client import LoadClient, Reply
from serving.journal.answers import AnswerJournal, AnswerQuery
from serving.journal.records import AnswerRecord
from tests.serving.service_process import ServiceProcess
from tests.workspace import SETTINGS, Workspace

QUESTION = "How many desks does the north office have?"
LOAD_SETTINGS = """
[answer]
abstain = 0.0
unsupported = "keep"

[serve]
concurrency = 256
queue = 256
queue_seconds = 60.0
"""
MODEL_SETTINGS = """
[generator]
kind = "openai"
base_url = "{base_url}"
max_tokens = 200
first_token_seconds = 600.0
idle_seconds = 600.0
seconds = 900.0
"""
WAIT_SECONDS = 90.0
"""So long may something take on a busy machine before a test gives up."""


def offices(canary: str) -> dict[str, str]:
    """Documents in which every sentence names its release's canary."""
    return {
        f"{name}.md": f"# {name} office\n\nThe {name} office has {number} {canary} desks.\n"
        for name, number in (("north", 25), ("south", 31))
    }


def workspace_of(root: Path, model_url: str | None) -> Workspace:
    """An empty workspace for load; without a model it quotes its documents."""
    return Workspace(root, SETTINGS + LOAD_SETTINGS + (MODEL_SETTINGS.format(base_url=model_url) if model_url else ""))


@contextmanager
def model_of(pace: Pace | None) -> Iterator[str | None]:
    """A paced model's base URL; None without one."""
    if pace is None:
        yield None
        return
    with paced_model(pace) as base_url:
        yield base_url


def client_of(service: ServiceProcess) -> LoadClient:
    """A client of a running service."""
    return LoadClient("127.0.0.1", service.port)


class Crowd:
    """Clients that ask, each its next question when the answer to the last one has ended.

    Args:
        client: asks.
        size: questions at once.
        then: what a client does with every reply.
    """

    def __init__(self, client: LoadClient, size: int, then: Callable[[Reply], Awaitable[None]] | None = None) -> None:
        self.replies: list[Reply] = []
        self._client = client
        self._size = size
        self._then = then
        self._numbers = itertools.count(1)
        self._ended = asyncio.Event()

    @property
    def whole(self) -> list[Reply]:
        """The replies that came whole."""
        return [reply for reply in self.replies if reply.whole]

    @property
    def failed(self) -> list[Reply]:
        """The others."""
        return [reply for reply in self.replies if not reply.whole]

    async def while_(self, work: Awaitable[None]) -> None:
        """Ask for as long as some work takes."""
        asking = [asyncio.create_task(self._ask()) for _ in range(self._size)]
        try:
            await work
        finally:
            self._ended.set()
            await asyncio.gather(*asking)

    async def rounds(self, count: int) -> None:
        """Ask so many questions each, all at once."""
        for _ in range(count):
            await asyncio.gather(*(self._once() for _ in range(self._size)))

    async def _ask(self) -> None:
        while not self._ended.is_set():
            await self._once()

    async def _once(self) -> None:
        reply = await self._client.ask(QUESTION, next(self._numbers))
        self.replies.append(reply)
        if self._then is not None:
            await self._then(reply)


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Look again and again until something holds.

    Raises:
        AssertionError: it did not within the time.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not await condition():
        assert loop.time() < end, f"{what}: not within {seconds:.0f} s"


def journal_of(workspace: Workspace) -> AnswerJournal:
    """The journal as any process finds it."""
    environment = workspace.environment()
    return AnswerJournal(environment, environment.workspace.service.journal)


def answers_in(workspace: Workspace) -> dict[str, AnswerRecord]:
    """Every answer in the journal."""
    journal = journal_of(workspace)
    try:
        return {record.id: record for record in journal.answers(AnswerQuery(limit=1_000_000))}
    finally:
        journal.close()


async def metric(service: ServiceProcess, name: str) -> float:
    """The value of a metric without labels."""
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60) as http:
        text = (await http.get("/metrics")).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


def resident_mib(pids: list[int]) -> float:
    """Resident memory of processes together, MiB."""
    return sum(_resident_kib(pid) for pid in pids) / 1024


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def deaths(service: ServiceProcess) -> list[str]:
    """How workers ended that were replaced, as the service says."""
    return re.findall(r"ended with (signal \w+|exit code \d+); another one takes its place", service.log)


def provenance(reply: Reply) -> tuple[str, list[dict[str, Any]]]:
    """The release and the citations of a reply."""
    return reply.last["release"], reply.last["citations"]
