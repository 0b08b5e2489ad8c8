"""One worker process: serves an application on a socket that it was given, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from typing import cast

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application

from ragpress.serve_settings import ServeSettings
from ragpress.struct_types import learn_struct_types
from serving.server.closing import Closing
from serving.server.inherited import LAST_SECONDS, Descriptors
from serving.server.protocol import ServerConfig

PRIVATE_NETWORKS = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
"""Where a reverse proxy may stand; the address that a proxy elsewhere claims to forward for is not believed."""

SWITCH_SECONDS = 0.0005
"""So soon a thread that searches lets the event loop go on, which has streams to serve; Python's own 5 ms, waited for
again and again, are what answers then wait for most."""


def run(create: Callable[[], FastAPI], settings: ServeSettings, inherited: Descriptors) -> None:
    """Serve until SIGTERM, or until the supervisor is gone.

    Args:
        create: makes the application.
        settings: how the service runs.
        inherited: the supervisor's socket and pipes.

    Raises:
        RagpressError: the service cannot be opened.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the supervisor's to handle
    orphaned = _follow_supervisor(inherited.lifeline, settings.grace_seconds)
    _allow_connections()
    sys.setswitchinterval(SWITCH_SECONDS)
    learn_struct_types()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(create(), settings, inherited, orphaned))


async def _serve(app: FastAPI, settings: ServeSettings, inherited: Descriptors, orphaned: threading.Event) -> None:
    server = WorkerServer(app, settings, app.state.closing, orphaned)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    # The service is opened here and not by uvicorn, which turns every error of that into a traceback.
    async with app.router.lifespan_context(app):
        await server.serve_on(socket.socket(fileno=inherited.listener), inherited.ready)


class WorkerServer(uvicorn.Server):
    """uvicorn's server with a stop that keeps to the grace and tells streams that they end.

    Args:
        app: the application.
        settings: how the service runs.
        closing: tells requests that the service stops.
        orphaned: set where it stops because its supervisor is gone; then the port is free for another one at once.
    """

    def __init__(
        self, app: ASGIApp, settings: ServeSettings, closing: Closing, orphaned: threading.Event | None = None
    ) -> None:
        super().__init__(_config(app, settings))
        self._grace = settings.grace_seconds
        self._closing = closing
        self._orphaned = orphaned or threading.Event()
        self._ready: int | None = None

    async def serve_on(self, listener: socket.socket, ready: int) -> None:
        """Serve on a listening socket; write a line to ``ready`` once that answers."""
        self._ready = ready
        await self.serve([listener])

    def stop(self) -> None:
        """Finish the requests that run, refuse those that come, and end. Any further call changes nothing."""
        self._closing.stop()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the event loop: SIGTERM ends the process with exit code 0."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer connections, then tell the supervisor."""
        await super().startup(sockets)
        if self._ready is not None:
            os.write(self._ready, b"ready\n")
            os.close(self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests that run within the grace; end the others with an error that says so.

        New connections are taken as long as requests run: a load balancer learns from ``/readyz`` that this worker
        goes, and callers are told to come again, where a closed port would tell neither of them anything.
        """
        state = self.server_state
        before, running = list(state.connections), set(state.tasks)
        for connection in before:
            connection.shutdown()
        if self._orphaned.is_set():
            self._close(sockets or [])
        last = min(LAST_SECONDS, self._grace / 3)
        finished = await self._until(
            self._grace - last, lambda: not (state.connections.intersection(before) or state.tasks & running)
        )
        self._close(sockets or [])
        if await self._finished(last / 4 if finished else 0.0):
            return
        self._closing.begin()
        if await self._finished(last / 2):
            return
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self._finished(last / 2)

    def _close(self, listeners: list[socket.socket]) -> None:
        """Take no new connections, and close those that have nothing to finish."""
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()

    async def _finished(self, seconds: float) -> bool:
        return await self._until(seconds, lambda: not (self.server_state.connections or self.server_state.tasks))

    async def _until(self, seconds: float, done: Callable[[], bool]) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not done():
            if loop.time() >= end:
                return False
            await asyncio.sleep(0.02)
        return True


def _config(app: ASGIApp, settings: ServeSettings) -> ServerConfig:
    return ServerConfig(
        cast("ASGI3Application", app),
        settings,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxy,
        forwarded_allow_ips=PRIVATE_NETWORKS,
    )


def _follow_supervisor(lifeline: int, grace: float) -> threading.Event:
    """Stop when the supervisor is gone; what is given is set then."""
    orphaned = threading.Event()

    def wait() -> None:
        os.read(lifeline, 1)
        orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)
        # A worker that is stuck must not outlive its supervisor for ever, holding the port.
        timer = threading.Timer(grace + LAST_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
    return orphaned


def _allow_connections() -> None:
    # Many systems allow 1,024 open files unless a program asks for more; every connection is one.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
