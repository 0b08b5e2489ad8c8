"""A worker's server around any ASGI application, in a thread, for tests that speak to it over raw sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from types import TracebackType

import msgspec
import uvloop
from starlette.types import ASGIApp

from ragpress.serve_settings import ServeSettings
from serving.server.binding import listen
from serving.server.closing import Closing
from serving.server.run import WorkerServer

SHORT = ServeSettings(
    header_seconds=0.3,
    body_seconds=0.3,
    idle_seconds=0.3,
    send_seconds=0.3,
    grace_seconds=0.6,
    body_bytes=10_000,
    upload_bytes=100_000,
    header_bytes=4_000,
)
"""Limits so short that a test sees them act."""

LONG = 20.0
"""Seconds after which a test gives up; far beyond every limit."""


class Running:
    """A server on a free port; use it as a context manager.

    Args:
        app: what it serves.
        settings: its limits, short ones unless given.
        closing: tells the application's requests that the server stops.
        changed: fields of the settings to change.
    """

    def __init__(
        self, app: ASGIApp, settings: ServeSettings = SHORT, closing: Closing | None = None, **changed: object
    ) -> None:
        self.settings = msgspec.structs.replace(settings, **changed)
        self.orphaned = threading.Event()
        self.server = WorkerServer(app, self.settings, closing or Closing(), self.orphaned)
        self._listener = listen("127.0.0.1", 0)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._reading, self._writing = os.pipe()

    def __enter__(self) -> Running:
        self._thread.start()
        assert os.read(self._reading, 6) == b"ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join(LONG)
        os.close(self._reading)
        assert not self._thread.is_alive()

    @property
    def connections(self) -> int:
        """Connections that the server has open."""
        return len(self.server.server_state.connections)

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.server.stop()

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=LONG)

    def ask(self, *pieces: bytes) -> bytes:
        """Send pieces on a new connection; everything that comes back until it is closed."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return rest(connection)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.server.serve_on(self._listener, self._writing))


def rest(connection: socket.socket) -> bytes:
    """Everything that comes until the other side closes; a reset counts as closed."""
    received = bytearray()
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)


def one(connection: socket.socket) -> bytes:
    """One response with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65_536)
        assert piece, received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def status(response: bytes) -> int:
    """Status of a response."""
    return int(response.split(b" ", 2)[1])
