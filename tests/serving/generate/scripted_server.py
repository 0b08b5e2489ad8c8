"""A chat completion server on a real socket that does what a test's script says, faults included."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeAlias

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = asked
        self._reader = reader
        self._writer = writer

    @property
    def question(self) -> str:
        """The last message."""
        content: str = self.asked.body["messages"][-1]["content"]
        return content

    async def raw(self, body: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(body)
        await self._writer.drain()

    async def head(self, status: str = "200 OK", media_type: str = "text/event-stream", extra: str = "") -> None:
        """Begin a response whose body comes in chunks."""
        await self.raw(
            f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n{extra}\r\n".encode()
        )

    async def chunk(self, body: bytes) -> None:
        """Send a chunk of the body; an empty one would end it."""
        if body:
            await self.raw(b"%x\r\n%s\r\n" % (len(body), body))

    async def event(self, data: object) -> None:
        """Send an event."""
        await self.chunk(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    async def token(self, text: str, finish: str | None = None) -> None:
        """Send a piece of an answer."""
        await self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})

    async def end(self) -> None:
        """End the body."""
        await self.raw(b"0\r\n\r\n")

    async def whole(self, *texts: str) -> None:
        """A good answer."""
        await self.head()
        for text in texts:
            await self.token(text)
        await self.token("", finish="stop")
        await self.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(texts)}})
        await self.event("[DONE]")
        await self.end()

    async def plain(self, status: str, body: bytes, media_type: str = "application/json", extra: str = "") -> None:
        """A response that is no stream."""
        await self.head(status, media_type, extra)
        await self.chunk(body)
        await self.end()

    async def client_left(self) -> None:
        """Wait until the client closes its connection."""
        while await self._reader.read(1024):
            pass


Script: TypeAlias = Callable[[Exchange], Awaitable[None]]


class ScriptedServer:
    """Answers ``/v1/models`` from ``models`` and everything else by the script. Use it as a context manager.

    Attributes:
        script: what a chat completion does; when it returns without having ended the body, the connection closes.
        models: what ``/v1/models`` lists, each with its ``owned_by``; None never answers.
        asked: all requests so far.
        connections: how many were opened.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.models: dict[str, str] | None = {"served-model": "vllm"}
        self.asked: list[Asked] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Address for the settings."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    @property
    def chats(self) -> list[Asked]:
        """The requests for answers."""
        return [asked for asked in self.asked if asked.path == "/v1/chat/completions"]

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def all_left(self) -> None:
        """Wait until every client has closed its connection."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while asked := await _read(reader):
                self.asked.append(asked)
                await self._answer(Exchange(asked, reader, writer))
        except (ConnectionError, asyncio.CancelledError, _Closed):
            pass  # the client left, the test ended, or the script ends the connection here
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.asked.path == "/v1/models" and self.models is None:
            await exchange.client_left()
        elif exchange.asked.path == "/v1/models":
            data = [{"id": name, "object": "model", "owned_by": owner} for name, owner in (self.models or {}).items()]
            await exchange.plain("200 OK", json.dumps({"object": "list", "data": data}).encode())
        else:
            await self.script(exchange)


class _Closed(Exception):  # noqa: N818 - a signal, not a fault
    pass


async def close(exchange: Exchange) -> None:
    """A script's way to cut the connection."""
    raise _Closed


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = first.split(" ")
    return Asked(method, path, headers, json.loads(body) if body else {})
