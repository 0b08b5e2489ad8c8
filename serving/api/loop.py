"""What the loop did, and the repairs that hold. For admins: reasons hold words of every document and reader."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from index.documents import DocumentRow, to_rows
from index.environment import Environment
from index.repairs import files
from index.repairs.records import source_of
from ragpress.errors import RagpressError
from serving.api.callers import Administrating
from serving.api.errors import responses
from serving.api.library import COLLECTION_PATTERN, check_collection
from serving.api.service import TheService
from serving.overview.finding_records import KeptRepair, LoopReport
from serving.overview.findings import kept_repairs, loop_report

router = APIRouter(tags=["loop"])

_ERRORS = {**responses(400, 401, 403, 404, 500, 503)}

CollectionName = Annotated[str, Query(max_length=100, pattern=COLLECTION_PATTERN)]


class RepairListBody(BaseModel):
    """The repairs of a collection that stand in `repairs/`, newest first."""

    collection: str
    total: int
    problem: str = Field(description="Why they cannot be read; empty where they can.")
    repairs: list[KeptRepair]


@router.get("/v1/loop", summary="What the loop did", responses=_ERRORS)
async def get_loop(
    service: TheService,
    _caller: Administrating,
    collection: CollectionName = "default",
    limit: Annotated[int, Query(ge=1, le=1000, description="The most events to list.")] = 100,
) -> LoopReport:
    """Who runs it, what it may do by itself, what it spent, and everything that it did and why, newest first."""
    check_collection(service, collection)
    return await asyncio.to_thread(loop_report, service.environment, collection, limit)


@router.get("/v1/repairs", summary="List repairs", responses=_ERRORS)
async def list_repairs(
    service: TheService,
    _caller: Administrating,
    collection: CollectionName = "default",
    limit: Annotated[int, Query(ge=1, le=1000, description="The most to list.")] = 100,
) -> RepairListBody:
    """The repairs that hold: what each changes, who made it and why, and whether the live release has it."""
    check_collection(service, collection)
    return await asyncio.to_thread(_list, service.environment, collection, limit)


def _list(environment: Environment, collection: str, limit: int) -> RepairListBody:
    try:
        found = _kept(environment, collection)
    except RagpressError as error:
        # A damaged file or release must not hide the page that tells of it.
        return RepairListBody(collection=collection, total=0, problem=str(error), repairs=[])
    return RepairListBody(collection=collection, total=len(found), problem="", repairs=found[:limit])


def _kept(environment: Environment, collection: str) -> list[KeptRepair]:
    root, manifest = environment.workspace.root, environment.releases(collection).live()
    sources = [source for one in files.load_all(root, collection) if (source := source_of(one)) is not None]
    rows: list[DocumentRow] = []
    if manifest is not None and sources:
        table = environment.open(manifest).documents
        rows = to_rows(table.filter(pc.is_in(table["source"], pa.array(sources, pa.string()))))
    in_force = () if manifest is None else manifest.repairs
    return kept_repairs(root, collection, in_force, {row.source: row for row in rows})
