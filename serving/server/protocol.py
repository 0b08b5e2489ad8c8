"""HTTP/1.1 with limits: what a client may send, how slowly, and how long it may leave its answer untaken.

uvicorn's protocol (on llhttp) parses and answers; it closes no connection that sends its head or body slowly, takes
heads and bodies of any size, and waits for ever for a client that does not read. This one:

- closes a connection that sends nothing, and answers one that sends its head too slowly with 408;
- answers a head above ``header_bytes`` with 431, a body above its bound with 413: by its ``Content-Length`` before a
  byte of it is read, else as soon as the bound is passed, whether an endpoint reads it or not;
- answers a body that pauses too long, or comes more slowly than :data:`SLOWEST_BODY`, with 408;
- closes idle connections, and cuts off clients that take nothing of their answer for ``send_seconds``;
- refuses connections above ``connections`` with 503.

After such an answer it goes on discarding what the client still sends for a moment: closing at once would make the
client's system throw the answer away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import httptools
import msgspec
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ragpress.serve_settings import ServeSettings
from serving.api.errors import ApiError, ErrorType

SLOWEST_BODY = 1_000.0
"""Bytes per second that a body must come with, once ``body_seconds`` have passed."""

UPLOAD_PATH = b"/v1/documents"
UPLOAD_OVERHEAD = 1_000_000
"""Bytes of an upload beside its file: names, boundaries, other fields."""

LINGER_SECONDS = 2.0
"""So long is discarded what a client sends after it was refused."""


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration with the limits that :class:`LimitedProtocol` keeps.

    Args:
        app: the application.
        limits: the limits.
        options: uvicorn's own.
    """

    def __init__(self, app: ASGI3Application, limits: ServeSettings, **options: Any) -> None:
        # Set first: the constructor of the base class does not know it.
        self.limits = limits
        super().__init__(app, http=LimitedProtocol, timeout_keep_alive=cast("int", limits.idle_seconds), **options)

    def most_bytes(self, method: bytes, target: bytes) -> int:
        """The largest body that a request may have."""
        path = target.partition(b"?")[0].rstrip(b"/")
        if method == b"POST" and path == UPLOAD_PATH:
            return self.limits.upload_bytes + UPLOAD_OVERHEAD
        return self.limits.body_bytes


class LimitedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        config: the configuration with its limits.
        server_state: what all connections of the process share.
        app_state: state of the application's lifespan.
        _loop: the event loop.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, ServerConfig)  # noqa: S101 - it is made with this protocol
        self._bounds = config
        self._limits = config.limits
        self._deaf = False
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._most_bytes = 0
        self._body_began = self._body_last = 0.0
        self._head_timer = _Timer(self.loop)
        self._body_timer = _Timer(self.loop)
        self._send_timer = _Timer(self.loop)
        self._end_timer = _Timer(self.loop)

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Take a connection, unless there are too many."""
        full = len(self.connections) >= self._limits.connections
        super().connection_made(transport)
        if full:
            self._deaf = True
            transport.write(_answer(_error(503, "too_many_connections")))
            self._close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._deaf = True
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        for timer in (self._head_timer, self._body_timer, self._send_timer, self._end_timer):
            timer.stop()

    def data_received(self, data: bytes) -> None:
        """Take bytes; answer what breaks the protocol or a limit."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        began_before = self._in_head
        if not (self._head_timer.running or self._busy or self._in_body):
            self._await_head()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request is answered as one of HTTP/1.1; what follows it may be another protocol's.
            self._deaf = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(_error(400, "bad_request"))
        if began_before and self._in_head:
            self._count_head(len(data))
        if self._in_body and not (self._body_timer.running or self._deaf):
            self._watch_body()

    def shutdown(self) -> None:
        """Close when the request that runs is answered; at once where none runs."""
        super().shutdown()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        self._close()

    # The request's head

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        self._count_head(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is whole: check what it announces, then start the endpoint."""
        self._in_head = False
        self._head_timer.stop()
        if self._deaf:
            return
        self._body_bytes = 0
        self._most_bytes = self._bounds.most_bytes(self.parser.get_method(), self.url)
        announced = next((value for name, value in self.headers if name == b"content-length"), b"0")
        if int(announced) > self._most_bytes:
            self._refuse(self._too_large())
            return
        self._in_body = True
        super().on_headers_complete()

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self._limits.header_bytes and not self._deaf:
            self._refuse(_error(431, "head_too_large", f"at most {self._limits.header_bytes:,} bytes"))

    def _await_head(self) -> None:
        self._head_timer.start(self._limits.header_seconds, self._head_late)

    def _head_late(self) -> None:
        if not self._in_head:  # nothing was asked, so nothing is answered
            self._close()
            return
        self._refuse(_error(408, "request_timeout", f"the whole head within {self._limits.header_seconds:g} s"))

    # The request's body

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._deaf:
            return
        self._body_bytes += len(body)
        self._body_last = self.loop.time()
        if self._body_bytes > self._most_bytes:
            self._refuse(self._too_large())
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_body = False
        self._body_timer.stop()
        if self._deaf:
            return
        super().on_message_complete()
        if not self._busy:  # the endpoint had answered before the body was whole
            self._await_request()

    def _watch_body(self) -> None:
        self._body_began = self._body_last = self.loop.time()
        self._body_timer.start(self._body_step, self._check_body)

    @property
    def _body_step(self) -> float:
        return min(1.0, self._limits.body_seconds / 4)

    def _check_body(self) -> None:
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:
            # The endpoint does not read yet: the client is not to blame for the pause.
            self._body_began += self._body_step
            self._body_last += self._body_step
        now, allowed = self.loop.time(), self._limits.body_seconds
        paused = now - self._body_last > allowed
        slow = now - self._body_began > allowed + self._body_bytes / SLOWEST_BODY
        if paused or slow:
            self._refuse(_error(408, "request_timeout", f"the body without pauses of {allowed:g} s"))
            return
        self._body_timer.start(self._body_step, self._check_body)

    def _too_large(self) -> ApiError:
        return _error(413, "body_too_large", f"at most {self._most_bytes:,} bytes")

    # The answer

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self.transport.is_closing():
            self._close()

    def on_response_complete(self) -> None:
        """An answer is whole: wait for the next request."""
        super().on_response_complete()
        if self._deaf or self.transport.is_closing():
            self._close()
        elif self._in_head and not self._busy:
            self._unset_keepalive_if_required()
            self._await_head()

    def _await_request(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def pause_writing(self) -> None:
        """The client takes nothing of its answer: the endpoint waits, for so long as that may last."""
        super().pause_writing()
        self._send_timer.start(self._limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes its answer."""
        self._send_timer.stop()
        super().resume_writing()

    # The end

    def _refuse(self, error: ApiError) -> None:
        """Answer in place of the endpoint, take nothing more, and close."""
        self._deaf = True
        self._head_timer.stop()
        self._body_timer.stop()
        if self.transport.is_closing():
            return
        if self._busy and (self.pipeline or self.cycle.response_started or not self._in_body):
            # Bytes of an answer are on their way, perhaps to an earlier request: nothing may be written between them.
            self.cycle.keep_alive = False
            if self.pipeline or self._in_body:
                self._close()
            return
        if self._busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_answer(error))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._end_timer.start(min(LINGER_SECONDS, self._limits.body_seconds), self.transport.abort)

    def _close(self) -> None:
        """Close; a client that does not even take what is on its way is cut off after a while."""
        self.transport.close()
        if self.parser is not None:
            self._end_timer.start(self._limits.send_seconds, self.transport.abort)


class _Timer:
    """Calls something later, unless it is stopped or started again before."""

    __slots__ = ("_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._handle is not None

    def start(self, seconds: float, call: Callable[[], object]) -> None:
        self.stop()
        self._handle = self._loop.call_later(seconds, call)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


_TOLD: dict[int, tuple[str, ErrorType]] = {
    400: ("This is no HTTP/1.1 request.", "invalid_request_error"),
    408: ("The request came too slowly", "invalid_request_error"),
    413: ("The body is too large", "invalid_request_error"),
    431: ("The head of the request is too large", "invalid_request_error"),
    503: ("The service has too many connections open. Try again in a moment.", "server_error"),
}


def _error(status: int, code: str, expected: str = "") -> ApiError:
    message, kind = _TOLD[status]
    retry_after = 1.0 if status == 503 else None
    return ApiError(
        status,
        f"{message}: expected {expected}." if expected else message,
        kind=kind,
        code=code,
        retry_after=retry_after,
    )


def _answer(error: ApiError) -> bytes:
    body = msgspec.json.encode(error.body().model_dump())
    head = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
        **error.headers,
    }
    fields = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return STATUS_LINE[error.status] + fields.encode("ascii") + b"\r\n" + body
