"""A chat completion server that writes at a fixed speed: ``python -m benchmarks.paced_model``.

It stands for a model whose time is known, so that what a service adds can be told from what the model takes. It
answers with words of the first passage in the prompt and cites it, one word a token: the first after ``first`` seconds,
the others ``rate`` a second, on a schedule that does not slip when the machine is busy. How long it really took is
kept by the request's nonce (``#`` and digits in the question) and told at ``/spans``; how many connections are open, at
``/connections``. With ``echo`` an answer begins with its nonce, so that a mixed-up answer shows.

It prints one JSON object, ``{"base_url": …}``, when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

MODEL = "paced"
_NONCE = re.compile(r"#(\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_WORD = re.compile(r"\w[\w,'-]*")
_PASSAGE = re.compile(r"<<\w+ passage 1:[^\n]*\n(.*?)\n\w+>>", re.DOTALL)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n"


class Pace(msgspec.Struct, frozen=True):
    """How the model writes: seconds until the first token, tokens per second after it, tokens of an answer, and whether
    the first one is the nonce."""

    first: float
    rate: float
    tokens: int
    echo: bool = False

    @property
    def seconds(self) -> float:
        """What an answer takes."""
        return self.first + (self.tokens - 1) / self.rate


class Span(msgspec.Struct, frozen=True):
    """What one answer took, in seconds from the request: until the first token was sent, until the last one."""

    first: float
    total: float


class PacedModel:
    """The server.

    Args:
        pace: how fast it writes.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._spans: dict[str, Span] = {}
        self._open: set[asyncio.StreamReader] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of a connection."""
        self._open.add(reader)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length.group(1))) if length else b""
                await self._answer(head.split(b" ", 2)[1].decode(), body, writer)
        self._open.discard(reader)
        writer.close()

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path.endswith("/chat/completions"):
            await self._complete(json.loads(body), writer)
            return
        data: Any = {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "benchmarks"}]}
        if path.endswith("/spans"):
            data, self._spans = self._spans, {}
        elif path.endswith("/connections"):
            # One that waits for its next token has not been told that its client is gone.
            data = sum(not reader.at_eof() for reader in self._open) - 1
        reply = msgspec.json.encode(data)
        writer.write(_HEAD % (b"application/json", b"Content-Length: %d\r\n" % len(reply)) + reply)
        await writer.drain()

    async def _complete(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        start = time.perf_counter()
        prompt = request["messages"][-1]["content"]
        nonces = _NONCE.findall(prompt)
        words = self._words(prompt, int(nonces[-1]) if nonces else 0)
        if self._pace.echo and nonces:
            words.insert(0, f"#{nonces[-1]} ")
        await asyncio.sleep(self._pace.first)
        writer.write(_HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked\r\n"))
        first = time.perf_counter() - start
        for number, word in enumerate(words):
            await asyncio.sleep(start + self._pace.first + number / self._pace.rate - time.perf_counter())
            _event(writer, {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            await writer.drain()
        if nonces:
            self._spans[nonces[-1]] = Span(first, time.perf_counter() - start)
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        _event(writer, {"choices": [], "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(words)}})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()

    def _words(self, prompt: str, turn: int) -> list[str]:
        """One sentence of the first passage's words, with its citation; another one each time, so that nobody who
        checks it has seen it before."""
        passage = _PASSAGE.search(prompt)
        found = _WORD.findall(passage.group(1) if passage else prompt)
        begin = turn % len(found)
        words = (found[begin:] + found[:begin])[: self._pace.tokens - 1]
        return [word + " " for word in words[:-1]] + [words[-1], " [1]."]


def _event(writer: asyncio.StreamWriter, data: object) -> None:
    body = b"data: " + msgspec.json.encode(data) + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(body), body))


@contextlib.contextmanager
def paced_model(pace: Pace) -> Iterator[str]:
    """The server in a process of its own; gives its base URL."""
    options = ["--first", str(pace.first), "--rate", str(pace.rate), "--tokens", str(pace.tokens)]
    options += ["--echo"] * pace.echo
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.paced_model", *options],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["base_url"]
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


async def _serve(pace: Pace) -> None:
    server = await asyncio.start_server(PacedModel(pace).connected, "127.0.0.1", 0, limit=1 << 22)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"base_url": f"http://127.0.0.1:{port}/v1"}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description="A chat completion server that writes at a fixed speed.")
    parser.add_argument("--first", type=float, default=0.25, help="seconds until the first token")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens per second")
    parser.add_argument("--tokens", type=int, default=50, help="tokens of an answer")
    parser.add_argument("--echo", action="store_true", help="begin every answer with the nonce of its question")
    options = parser.parse_args()
    asyncio.run(_serve(Pace(options.first, options.rate, options.tokens, options.echo)))


if __name__ == "__main__":
    main()
