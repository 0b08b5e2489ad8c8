"""The application: routers, error handlers, middlewares, and the service's life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from ragpress import __version__
from ragpress.errors import RagpressError
from ragpress.serve_settings import ServeSettings
from serving.api import (
    answers,
    chat,
    dashboard,
    documents,
    evaluations,
    feedback,
    findings,
    loop,
    models,
    operations,
    pages,
    releases,
    retrieve,
)
from serving.api.errors import ApiError, api_error, responses
from serving.api.guard import GUARDED, ResponseHeaders, guard
from serving.api.service import Service
from serving.callers import Caller
from serving.telemetry.requests import RequestLog, log_fault

ROUTERS = (
    chat.router,
    models.router,
    retrieve.router,
    answers.router,
    feedback.router,
    documents.router,
    releases.router,
    evaluations.router,
    findings.router,
    loop.router,
    dashboard.router,
    operations.router,
    pages.router,
)

OpenService = Callable[[], AbstractAsyncContextManager[Service]]


def create_app(open_service: OpenService, settings: ServeSettings) -> FastAPI:
    """The application of one worker process.

    Args:
        open_service: opens the service in the worker's event loop and closes it in the end.
        settings: how the service runs.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_service() as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="ragpress",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={**responses(*GUARDED)},
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ApiError, _told)
    app.add_exception_handler(RagpressError, _told)
    for router in ROUTERS:
        app.include_router(router)
    guard(app, settings)
    # Outside of the guard, so that it sees what every other one turns away, and every exception that none foresaw.
    app.add_middleware(RequestLog)
    app.add_middleware(ResponseHeaders, settings=settings)
    return app


async def _told(request: Request, error: Exception) -> JSONResponse:
    told = api_error(error)
    if told.status >= 500:
        log_fault(error)
    caller: Caller | None = getattr(request.state, "caller", None)
    left = {} if caller is None else request.app.state.service.limits.headers(caller)
    return JSONResponse(told.body().model_dump(), status_code=told.status, headers=told.for_caller(left))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what this handler is registered for
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        message = f"The body is no JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
        return await _told(request, ApiError(400, message, code="invalid_value"))
    place = ".".join(str(part) for part in first["loc"][1:])
    return await _told(request, ApiError(400, f"{place or 'body'}: {first['msg']}", code="invalid_value", param=place))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    if error.status_code == 404:
        message = f"There is no {request.method} {request.url.path[:200]}. GET /openapi.json lists what there is."
        return await _told(request, ApiError(404, message, kind="not_found_error", code="unknown_url"))
    if error.status_code == 405:
        allowed = _allowed(request) or (error.headers or {}).get("Allow", "GET")
        message = f"{request.url.path[:200]} does not take {request.method}: expected {allowed}."
        response = await _told(request, ApiError(405, message, code="method_not_allowed"))
        response.headers["Allow"] = allowed
        return response
    return await _told(request, ApiError(error.status_code, str(error.detail)))


def _allowed(request: Request) -> str:
    """The methods of a path: of all endpoints that have it, not only of the first one that matches; "" for a page."""
    path, paths = request.url.path, request.app.openapi()["paths"]
    found = [paths[path]] if path in paths else [paths[name] for name in paths if compile_path(name)[0].match(path)]
    return ", ".join(sorted({method.upper() for operations in found for method in operations}))
