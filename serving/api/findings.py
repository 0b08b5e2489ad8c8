"""Findings: list, one, approve, reject. For admins: findings hold questions, answers and words of every document."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from index.approvals import Word, decide, undecidable
from index.findings import Finding, FindingState, find_finding
from serving.api.callers import Administrating
from serving.api.errors import ApiError, responses
from serving.api.library import COLLECTION_PATTERN, check_collection, one_line
from serving.api.service import Service, TheService
from serving.overview.finding_records import FindingDetail, FindingEntry
from serving.overview.findings import finding_detail, finding_entry, found_state

router = APIRouter(tags=["findings"])

_ERRORS = {**responses(400, 401, 403, 404, 500, 503)}
_DECIDING = {**responses(400, 401, 403, 404, 409, 413, 500, 503)}

FindingId = Annotated[str, Path(min_length=1, max_length=64, description="Id of a finding.")]


class FindingListBody(BaseModel):
    """The findings of a collection, newest first."""

    collection: str
    total: int = Field(description="Findings that fit, of which at most `limit` are listed.")
    open: int = Field(description="Findings of the collection about which something is left to do.")
    waiting: int = Field(description="Those of them that wait for a person.")
    findings: list[FindingEntry]


class DecisionBody(BaseModel):
    """A person's word on a finding."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        default="", max_length=500, description="Why, in one line; recorded with the name of the API key."
    )


@router.get("/v1/findings", summary="List findings", responses=_ERRORS)
async def list_them(
    service: TheService,
    _caller: Administrating,
    collection: Annotated[str, Query(max_length=100, pattern=COLLECTION_PATTERN)] = "default",
    state: Annotated[FindingState | None, Query(description="Only those of which this became.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most to list.")] = 100,
) -> FindingListBody:
    """What was found of bad cases: cause, documents at fault, evidence, what is proposed and what became of it."""
    check_collection(service, collection)
    return await asyncio.to_thread(_list, service, collection, state, limit)


@router.get("/v1/findings/{finding}", summary="One finding", responses=_ERRORS)
async def get_finding(service: TheService, _caller: Administrating, finding: FindingId) -> FindingDetail:
    """A finding with all that became of it."""
    return await asyncio.to_thread(lambda: _told(service, _found(service, finding)))


@router.post("/v1/findings/{finding}/approve", summary="Let a repair through", responses=_DECIDING)
async def approve(
    service: TheService, caller: Administrating, finding: FindingId, body: Annotated[DecisionBody | None, Body()] = None
) -> FindingDetail:
    """Let what a finding proposes through. It is recorded; the worker builds the candidate, which the gate judges."""
    return await asyncio.to_thread(_decide, service, finding, "approve", caller.owner, body or DecisionBody())


@router.post("/v1/findings/{finding}/reject", summary="Reject a repair", responses=_DECIDING)
async def reject(
    service: TheService, caller: Administrating, finding: FindingId, body: Annotated[DecisionBody | None, Body()] = None
) -> FindingDetail:
    """Reject what a finding proposes: the worker leaves it alone from now on. A rejected one can still be approved."""
    return await asyncio.to_thread(_decide, service, finding, "reject", caller.owner, body or DecisionBody())


def _list(service: Service, collection: str, state: FindingState | None, limit: int) -> FindingListBody:
    known = found_state(service.environment, collection)
    fitting = [one for one in known.findings if state is None or known.states[one.finding_id] == state]
    return FindingListBody(
        collection=collection,
        total=len(fitting),
        open=known.open,
        waiting=known.waiting,
        findings=[finding_entry(known, one) for one in fitting[:limit]],
    )


def _decide(service: Service, finding_id: str, word: Word, by: str, body: DecisionBody) -> FindingDetail:
    finding = _found(service, finding_id)
    state = found_state(service.environment, finding.collection).states[finding.finding_id]
    why = undecidable(finding, state, word)
    if why:
        raise ApiError(409, why, code="not_decidable")
    if state != ("approved" if word == "approve" else "rejected"):
        decide(service.environment, finding, word, by, one_line(body.reason))
    return _told(service, finding)


def _found(service: Service, finding_id: str) -> Finding:
    finding = find_finding(service.environment, finding_id)
    if finding is None or finding.collection not in service.environment.workspace.collections:
        raise ApiError(
            404,
            "There is no such finding. GET /v1/findings lists those that there are.",
            kind="not_found_error",
            code="finding_not_found",
        )
    return finding


def _told(service: Service, finding: Finding) -> FindingDetail:
    return finding_detail(found_state(service.environment, finding.collection), finding)
