"""Models: the collections and their live releases."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from index.release import Manifest
from ragpress.errors import ReleaseError
from serving.api.callers import Asking
from serving.api.chat_request import model_not_found, parse_model
from serving.api.errors import responses
from serving.api.service import Service, TheService

router = APIRouter(tags=["models"])


class ModelBody(BaseModel):
    """A collection, or one release of it, as a model."""

    id: str = Field(description="What to send as `model`.")
    object: Literal["model"] = "model"
    created: int = Field(description="Unix time at which the release was built.")
    owned_by: Literal["ragpress"] = "ragpress"
    release: str = Field(description="The release that answers.")


class ModelList(BaseModel):
    """All collections that have a live release."""

    object: Literal["list"] = "list"
    data: list[ModelBody]


@router.get("/v1/models", summary="List the collections", responses={**responses(401, 403, 500, 503)})
async def list_models(service: TheService, _caller: Asking) -> ModelList:
    """The collections that have a live release."""
    found = [await asyncio.to_thread(_live, service, name) for name in service.answers.collections]
    return ModelList(data=[_body(name, manifest) for name, manifest in found if manifest is not None])


@router.get("/v1/models/{model}", summary="One collection", responses={**responses(400, 401, 403, 404, 500, 503)})
async def get_model(
    service: TheService, _caller: Asking, model: Annotated[str, Path(max_length=201, description="As in `model`.")]
) -> ModelBody:
    """A collection with its live release, or `collection@release`."""
    collection, release = parse_model(model)
    if collection not in service.answers.collections:
        raise model_not_found(f"There is no collection {collection!r}. GET /v1/models lists those that there are.")
    try:
        manifest = await asyncio.to_thread(_manifest, service, collection, release)
    except ReleaseError as error:
        raise model_not_found(str(error)) from error
    return _body(model, manifest)


def _live(service: Service, collection: str) -> tuple[str, Manifest | None]:
    return collection, service.environment.releases(collection).live()


def _manifest(service: Service, collection: str, release: str | None) -> Manifest:
    releases = service.environment.releases(collection)
    manifest = releases.live() if release is None else releases.get(release)
    if manifest is None:
        raise ReleaseError(
            f"The collection {collection!r} has no release yet. An operator publishes the first one with: "
            "ragpress ingest"
        )
    return manifest


def _body(model: str, manifest: Manifest) -> ModelBody:
    created = int(datetime.fromisoformat(manifest.created).timestamp())
    return ModelBody(id=model, created=created, release=manifest.id)
