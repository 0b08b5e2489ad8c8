"""Releases: list, show, compare, publish, roll back. For admins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Path, Query
from fastapi.responses import Response

from index import history
from index.catalogue import list_releases as list_entries
from index.changes import read_changes
from index.environment import Environment
from index.prompt_versions import keep_live_prompt
from index.release import LiveRecord, Manifest, read_manifest
from ragpress.errors import GateRefusedError, NotFoundError, ReleaseError
from serving.api.callers import Administrating
from serving.api.errors import ApiError, responses
from serving.api.library import COLLECTION_PATTERN, RELEASE_PATTERN, check_collection, one_line
from serving.api.release_bodies import (
    DiffBody,
    PublishBody,
    PublishedBody,
    ReleaseBody,
    ReleaseListBody,
    RollbackBody,
    diff_body,
    live_body,
    release_body,
    release_item,
)
from serving.api.service import TheService

router = APIRouter(tags=["releases"])

WAIT_SECONDS = 2.0
"""So long a publish or rollback waits for another writer before it says that the collection is busy."""

ReleaseId = Annotated[str, Path(min_length=1, max_length=64, pattern=RELEASE_PATTERN, description="Id of a release.")]


class _Swapped(msgspec.Struct, frozen=True):
    record: LiveRecord
    note: str


@router.get("/v1/releases", summary="List releases", responses={**responses(400, 401, 403, 404, 500, 503)})
async def list_releases(
    service: TheService,
    _caller: Administrating,
    collection: Annotated[str, Query(max_length=100, pattern=COLLECTION_PATTERN)] = "default",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ReleaseListBody:
    """The releases of a collection, newest first, and which is live."""
    check_collection(service, collection)
    return await asyncio.to_thread(_list, service.environment, collection, limit)


@router.get("/v1/releases/{release}", summary="One release", responses={**responses(400, 401, 403, 404, 500, 503)})
async def get_release(service: TheService, _caller: Administrating, release: ReleaseId) -> ReleaseBody:
    """One release: its counts, steps, settings and the gate's verdict."""
    return await asyncio.to_thread(_show, service.environment, release)


@router.get(
    "/v1/releases/{before}/diff/{after}",
    summary="Compare two releases",
    responses={**responses(400, 401, 403, 404, 409, 500, 503)},
)
async def diff(service: TheService, _caller: Administrating, before: ReleaseId, after: ReleaseId) -> DiffBody:
    """The documents, chunks and settings that differ between two releases of a collection."""
    return await asyncio.to_thread(_diff, service.environment, before, after)


_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}}


@router.get(
    "/v1/releases/{release}/changes",
    summary="What a release changed, for people",
    response_class=Response,
    responses={**_TEXT, **responses(400, 401, 403, 404, 500, 503)},
)
async def changes(service: TheService, _caller: Administrating, release: ReleaseId) -> Response:
    """The release's `CHANGES.md`: what it repairs and why, in plain words."""
    text = await asyncio.to_thread(_changes, service.environment, release)
    return Response(text, media_type="text/markdown; charset=utf-8")


@router.post(
    "/v1/releases/rollback",
    summary="Roll back",
    responses={**responses(400, 401, 403, 404, 409, 413, 500, 503)},
)
async def rollback(service: TheService, caller: Administrating, body: RollbackBody) -> PublishedBody:
    """Make an earlier release live again."""
    collection = check_collection(service, body.collection)

    def swap() -> LiveRecord:
        return history.rollback(service.environment, collection, body.release, caller.owner, one_line(body.reason))

    done = await asyncio.to_thread(_swap, service.environment, collection, swap)
    return PublishedBody(
        **live_body(done.record).model_dump(), collection=collection, note=done.note, action="rollback"
    )


