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
    feedback,
    models,
    operations,
    pages,
    releases,
    retrieve,
)
from serving.api.errors import ApiError, ErrorType, api_error, responses
from serving.api.guard import GUARDED, ResponseHeaders, guard
from serving.api.service import Service
from serving.telemetry.requests import RequestLog, log_fault

ROUTERS = (
    chat.router,
    models.router,
    retrieve.router,
    answers.router,
    feedback.router,
    documents.router,
    releases.router,
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


async def _told(_request: Request, error: Exception) -> JSONResponse:
    told = api_error(error)
    if told.status >= 500:
        log_fault(error)
    return JSONResponse(told.body().model_dump(), status_code=told.status, headers=told.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what this handler is registered for
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return await _told(request, ApiError(400, f"{place or 'body'}: {first['msg']}", code="invalid_value", param=place))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    kind: ErrorType = "not_found_error" if error.status_code == 404 else "invalid_request_error"
    response = await _told(request, ApiError(error.status_code, str(error.detail), kind=kind))
    if error.status_code == 405:
        response.headers["Allow"] = _allowed(request) or (error.headers or {}).get("Allow", "GET")
    return response


def _allowed(request: Request) -> str:
    """The methods of a path: of all endpoints that have it, not only of the first one that matches; "" for a page."""
    path, paths = request.url.path, request.app.openapi()["paths"]
    found = [paths[path]] if path in paths else [paths[name] for name in paths if compile_path(name)[0].match(path)]
    return ", ".join(sorted({method.upper() for operations in found for method in operations}))
