"""What a connection may do, tried on raw sockets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from tests.serving.server.running import SHORT, Running, one, rest, status

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Application:
    """Answers with the size of the body; ``/ignore`` reads none of it, ``/flood`` sends without end."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ended = threading.Event()
        self.sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if scope["path"] == "/flood":
            await self.flood(receive, send)
            return
        size = 0
        while scope["path"] != "/ignore":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.set()
                return
            size += len(message["body"])
            if not message["more_body"]:
                break
        if scope["path"] == "/ignore":
            await _left(receive)
            return
        body = str(size).encode()
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def flood(self, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_left(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not leaving.done():
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            await asyncio.sleep(0)
            self.sent += 65_536
        self.ended.set()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def running(application: Application) -> Iterator[Running]:
    with Running(application) as server:
        yield server


def head(length: int, path: str = "/", method: str = "POST") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def chunked(path: str = "/") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, bytes(size))


def error(response: bytes) -> dict[str, str]:
    body = json.loads(response.partition(b"\r\n\r\n")[2])
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "code", "param"}
    assert b"\r\nconnection: close\r\n" in response
    found: dict[str, str] = body["error"]
    return found


def test_a_connection_that_says_nothing_is_closed(running: Running) -> None:
    assert running.ask() == b""


def test_a_head_that_comes_byte_by_byte_is_cut_off(running: Running) -> None:
    with running.connect() as connection:
        ended = threading.Event()

        def trickle() -> None:
            try:
                while not ended.wait(0.05):
                    connection.sendall(b"G")
            except OSError:
                return

        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        thread = threading.Thread(target=trickle)
        thread.start()
        response = rest(connection)
        ended.set()
        thread.join()
    assert status(response) == 408
    assert error(response)["code"] == "request_timeout"


def test_empty_lines_keep_no_connection_open(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(GET)
        assert status(one(connection)) == 200
        connection.sendall(b"\r\n")
        assert rest(connection) == b""


def test_an_idle_connection_is_closed(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(GET)
        assert status(one(connection)) == 200
        assert rest(connection) == b""


def test_a_connection_is_kept_for_the_next_request(running: Running, application: Application) -> None:
    with running.connect() as connection:
        for _ in range(3):
            connection.sendall(head(5) + b"12345")
            assert one(connection).endswith(b"\r\n\r\n5")
    assert application.asked == ["/"] * 3


@pytest.mark.parametrize("size", [5_000, 100_000, 1_000_000])
def test_a_large_head_is_refused(running: Running, application: Application, size: int) -> None:
    response = running.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * size + b"\r\n\r\n")
    assert status(response) == 431
    assert error(response)["code"] == "head_too_large"
    assert application.asked == []


def test_many_small_headers_are_refused(running: Running, application: Application) -> None:
    response = running.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n")
    assert status(response) == 431
    assert application.asked == []


def test_a_long_target_is_refused(running: Running, application: Application) -> None:
    assert status(running.ask(b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 431
    assert application.asked == []


def test_a_large_body_is_refused_before_it_is_sent(running: Running, application: Application) -> None:
    response = running.ask(head(300_000_000))
    assert status(response) == 413
    assert error(response)["code"] == "body_too_large"
    assert application.asked == []


def test_a_client_that_sends_a_large_body_anyway_reads_why_it_is_refused(running: Running) -> None:
    response = running.ask(head(5_000_000), bytes(5_000_000))
    assert status(response) == 413


@pytest.mark.parametrize("path", ["/", "/ignore"])
def test_a_large_body_in_chunks_is_refused_as_it_comes(running: Running, application: Application, path: str) -> None:
    response = running.ask(chunked(path), *(chunk(4_000) for _ in range(10)))
    assert status(response) == 413
    # It may be asked before too much has come; on a busy machine all of that comes at once.
    assert set(application.asked) <= {path}


def test_an_upload_may_be_larger(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(head(50_000, "/v1/documents") + bytes(50_000))
        assert one(connection).endswith(b"\r\n\r\n50000")
    assert status(running.ask(head(SHORT.upload_bytes + 2_000_000, "/v1/documents"))) == 413
    assert status(running.ask(head(50_000, "/v1/documents", "DELETE"))) == 413


def test_a_body_that_pauses_is_refused(running: Running, application: Application) -> None:
    response = running.ask(head(100), b"12345")
    assert status(response) == 408
    assert error(response)["code"] == "request_timeout"
    assert application.ended.wait(5)


def test_a_body_that_trickles_is_refused(application: Application) -> None:
    with Running(application, body_seconds=0.4) as running, running.connect() as connection:
        ended = threading.Event()

        def trickle() -> None:
            try:
                while not ended.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                return

        connection.sendall(head(5_000))
        thread = threading.Thread(target=trickle)
        thread.start()
        response = rest(connection)
        ended.set()
        thread.join()
    assert status(response) == 408


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(running: Running, application: Application, request_line: bytes) -> None:
    response = running.ask(request_line)
    assert status(response) in {400, 413}
    assert error(response)
    assert application.asked == []


def test_a_broken_second_request_does_not_spoil_the_first_answer(running: Running) -> None:
    response = running.ask(GET + b"NONSENSE\r\n\r\n")
    assert response.count(b"HTTP/1.1 ") == 1
    assert status(response) == 200


def test_a_large_second_body_does_not_spoil_the_first_answer(running: Running) -> None:
    response = running.ask(GET + head(300_000_000))
    assert response.count(b"HTTP/1.1 ") == 1
    assert status(response) == 200


def test_what_follows_an_upgrade_is_no_request(running: Running, application: Application) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    response = running.ask(upgrade + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status(response) == 200
    assert application.asked == ["/"]


def test_a_client_that_does_not_read_is_cut_off(running: Running, application: Application) -> None:
    with running.connect() as connection:
        connection.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert application.ended.wait(20)
    assert application.sent < 100_000_000


def test_a_client_that_does_not_read_holds_up_nobody(running: Running) -> None:
    with running.connect() as silent, running.connect() as other:
        silent.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        other.sendall(GET)
        assert status(one(other)) == 200


def test_connections_are_bounded(application: Application) -> None:
    with (
        Running(application, connections=2, idle_seconds=20.0, header_seconds=20.0) as running,
        running.connect() as first,
        running.connect() as second,
    ):
        for connection in (first, second):
            connection.sendall(GET)
            assert status(one(connection)) == 200
        refused = running.ask()
        assert status(refused) == 503
        assert error(refused)["code"] == "too_many_connections"
        assert b"\r\nRetry-After: 1\r\n" in refused
        first.sendall(GET)
        assert status(one(first)) == 200