@router.post(
    "/v1/releases/{release}/publish",
    summary="Publish a release",
    responses={**responses(400, 401, 403, 404, 409, 413, 500, 503)},
)
async def publish(
    service: TheService, caller: Administrating, release: ReleaseId, body: Annotated[PublishBody | None, Body()] = None
) -> PublishedBody:
    """Make a release live that was built before. One that the gate refused needs a reason.

    A release that was compared with another one than the live one is evaluated again first, which takes its time.
    """
    manifest = await asyncio.to_thread(_manifest, service.environment, release)
    wanted = body or PublishBody()
    override = None if wanted.override is None else one_line(wanted.override) or "no reason given"
    _check_gate(manifest, override)
    environment, collection = service.environment, manifest.collection

    def swap() -> LiveRecord:
        reason = one_line(wanted.reason)
        try:
            return history.publish(environment, collection, manifest.id, override, caller.owner, reason)
        except GateRefusedError as error:
            raise _refused(error.reasons) from error

    done = await asyncio.to_thread(_swap, environment, collection, swap)
    return PublishedBody(**live_body(done.record).model_dump(), collection=collection, note=done.note, action="publish")


def _swap(environment: Environment, collection: str, swap: Callable[[], LiveRecord]) -> _Swapped:
    """Move the live pointer as the command line does: under the writer lock, keeping the release's prompt."""
    with environment.store.writer(collection, WAIT_SECONDS):
        try:
            record = swap()
        except ReleaseError as error:
            raise ApiError(404, str(error), kind="not_found_error", code="release_not_found") from error
        return _Swapped(record, keep_live_prompt(environment, collection, record.why))


def _check_gate(manifest: Manifest, override: str | None) -> None:
    if not manifest.gate.lets_through and override is None:
        raise _refused(manifest.gate.reasons)


def _refused(reasons: tuple[str, ...]) -> ApiError:
    said = "; ".join(reason.rstrip(".") for reason in reasons)
    return ApiError(
        409,
        f"The gate refused this release: {said}. Publish it anyway with a reason in 'override', which is recorded.",
        code="gate_refused",
    )


def _manifest(environment: Environment, release: str) -> Manifest:
    try:
        manifest = read_manifest(environment.store, release)
    except NotFoundError as error:
        raise _no_release(release) from error
    if manifest.collection not in environment.workspace.collections:
        raise _no_release(release)
    return manifest


def _no_release(release: str) -> ApiError:
    return ApiError(
        404,
        f"There is no release {release}. GET /v1/releases lists those that there are.",
        kind="not_found_error",
        code="release_not_found",
    )


def _list(environment: Environment, collection: str, limit: int) -> ReleaseListBody:
    releases = environment.releases(collection)
    found = releases.pointer()
    entries = list_entries(releases).releases
    return ReleaseListBody(
        collection=collection,
        live=None if found is None else live_body(found[0]),
        total=len(entries),
        releases=[release_item(collection, entry) for entry in entries[:limit]],
    )


def _show(environment: Environment, release: str) -> ReleaseBody:
    manifest = _manifest(environment, release)
    entries = list_entries(environment.releases(manifest.collection)).releases
    entry = next((entry for entry in entries if entry.id == manifest.id), None)
    if entry is None:
        raise _no_release(release)
    return release_body(manifest, release_item(manifest.collection, entry))


def _changes(environment: Environment, release: str) -> str:
    manifest = _manifest(environment, release)
    text = read_changes(environment, manifest.id)
    if text is None:
        raise ApiError(
            404,
            f"Release {release} has no CHANGES.md: it was built by an earlier ragpress, or only to try something. "
            "Compare it with another one: GET /v1/releases/{before}/diff/{after}",
            kind="not_found_error",
            code="no_changes",
        )
    return text


def _diff(environment: Environment, before: str, after: str) -> DiffBody:
    first, second = _manifest(environment, before), _manifest(environment, after)
    if first.collection != second.collection:
        raise ApiError(
            409,
            f"{before} is of the collection {first.collection!r} and {after} of {second.collection!r}: only releases "
            "of one collection can be compared.",
            code="other_collection",
        )
    return diff_body(history.diff(environment.open(first), environment.open(second)))
