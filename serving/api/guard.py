"""What stands before the endpoints, as plain ASGI: they add no task and no queue to a stream.

:class:`Guard` turns away what no endpoint should see: calls under a foreign host name (DNS rebinding), changes asked
for by other sites' pages (cross-site request forgery), bodies of the wrong type, anybody where there are no keys and
others can reach the service. It also ends what still runs when the service stops.

:class:`ResponseHeaders` puts the security headers on every response, whoever made it, and the CORS headers where they
are set.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragpress.errors import ServiceFullError
from ragpress.serve_settings import ServeSettings
from serving.api.errors import ApiError, api_error
from serving.api.service import Service
from serving.server.binding import exposed
from serving.server.closing import CODE, MESSAGE, REFUSED, Closing

_LOG = logging.getLogger(__name__)

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY = frozenset({"POST"})
"""No endpoint has another method that takes a body: PUT and PATCH get 405, whatever they bring."""
_UPLOADS = "/v1/documents"
_UPLOAD_TYPES = ("multipart/form-data", "application/octet-stream")
_ALIVE = "/healthz"
_TAKE_A_TURN = frozenset({"/v1/chat/completions", "/v1/retrieve"})
_WHILE_STOPPING = (_ALIVE, "/readyz", "/metrics")
"""What load balancers, supervisors and scrapers may still ask of a worker that finishes its last requests."""
_TOKENS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,1000}")
_ANY = "*"

GUARDED = (403, 408, 413, 415, 421, 431, 503)
"""Statuses that any endpoint may answer with, because of what stands before it."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = (
    (b"content-security-policy", _PAGE_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_EXPOSED_HEADERS = b", ".join(
    (
        b"x-request-id",
        b"x-ragpress-answer",
        b"retry-after",
        *(b"x-ratelimit-%s-requests" % part for part in (b"limit", b"remaining", b"reset")),
        *(b"x-ratelimit-%s-tokens" % part for part in (b"limit", b"remaining", b"reset")),
    )
)
_PREFLIGHT_SECONDS = b"600"


def guard(app: FastAPI, settings: ServeSettings) -> None:
    """Put :class:`Guard` around an application. What is added later stands outside of it."""
    app.state.closing = Closing()
    app.add_middleware(Guard, settings=settings)


class Guard:
    """Turns away what no endpoint should see; ends what runs when the service stops.

    Args:
        app: what handles requests.
        settings: how the service runs.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._exposed = exposed(settings)
        self._hosts = frozenset(host.lower() for host in settings.hosts)
        self._origins = _Origins(settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except ApiError as error:
            await _json(error)(scope, receive, send)
            return
        if preflight := self._origins.preflight(scope["method"], headers):
            await preflight(scope, receive, send)
            return
        await self._run(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        keys = bool(scope["app"].state.service.keys.required)
        self._check_host(headers, keys)
        if not keys:
            self._check_keyless(scope["path"], headers)
        self._origins.check(scope["method"], headers)
        _check_type(scope, headers)
        if scope["method"] == "POST" and scope["path"] in _TAKE_A_TURN:
            _check_room(scope["app"].state.service)

    def _check_host(self, headers: Headers, keys: bool) -> None:
        allowed = self._hosts or (frozenset() if keys else _LOCAL_NAMES)
        given = headers.getlist("host")
        if not allowed and len(given) <= 1:
            return
        host = _name_of(given[0]) if len(given) == 1 else ""
        if host not in allowed:
            raise ApiError(
                421,
                "The service is not called by this name. Without API keys it is localhost or 127.0.0.1; an operator "
                "sets other names with hosts in [serve].",
                code="wrong_host",
            )

    def _check_keyless(self, path: str, headers: Headers) -> None:
        if self._exposed and path != _ALIVE:
            raise ApiError(
                503,
                "There are no API keys, so nobody is let in. An operator makes one with: ragpress keys add NAME",
                kind="server_error",
                code="no_keys",
            )
        if any(name in headers for name in _FORWARDED):
            raise ApiError(
                403,
                "The request came through a proxy, and without API keys only this machine may call the service. An "
                "operator makes a key with: ragpress keys add NAME",
                kind="permission_error",
                code="forwarded",
            )

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        closing: Closing = scope["app"].state.closing
        sent = _Sent(send)
        if closing.begun() or (closing.stopping() and scope["path"] not in _WHILE_STOPPING):
            await sent.end(REFUSED)
            return
        try:
            with closing.request():
                await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not closing.begun() or task is None:
                raise
            task.uncancel()
            await sent.end()


class _Sent:
    """Sends a response, and can end it in the middle with an error that says why."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._stream = False
        self._begun = False
        self._whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            kinds = (value for name, value in message["headers"] if name == b"content-type")
            self._stream = next(kinds, b"").startswith(b"text/event-stream")
        elif not message.get("more_body", False):
            self._whole = True
        await self._send(message)

    async def end(self, message: str = MESSAGE) -> None:
        """End the response: 503 where nothing was sent, an error event in a stream; else the connection is cut."""
        error = ApiError(503, message, kind="server_error", code=CODE, retry_after=1.0)
        if not self._begun:
            response = _json(error)
            headers = [*response.raw_headers, (b"connection", b"close")]
            await self._send({"type": "http.response.start", "status": 503, "headers": headers})
            await self._send({"type": "http.response.body", "body": response.body})
        elif self._stream and not self._whole:
            event = b"data: " + bytes(_json(error).body) + b"\n\n"
            await self._send({"type": "http.response.body", "body": event})
        elif not self._whole:
            _LOG.warning("A response was cut off: the service stopped before it was whole.")


class ResponseHeaders:
    """Security and CORS headers on every response. An endpoint's own header of a name stays.

    Args:
        app: what handles requests.
        settings: how the service runs.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._origins = _Origins(settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shared = self._origins.headers(Headers(scope=scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                own.extend(header for header in _ALWAYS if header[0] not in names)
                message["headers"] = [*own, *shared]
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Origins:
    """Which other sites' pages may call the service."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def check(self, method: str, headers: Headers) -> None:
        """Refuse a change that a page of another site asks for."""
        origin = headers.get("origin")
        if method in _READING or origin is None or self._allows(origin) or _same(origin, headers.get("host", "")):
            return
        raise ApiError(
            403,
            "A page of another site may not call the service. An operator allows one with cors_origins in [serve].",
            kind="permission_error",
            code="foreign_origin",
        )

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """The answer to a browser that asks before it calls; None where it does not ask."""
        if method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        if not self._allows(headers.get("origin", "")):
            return _json(
                ApiError(403, "No other site's page may call the service.", kind="permission_error", code="cors")
            )
        wanted = headers.get("access-control-request-headers", "")
        return Response(
            status_code=204,
            headers={
                "access-control-allow-methods": "GET, POST, DELETE",
                "access-control-allow-headers": wanted if _TOKENS.fullmatch(wanted) else "authorization, content-type",
                "access-control-max-age": _PREFLIGHT_SECONDS.decode(),
            },
        )

    def headers(self, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
        """What a browser must read in a response to let a page of this origin have it."""
        if not self._allowed:
            return ()
        origin = headers.get("origin", "")
        if not self._allows(origin):
            return ((b"vary", b"Origin"),)
        return (
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED_HEADERS),
        )

    def _allows(self, origin: str) -> bool:
        return bool(origin) and (origin.lower() in self._allowed or _ANY in self._allowed)


def _check_type(scope: Scope, headers: Headers) -> None:
    if scope["method"] not in _WITH_BODY:
        return
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    upload = scope["method"] == "POST" and scope["path"] == _UPLOADS
    wanted = ("multipart/form-data", "application/octet-stream") if upload else ("application/json",)
    found = headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in wanted:
        raise ApiError(
            415, f"The body is of the wrong type: expected Content-Type {' or '.join(wanted)}.", code="wrong_type"
        )


def _check_room(service: Service) -> None:
    """Turn a request away before its body is read, where the service is full: callers must hear of it at once, and the
    fuller it is the less a refusal may cost."""
    try:
        service.turns.check()
    except ServiceFullError as error:
        service.telemetry.turned_away("full")
        raise api_error(error) from error


def _name_of(host: str) -> str:
    """A host name without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _same(origin: str, host: str) -> bool:
    """Whether a page's origin is the service itself. Behind a proxy that does TLS the schemes differ."""
    scheme, _, place = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    return port is not None and bool(host) and place.removesuffix(port) == host.lower().removesuffix(port)


def _json(error: ApiError) -> JSONResponse:
    return JSONResponse(error.body().model_dump(), status_code=error.status, headers=error.headers)
