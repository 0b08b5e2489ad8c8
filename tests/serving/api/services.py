"""Services for tests of the endpoints: real parts, but for those that a test replaces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
import msgspec

from index.canary import Canary
from index.environment import Environment
from ragpress.errors import ReleaseError
from ragpress.serve_settings import ServeSettings
from ragpress.settings import ServiceSettings
from ragpress.wiring import open_environment
from serving.api.app import create_app
from serving.api.service import Service
from serving.callers import LOCAL, Caller
from serving.chain import Answerer
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord
from serving.keys.attempts import Attempts
from serving.live import LiveAnswers, Wanted
from serving.telemetry.telemetry import Telemetry
from serving.turns import Turns

QUESTION = "How many days of annual leave does every employee have?"


class FakeOpening:
    """Releases by name: what each collection has live, and how each release answers.

    Attributes:
        live_releases: live release of each collection.
        answerers: how each release answers; an exception is raised when it is opened.
        canaries: canary of each collection that has one.
        opened: releases that were opened, in order.
        problem: what is wrong with the settings file.
    """

    def __init__(self, environment: Environment, **answerers: Answerer | Exception) -> None:
        self.environment = environment
        self.answerers: dict[str, Answerer | Exception] = dict(answerers)
        self.live_releases: dict[str, str | None] = {"default": next(iter(answerers), None)}
        self.canaries: dict[str, Canary] = {}
        self.opened: list[str] = []
        self.problem: str | None = None
        self.settings = ""

    def refresh(self) -> str | None:
        return self.problem

    def live(self, collection: str) -> Wanted | None:
        release = self.live_releases.get(collection)
        return None if release is None else Wanted(collection, release, self.settings)

    def canary(self, collection: str) -> tuple[Wanted, Canary] | None:
        canary = self.canaries.get(collection)
        return None if canary is None else (Wanted(collection, canary.release, self.settings), canary)

    def named(self, collection: str, release: str) -> Wanted:
        found = [one for one in self.answerers if one.startswith(release)]
        if len(found) != 1:
            raise ReleaseError(f"there is no release {release!r}")
        return Wanted(collection, found[0], self.settings)

    def open(self, wanted: Wanted) -> Answerer:
        self.opened.append(wanted.release)
        answers = self.answerers[wanted.release]
        if isinstance(answers, Exception):
            raise answers
        return answers


class Keys:
    """Keys by name: ``Authorization: Bearer NAME``."""

    required = True

    def __init__(self, **callers: Caller) -> None:
        self.callers = callers
        self.attempts = Attempts()

    def caller(self, token: str | None) -> Caller | None:
        return LOCAL if not self.callers else self.callers.get(token or "")


class Allowances:
    """Limits that let so many requests pass."""

    def __init__(self, requests: int | None = None) -> None:
        self.left = requests
        self.spent: list[int] = []

    def take(self, caller: Caller) -> float | None:
        if self.left is None:
            return None
        self.left -= 1
        return 7.5 if self.left < 0 else None

    def spend(self, caller: Caller, tokens: int) -> None:
        self.spent.append(tokens)

    def headers(self, caller: Caller) -> Mapping[str, str]:
        return {} if self.left is None else {"x-ratelimit-remaining-requests": str(self.left)}


def workspace_of(root: Path, settings: str = '[embed]\nmodel = "hashing"\n') -> Environment:
    """An empty workspace."""
    (root / "ragpress.toml").write_text(settings, encoding="utf-8")
    return open_environment(root)


@asynccontextmanager
async def serving(opening: Any, serve: ServeSettings | None = None, **parts: Any) -> AsyncIterator[Service]:
    """A service over an opening; ``parts`` replace its parts."""
    settings = ServiceSettings(serve=serve or ServeSettings())
    answers = LiveAnswers(opening, settings.serve)
    journal = AnswerJournal(opening.environment, settings.journal)
    made: dict[str, Any] = {
        "environment": opening.environment,
        "settings": settings,
        "answers": answers,
        "journal": journal,
        "keys": Keys(),
        "limits": Allowances(),
        "turns": Turns(settings.serve),
        "jobs": None,
        "telemetry": Telemetry(),
    }
    try:
        yield Service(**{**made, **parts})
    finally:
        await answers.aclose()
        journal.close()


def application(service: Service) -> Any:
    """The application over a service that is already open."""
    app = create_app(cast("Any", None), service.settings.serve)
    app.state.service = service
    return app


def client(service: Service) -> httpx2.AsyncClient:
    """A client whose responses come whole, also streamed ones."""
    transport = httpx2.ASGITransport(app=application(service))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def chat(question: str = QUESTION, **fields: Any) -> dict[str, Any]:
    """The body of a completion."""
    return {"model": "default", "messages": [{"role": "user", "content": question}], **fields}


def events(body: str) -> list[Any]:
    """The data of a stream's events, decoded; ``[DONE]`` as it is."""
    data = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def text_of(chunks: list[Any]) -> str:
    """The text of a stream's chunks."""
    choices = [choice for chunk in chunks if isinstance(chunk, dict) for choice in chunk.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class Call:
    """One request to an application that a test can watch, and leave, while it runs.

    Args:
        app: the application.
        body: JSON of the request.
    """

    def __init__(self, app: Any, body: Mapping[str, Any], path: str = "/v1/chat/completions") -> None:
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "http.request", "body": json.dumps(body).encode(), "more_body": False})
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        self.task = asyncio.get_running_loop().create_task(app(scope, self._in.get, self._out.put))

    async def sent(self) -> dict[str, Any]:
        """The next message that the application sends."""
        return await self._out.get()

    async def until(self, text: str) -> str:
        """The body up to the piece that holds a text."""
        body = ""
        while text not in body:
            body += (await self.sent()).get("body", b"").decode()
        return body

    async def leave(self) -> None:
        """Close the connection and wait until the application is done."""
        self._in.put_nowait({"type": "http.disconnect"})
        await self.task


async def only_record(journal: AnswerJournal) -> AnswerRecord:
    """The one answer of a journal."""
    from serving.journal.answers import AnswerQuery

    (record,) = await asyncio.to_thread(journal.answers, AnswerQuery())
    return record


def replaced(settings: ServeSettings, **changes: Any) -> ServeSettings:
    """Settings with some changed."""
    return msgspec.structs.replace(settings, **changes)
