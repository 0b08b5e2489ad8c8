"""The scripted model in a thread of its own, so that tests with blocking clients can use it too."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

from tests.serving.generate.scripted_server import Exchange, Script, ScriptedServer


async def good(exchange: Exchange) -> None:
    """An answer that the passages of these tests support."""
    await exchange.whole("Every employee has 25 days ", "of annual leave. ", "[1]")


class ModelThread:
    """A running model; use it as a context manager.

    Attributes:
        base_url: for ``[generator] base_url``.
        left: a client closed its connection before a script that waits for that was done.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.left = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._server = ScriptedServer(good)
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def plays(self, script: Script) -> None:
        """From now on chats are answered by this script."""
        self._server.script = script

    @property
    def chats(self) -> int:
        """Requests for answers so far."""
        return len(self._server.chats)

    async def wait_until_left(self, exchange: Exchange) -> None:
        """For scripts: wait until the client has closed its connection, and tell the test."""
        await exchange.client_left()
        self.left.set()

    def __enter__(self) -> ModelThread:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        async def serve() -> None:
            async with self._server:
                self.base_url = self._server.base_url
                self._ready.set()
                await self._stop.wait()

        self._loop.run_until_complete(serve())
        self._loop.close()
