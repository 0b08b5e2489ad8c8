"""Requests on which two readers could disagree: the service must read one request, or refuse and hang up."""

from __future__ import annotations

import pytest
from starlette.types import Receive, Scope, Send

from tests.serving.server.running import Running, rest, status

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Seen:
    """Notes every request with its body."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.requests.append((scope["method"], scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"".join([b"POST /asked HTTP/1.1\r\nHost: localhost\r\n", *(h + b"\r\n" for h in headers), b"\r\n", body])


CHUNKED = b"Transfer-Encoding: chunked"
AMBIGUOUS = {
    "length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks and length": post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 45", body=HIDDEN),
    "lengths in one line": post(b"Content-Length: 0, 45", body=HIDDEN),
    "a length with a sign": post(b"Content-Length: +0", body=HIDDEN),
    "a length in hexadecimal": post(b"Content-Length: 0x2d", body=HIDDEN),
    "a length with an underscore": post(b"Content-Length: 4_5", body=HIDDEN),
    "a length before a letter": post(b"Content-Length: 0a", body=HIDDEN),
    "an encoding that is not known": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunked is not the last": post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + HIDDEN),
    "a blank before the colon": post(b"Transfer-Encoding : chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "a vertical tab in the value": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "a folded header": post(b"X: a\r\n Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "a chunk size that is no number": post(CHUNKED, body=b"g\r\n\r\n0\r\n\r\n" + HIDDEN),
    "a chunk size with a prefix": post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n" + HIDDEN),
    "a negative chunk size": post(CHUNKED, body=b"-1\r\n\r\n0\r\n\r\n" + HIDDEN),
    "a chunk size beyond 64 bits": post(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n" + HIDDEN),
    "a chunk longer than its size": post(CHUNKED, body=b"2\r\nhello\r\n0\r\n\r\n" + HIDDEN),
    "a chunk ended by a bare line feed": post(CHUNKED, body=b"5\nhello\n0\n\n" + HIDDEN),
    "a bare carriage return in a header": post(b"X: a\rContent-Length: 45", b"Content-Length: 0", body=HIDDEN),
    "a header name with a blank": post(b"Content Length: 45", b"Content-Length: 45", body=HIDDEN),
    "NUL in a header": post(b"X: a\x00b", body=HIDDEN),
    "a length in a trailer": post(CHUNKED, body=b"0\r\nContent-Length: 45\r\n\r\n" + HIDDEN),
    "a header without a name": post(b": x", body=HIDDEN),
    "a line that is no header": post(b"hello", body=HIDDEN),
    "chunks in HTTP/1.0": post(CHUNKED, body=b"0\r\n\r\n" + HIDDEN).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "HTTP/0.9": b"GET /asked\r\n" + HIDDEN,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "a blank in the target": b"GET /asked HTTP/1.1 /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN,
    "two hosts": b"GET /asked HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_two_readers_may_read_differently_smuggles_nothing(name: str) -> None:
    """A request within another's body is never answered as if the caller had sent it."""
    seen = Seen()
    with Running(seen) as running:
        response = running.ask(AMBIGUOUS[name])
    asked = [(method, path) for method, path, _ in seen.requests]
    assert ("GET", "/hidden") not in asked, name
    assert len(asked) <= 1
    if not asked:
        assert status(response) in {400, 408, 413}
        assert b"\r\nconnection: close\r\n" in response.lower()


def test_chunk_extensions_and_trailers_change_nothing() -> None:
    body = b'5;a=b;c="d"\r\nhello\r\n0;x\r\nX-Trailer: y\r\n\r\n'
    seen = Seen()
    with Running(seen) as running, running.connect() as connection:
        connection.sendall(post(CHUNKED, body=body) + b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        rest(connection)
    assert seen.requests == [("POST", "/asked", b"hello"), ("GET", "/next", b"")]


def test_endless_chunk_extensions_are_cut_off() -> None:
    seen = Seen()
    with Running(seen) as running:
        response = running.ask(post(CHUNKED), *(b"1;" + b"x" * 4_000 + b"\r\na\r\n" for _ in range(40)))
    assert seen.requests == []
    assert status(response) in {400, 408, 413}


def test_endless_trailers_are_cut_off() -> None:
    seen = Seen()
    with Running(seen) as running:
        response = running.ask(post(CHUNKED, body=b"0\r\n"), *(b"X: " + b"y" * 1_000 + b"\r\n" for _ in range(400)))
    assert seen.requests == []
    assert status(response) in {400, 408, 413, 431}


@pytest.mark.parametrize("target", [b"http://evil.example/asked", b"//evil.example/asked", b"/asked#/hidden", b"*"])
def test_a_target_in_another_form_reaches_no_other_path(target: bytes) -> None:
    seen = Seen()
    with Running(seen) as running:
        response = running.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status(response) in {200, 400}
    assert all(path != "/hidden" for _, path, _ in seen.requests)
