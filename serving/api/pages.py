"""The chat page, the dashboard and their assets.

Only files that stand in ``serving/pages`` when the worker starts are served, by their bare name; no part of a request
becomes a path. The pages hold no data: what they show they ask of the other endpoints, with the reader's own API key.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

import serving.pages
from serving.api.errors import ApiError
from serving.api.service import TheService

router = APIRouter(include_in_schema=False)

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Modules import one another by their bare names, so no name can carry a version: browsers ask each time whether the
# file is still the same, which costs a few hundred bytes.
_CACHE = "no-cache"
_METHODS = ["GET", "HEAD"]


class _Asset(msgspec.Struct, frozen=True):
    """A file of the pages."""

    content: bytes
    media_type: str
    etag: str


def asset(content: bytes, media_type: str) -> _Asset:
    """A file with the ETag of its content."""
    return _Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@functools.cache
def assets() -> dict[str, _Asset]:
    """All files of the pages by name."""
    folder = Path(serving.pages.__path__[0])
    found = (path for path in sorted(folder.iterdir()) if path.suffix in _TYPES)
    return {path.name: asset(path.read_bytes(), _TYPES[path.suffix]) for path in found}


@router.api_route("/", methods=_METHODS)
def chat_page(request: Request) -> Response:
    """The chat page."""
    return _send(request, assets()["chat.html"])


@router.api_route("/admin", methods=_METHODS)
def dashboard_page(request: Request) -> Response:
    """The dashboard; it shows nothing to whoever is no admin."""
    return _send(request, _found("admin.html"))


@router.api_route("/favicon.ico", methods=_METHODS)
def favicon(request: Request) -> Response:
    """What browsers ask for beside a page."""
    return _send(request, assets()["icon.svg"])


@router.api_route("/static/service.js", methods=_METHODS)
def service_module(request: Request, service: TheService) -> Response:
    """What the pages know of this service before they ask it anything, as a module."""
    languages = json.dumps(list(service.settings.serve.languages))
    text = f"/** Languages of the pages, the first by default. */\nexport const LANGUAGES = {languages};\n"
    return _send(request, asset(text.encode(), _TYPES[".js"]))


@router.api_route("/static/{name}", methods=_METHODS)
def static_file(name: str, request: Request) -> Response:
    """A style sheet, script or drawing of the pages.

    Raises:
        ApiError: 404, there is none of this name.
    """
    if name.endswith(".html"):
        raise _missing()
    return _send(request, _found(name))


def _found(name: str) -> _Asset:
    found = assets().get(name)
    if found is None:
        raise _missing()
    return found


def _missing() -> ApiError:
    return ApiError(404, "There is no such file.", kind="not_found_error", code="not_found")


def _send(request: Request, file: _Asset) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": _CACHE, "X-Content-Type-Options": "nosniff"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if file.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
