"""The response of a chat completion: makes the answer while it sends it, and stops when the caller leaves."""

from __future__ import annotations

import asyncio
import logging

from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from serving.api.answering import Answering, CallerLeftError
from serving.api.chat_request import Wish
from serving.api.completion_stream import KEEP_ALIVE, ChunkEncoder, error_event, whole_body
from serving.api.errors import STOPPING, ApiError, api_error
from serving.api.service import Service
from serving.api.turn import turn_of
from serving.callers import Caller
from serving.journal.records import ErrorRecord
from serving.server import closing
from serving.types import Answer

_logger = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 10.0
"""Pause after which a stream that says nothing sends a comment, so that proxies keep it."""


ANSWER_HEADER = "x-ragpress-answer"
"""Header with the answer's id, also where the answer is an error."""


class CompletionResponse(Response):
    """Waits for a turn, makes one answer, sends it, and journals it before its end is sent.

    What fails before the first byte is an HTTP error; what fails later is an event.

    Args:
        service: what endpoints share.
        caller: who asks.
        wish: what is asked.
    """

    def __init__(self, service: Service, caller: Caller, wish: Wish) -> None:
        super().__init__()
        self._service = service
        self._wish = wish
        self._answering = Answering(service, caller, wish)
        created = int(self._answering.created.timestamp())
        self._created = created
        self._chunks = ChunkEncoder(self._answering.id, created, wish.model, wish.include_usage)
        self._left = service.limits.headers(caller)
        self._begun = False
        self._quiet = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run as an ASGI application."""
        loop = asyncio.get_running_loop()
        making = loop.create_task(self._make(send))
        leaving = loop.create_task(_left(receive))
        try:
            await self._accompany(making, leaving, send)
            if making.done():
                await self._end(making, scope, receive, send)
        except asyncio.CancelledError as error:
            if closing.MESSAGE in error.args:
                # Not the caller leaves, the service does; the guard tells the caller.
                self._answering.stop(ErrorRecord(STOPPING, closing.MESSAGE))
            raise
        finally:
            for task in (making, leaving):
                task.cancel()
            await asyncio.gather(making, leaving, return_exceptions=True)

    async def _accompany(self, making: asyncio.Task[None], leaving: asyncio.Task[None], send: Send) -> None:
        """Wait until the answer is made or the caller has left; meanwhile keep a quiet stream alive."""
        while True:
            self._quiet = True
            done, _ = await asyncio.wait(
                {making, leaving}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return
            if self._wish.stream and self._quiet:
                await self._begin(send)
                await _body(send, KEEP_ALIVE)

    async def _make(self, send: Send) -> None:
        async def emit(text: str) -> None:
            if self._wish.stream:
                await self._begin(send)
                self._quiet = False
                await _body(send, self._chunks.text(text))

        async with turn_of(self._service):
            await self._whole(await self._answering.run(emit), send)

    async def _begin(self, send: Send) -> None:
        if not self._begun:
            self._begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self._head(b"text/event-stream")})
            await _body(send, self._chunks.first())

    async def _whole(self, answer: Answer, send: Send) -> None:
        collection = self._wish.collection
        if self._wish.stream:
            await self._begin(send)
            await _body(send, self._chunks.last(answer, collection), more=False)
            return
        body = whole_body(answer, collection, self._wish.model, self._created)
        self._begun = True
        await send({"type": "http.response.start", "status": 200, "headers": self._head(b"application/json", body)})
        await _body(send, body, more=False)

    async def _end(self, making: asyncio.Task[None], scope: Scope, receive: Receive, send: Send) -> None:
        error = making.exception()
        if isinstance(error, CallerLeftError | OSError):
            return
        if isinstance(error, Exception):
            told = api_error(error)
            if told.status >= 500:
                _logger.error("Answer %s failed", self._answering.id, exc_info=error)
            await self._fail(told, scope, receive, send)
        elif error is not None:
            raise error

    async def _fail(self, error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begun:
            await _body(send, error_event(error), more=False)
            return
        headers = {**error.for_caller(self._left), ANSWER_HEADER: self._answering.id}
        await JSONResponse(error.body().model_dump(), status_code=error.status, headers=headers)(scope, receive, send)

    def _head(self, media_type: bytes, body: bytes | None = None) -> list[tuple[bytes, bytes]]:
        head = [(ANSWER_HEADER.encode(), self._answering.id.encode()), (b"cache-control", b"no-cache")]
        head += [(name.encode(), value.encode()) for name, value in self._left.items()]
        if body is None:
            # Proxies that buffer would hold the stream back.
            return [*head, (b"content-type", media_type + b"; charset=utf-8"), (b"x-accel-buffering", b"no")]
        return [*head, (b"content-type", media_type), (b"content-length", str(len(body)).encode())]


async def _body(send: Send, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    """Wait until the caller has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
