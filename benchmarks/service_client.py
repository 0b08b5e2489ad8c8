"""A light client of the service for load: raw sockets and as little work per event as can be, so that it is not what is
measured."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import msgspec

_DONE = b"data: [DONE]"
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)\r\n", re.IGNORECASE)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one streamed question; seconds count from the request.

    Attributes:
        nonce: number of the question.
        status: HTTP status; 0 where the connection broke.
        first: until the first text.
        total: until the end.
        text: the answer.
        last: the last event that was not the usage.
        done: whether the stream ended with ``[DONE]``.
        error: the error that came instead, or in the stream.
        retry_after: the header of a refusal; "" without it.
    """

    nonce: int
    status: int = 0
    first: float = 0.0
    total: float = 0.0
    text: str = ""
    last: dict[str, Any] = {}
    done: bool = False
    error: str = ""
    retry_after: str = ""

    @property
    def whole(self) -> bool:
        """Whether the answer came whole."""
        return self.status == 200 and self.done and not self.error


class LoadClient:
    """Asks streamed questions, each over a connection of its own.

    Args:
        host: of the service.
        port: of the service.
        key: an API key; "" for none.
    """

    def __init__(self, host: str, port: int, key: str = "") -> None:
        self._host, self._port = host, port
        self._authorization = f"Authorization: Bearer {key}\r\n" if key else ""

    async def ask(self, question: str, nonce: int, model: str = "default") -> Reply:
        """One streamed question; a connection that breaks is a reply too."""
        start = time.perf_counter()
        try:
            reader, writer = await self.begin(question, nonce, model)
        except OSError as error:
            return Reply(nonce=nonce, error=str(error))
        try:
            return await self._read(reader, nonce, start)
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError) as error:
            return Reply(nonce=nonce, error=repr(error), total=time.perf_counter() - start)
        finally:
            writer.close()

    async def begin(
        self, question: str, nonce: int, model: str = "default"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A streamed question whose answer the caller reads, or leaves.

        Raises:
            OSError: there is no connection.
        """
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": f"{question} #{nonce}"}]}
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 22)
        writer.write(self._request("/v1/chat/completions", body))
        return reader, writer

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """A request that is no stream: its status and its JSON body; status 0 where the connection broke."""
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(self._request(path, body))
                reply = await reader.read()
            finally:
                writer.close()
            head, _, content = reply.partition(b"\r\n\r\n")
            return int(head.split(b" ", 2)[1]), json.loads(content)
        except (OSError, IndexError, ValueError) as error:
            return 0, {"error": repr(error)}

    def _request(self, path: str, body: dict[str, Any]) -> bytes:
        content = msgspec.json.encode(body)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
            f"{self._authorization}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + content

    async def _read(self, reader: asyncio.StreamReader, nonce: int, start: float) -> Reply:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 200:
            rest, seconds, wait = await reader.read(), time.perf_counter() - start, _RETRY_AFTER.search(head)
            told = wait.group(1).decode() if wait else ""
            return Reply(nonce=nonce, status=status, error=rest.decode(), total=seconds, retry_after=told)
        first, events, done = 0.0, [], False
        while line := await reader.readline():
            if line.startswith(b"data: {"):
                events.append(line)
                if not first and b'"content":"' in line and b'"content":""' not in line:
                    first = time.perf_counter() - start
            elif line.startswith(_DONE):
                done = True
                break
        return _reply(Reply(nonce=nonce, status=status, first=first, done=done), events, time.perf_counter() - start)


def _reply(reply: Reply, events: list[bytes], total: float) -> Reply:
    pieces, last, error = [], {}, ""
    for line in events:
        event = json.loads(line[6:])
        if "error" in event:
            error = json.dumps(event["error"])
        elif event.get("choices"):
            pieces.append(event["choices"][0]["delta"].get("content") or "")
            last = event
    return msgspec.structs.replace(reply, text="".join(pieces), last=last, error=error, total=total)
