"""A small application behind the guard, with or without API keys."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from ragpress.serve_settings import ServeSettings
from serving.api.guard import ResponseHeaders, guard


class Keys(msgspec.Struct):
    """As much of a key ring as the guard asks for."""

    required: bool = False


class FewParts(msgspec.Struct):
    """As much of a service as the guard asks for."""

    keys: Keys


def guarded(settings: ServeSettings | None = None, *, keys: bool = False) -> FastAPI:
    """An application with an endpoint for every method at every path."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.service = FewParts(Keys(keys))
    used = settings or ServeSettings()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def anything(request: Request) -> PlainTextResponse:
        if request.url.path == "/cached":
            return PlainTextResponse("ok", headers={"Cache-Control": "max-age=60"})
        return PlainTextResponse(f"{len(await request.body())}")

    guard(app, used)
    app.add_middleware(ResponseHeaders, settings=used)
    return app
