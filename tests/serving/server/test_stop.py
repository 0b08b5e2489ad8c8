"""How a worker stops: what runs is finished within the grace, or told that it will not be."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.types import Receive, Scope, Send

from tests.serving.api.guarded import guarded
from tests.serving.server.running import LONG, Running, one, rest, status


class Slow:
    """Answers ``/stream`` and ``/body`` when it is let go, ``/readyz`` at once; knows how each request ended."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.ends: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/readyz":
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"8")]})
            await send({"type": "http.response.body", "body": b"answered"})
            return
        streams = scope["path"] == "/stream"
        if streams:
            head = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        self.begun.release()
        try:
            while not self.let_go.is_set():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError as error:
            self.ends.append(str(error))
            raise
        self.ends.append("whole")
        if not streams:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"whole"})


def serve(slow: Slow, grace: float) -> Running:
    app = guarded()
    app.mount("/", slow)
    app.router.routes.reverse()
    return Running(app, closing=app.state.closing, grace_seconds=grace)


def asked(running: Running, path: str) -> socket.socket:
    connection = running.connect()
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def refuses(running: Running) -> bool:
    """Whether new connections are refused, before long."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        try:
            running.connect().close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            continue  # it was waiting to be accepted when the socket was closed
    return False


def told(running: Running, path: str) -> bytes:
    """What a new connection gets. One that is idle in the moment of the stop is closed: then another one."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    return next(received for _ in range(1_000) if (received := running.ask(request)))


@pytest.mark.parametrize("path", ["/stream", "/body"])
def test_what_runs_is_finished(path: str) -> None:
    slow = Slow()
    with serve(slow, grace=LONG) as running, asked(running, path) as connection:
        assert slow.begun.acquire(timeout=LONG)
        running.stop()
        refused = told(running, "/v1/models")  # while the answer still runs
        assert (status(refused), b"shutting_down" in refused) == (503, True)
        assert b"\r\nconnection: close\r\n" in refused
        assert told(running, "/readyz").endswith(b"answered")
        slow.let_go.set()
        assert b"whole" in rest(connection)
    assert slow.ends == ["whole"]


def test_a_worker_without_its_supervisor_leaves_the_port_at_once() -> None:
    slow = Slow()
    with serve(slow, grace=LONG) as running, asked(running, "/stream") as connection:
        assert slow.begun.acquire(timeout=LONG)
        running.orphaned.set()
        running.stop()
        assert refuses(running)  # while the answer still runs
        slow.let_go.set()
        assert b"whole" in rest(connection)


def test_a_stream_that_runs_on_ends_with_an_error_event() -> None:
    slow = Slow()
    with serve(slow, grace=0.6) as running, asked(running, "/stream") as connection:
        assert slow.begun.acquire(timeout=LONG)
        running.stop()
        received = rest(connection)
    assert b"data: first\n\n" in received
    last = received.rpartition(b"data: ")[2].partition(b"\n\n")[0]
    error = json.loads(last)["error"]
    assert (error["type"], error["code"]) == ("server_error", "shutting_down")
    assert received.endswith(b"0\r\n\r\n")
    assert len(slow.ends) == 1
    assert "stops now" in slow.ends[0]


def test_a_request_without_an_answer_yet_gets_503() -> None:
    slow = Slow()
    with serve(slow, grace=0.6) as running, asked(running, "/body") as connection:
        assert slow.begun.acquire(timeout=LONG)
        running.stop()
        received = rest(connection)
    assert status(received) == 503
    assert b"shutting_down" in received
    assert b"\r\nretry-after: 1\r\n" in received


def test_idle_connections_are_closed_at_once() -> None:
    with Running(guarded(), grace_seconds=LONG, idle_seconds=LONG) as running, running.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(one(connection)) == 200
        running.stop()
        assert rest(connection) == b""


async def test_a_request_that_comes_while_the_last_ones_are_cut_short_is_refused() -> None:
    app = guarded()
    app.state.closing.begin()
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        response = await client.get("/")
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "shutting_down"
