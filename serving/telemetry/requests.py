"""One log line, one count and one span for every request, and the one place where an unforeseen exception ends."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import time
from collections.abc import Iterator, Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.telemetry import logs
from serving.telemetry.facts import RequestFacts, request_facts
from serving.telemetry.logs import event
from serving.telemetry.spans import request_answered
from serving.telemetry.telemetry import Telemetry

_LOG = logging.getLogger("serving.requests")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
NO_ROUTE = "none"
"""The route of a request that matches none."""


class RequestLog:
    """The outermost middleware.

    Args:
        app: what handles requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        facts = RequestFacts(id=_request_id(headers.get("x-request-id", "")), began=time.perf_counter())
        telemetry = _telemetry(scope)
        token = request_facts.set(facts)
        try:
            with _span(telemetry, scope, headers, facts):
                await self._handle(scope, receive, _Told(send, facts), facts)
        finally:
            request_facts.reset(token)
            _log_request(scope, facts)
            if telemetry is not None:
                telemetry.requested(scope["method"], _route(scope), facts.status, time.perf_counter() - facts.began)

    async def _handle(self, scope: Scope, receive: Receive, send: _Told, facts: RequestFacts) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            log_fault(error)
            logs.mark_logged(error)
            if facts.status:
                raise  # The server cuts the connection: the caller must not take half a response for a whole one.
            body = {
                "error": {
                    "message": f"The service failed. Tell its operator the request id {facts.id}.",
                    "type": "server_error",
                    "code": "internal_error",
                    "param": None,
                }
            }
            await JSONResponse(body, status_code=500)(scope, receive, send)


class _Told:
    """Sends a response, and notes how far it came."""

    def __init__(self, send: Send, facts: RequestFacts) -> None:
        self._send = send
        self._facts = facts

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"x-request-id", self._facts.id.encode())]
            message = {**message, "headers": headers}
            self._facts.status = message["status"]
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._facts.whole = True


def log_fault(error: BaseException) -> None:
    """Log an exception once, with the request that it came from."""
    if not logs.was_logged(error):
        facts = request_facts.get()
        event(_LOG, logging.ERROR, "a request failed", {"request_id": facts.id if facts else ""}, error)
        logs.mark_logged(error)


def _log_request(scope: Scope, facts: RequestFacts) -> None:
    route = _route(scope)
    caller = scope.get("state", {}).get("caller")
    fields: dict[str, logs.Value] = {
        "request_id": facts.id,
        "method": scope["method"],
        "route": route,
        "status": facts.status or None,
        "seconds": round(time.perf_counter() - facts.began, 4),
        "cut": None if facts.whole else True,
        "key": getattr(caller, "key", ""),
        "answer": facts.answer,
        "outcome": facts.outcome,
        "collection": facts.collection,
        "release": facts.release,
    }
    event(_LOG, logging.DEBUG if route in _QUIET else logging.INFO, "request", fields)


@contextlib.contextmanager
def _span(telemetry: Telemetry | None, scope: Scope, headers: Mapping[str, str], facts: RequestFacts) -> Iterator[None]:
    if telemetry is None or telemetry.spans is None:
        yield
        return
    with telemetry.spans.request(scope["method"], headers) as span:
        try:
            yield
        finally:
            request_answered(span, scope["method"], _route(scope), facts.status)


def _route(scope: Scope) -> str:
    """The template of the matched route: ids in a path are looked up by whoever may, in the journal."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if path is None and "endpoint" in scope:
        path = scope.get("root_path", "")
    return path or NO_ROUTE


def _request_id(given: str) -> str:
    return given if _ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


def _telemetry(scope: Scope) -> Telemetry | None:
    service = getattr(getattr(scope.get("app"), "state", None), "service", None)
    found = getattr(service, "telemetry", None)
    return found if isinstance(found, Telemetry) else None
