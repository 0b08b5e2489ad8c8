"""Evaluations: list, one, its report. For admins: reports hold questions, answers and passages of every document."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field

from index.evaluations import REPORT_HTML, REPORT_JSON, evaluation_file
from ragpress.errors import ReleaseError
from serving.api.callers import Administrating, bearer, caller_of, with_role
from serving.api.errors import ApiError, responses
from serving.api.library import COLLECTION_PATTERN, check_collection
from serving.api.service import Service, TheService
from serving.callers import Caller, Role
from serving.keys.tickets import SECONDS
from serving.overview.evaluations import EvaluationShelf
from serving.overview.records import Evaluation

router = APIRouter(tags=["evaluations"])

REPORT_POLICY = (
    "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report brings its scripts with it. In a sandbox of an origin of its own they reach neither the service nor the API
key that the dashboard keeps, and nothing else either; modals are the print dialog."""

_REPORT_HEADERS = {
    "Content-Security-Policy": REPORT_POLICY,
    # With a sandbox the page's usual policy of openers makes browsers refuse the page.
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "X-Content-Type-Options": "nosniff",
}
_ERRORS = {**responses(400, 401, 403, 404, 500, 503)}

EvaluationId = Annotated[str, Path(description="Id of an evaluation.")]


class EvaluationListBody(BaseModel):
    """The evaluations of a collection, newest first."""

    collection: str
    total: int
    evaluations: list[Evaluation]


class ReportLinkBody(BaseModel):
    """Where a browser finds a report."""

    url: str = Field(description="Path and query.")
    seconds: int = Field(description="So long it can be opened, where the service has API keys.")


async def _shelf_of(request: Request, service: TheService) -> EvaluationShelf:
    state = request.app.state
    known: tuple[object, EvaluationShelf] | None = getattr(state, "evaluations", None)
    if known is None or known[0] is not service.environment:
        known = state.evaluations = service.environment, EvaluationShelf(service.environment)
    return known[1]


TheShelf = Annotated[EvaluationShelf, Depends(_shelf_of)]


@router.get("/v1/evaluations", summary="List evaluations", responses=_ERRORS)
async def list_evaluations(
    service: TheService,
    shelf: TheShelf,
    _caller: Administrating,
    collection: Annotated[str, Query(max_length=100, pattern=COLLECTION_PATTERN)] = "default",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EvaluationListBody:
    """The evaluations of a collection, newest first: what was evaluated, the gate's verdict, every metric."""
    gated = service.environment.workspace.collection(check_collection(service, collection)).gate.metrics
    found = await asyncio.to_thread(shelf.summaries, collection)
    told = [shelf.tell(one, gated) for one in found[:limit]]
    return EvaluationListBody(collection=collection, total=len(found), evaluations=told)


@router.get("/v1/evaluations/{evaluation}", summary="One evaluation", responses=_ERRORS)
async def get_evaluation(
    service: TheService, shelf: TheShelf, _caller: Administrating, evaluation: EvaluationId
) -> Evaluation:
    """What was evaluated, the gate's verdict, every metric with its confidence interval."""
    return await asyncio.to_thread(_found, service, shelf, evaluation)


async def _reading(
    request: Request,
    evaluation: EvaluationId,
    service: TheService,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ticket: Annotated[str | None, Query(description="From `POST …/report/link`, in place of an API key.")] = None,
) -> Caller:
    """Who reads a report: by a ticket where one is sent, else by an API key."""
    known = None if ticket is None else service.keys.ticket_caller(ticket, _page(evaluation))
    return await with_role(Role.ADMIN)(known or await caller_of(request, credentials))


Reading = Annotated[Caller, Depends(_reading)]


@router.post("/v1/evaluations/{evaluation}/report/link", summary="A link to a report", responses=_ERRORS)
async def link_report(
    service: TheService, shelf: TheShelf, caller: Administrating, evaluation: EvaluationId
) -> ReportLinkBody:
    """A link that opens the report in a browser, which cannot send an API key with it."""
    found = await asyncio.to_thread(_found, service, shelf, evaluation)
    page = _page(found.id)
    ticket = service.keys.ticket(caller.key, page) if caller.key else None
    return ReportLinkBody(url=page if ticket is None else f"{page}?ticket={ticket}", seconds=SECONDS)


@router.get(
    "/v1/evaluations/{evaluation}/report",
    summary="An evaluation's report",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **_ERRORS},
)
async def get_report(service: TheService, shelf: TheShelf, _caller: Reading, evaluation: EvaluationId) -> Response:
    """The report as a page that needs nothing beside itself. Browsers run it in a sandbox."""
    content = await asyncio.to_thread(_file, service, shelf, evaluation, REPORT_HTML)
    return Response(content, media_type="text/html; charset=utf-8", headers=_REPORT_HEADERS)


_JSON_REPORT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get(
    "/v1/evaluations/{evaluation}/report.json",
    summary="An evaluation's report for programs",
    response_class=Response,
    responses={**_JSON_REPORT, **_ERRORS},
)
async def get_json_report(
    service: TheService, shelf: TheShelf, _caller: Administrating, evaluation: EvaluationId
) -> Response:
    """Every figure of the report, and every case with what each side answered."""
    content = await asyncio.to_thread(_file, service, shelf, evaluation, REPORT_JSON)
    return Response(content, media_type="application/json")


def _found(service: Service, shelf: EvaluationShelf, evaluation: str) -> Evaluation:
    summary = shelf.find(evaluation)
    collections = service.environment.workspace.collections
    if summary is None or summary.collection not in collections:
        raise _no_evaluation()
    return shelf.tell(summary, collections[summary.collection].gate.metrics)


def _file(service: Service, shelf: EvaluationShelf, evaluation: str, name: str) -> bytes:
    found = _found(service, shelf, evaluation)
    try:
        return evaluation_file(service.environment.store, found.id, name)
    except ReleaseError as error:
        raise ApiError(404, str(error), kind="not_found_error", code="report_gone") from error


def _page(evaluation: str) -> str:
    return f"/v1/evaluations/{quote(evaluation, safe='')}/report"


def _no_evaluation() -> ApiError:
    return ApiError(
        404,
        "There is no such evaluation. GET /v1/evaluations lists those that there are.",
        kind="not_found_error",
        code="evaluation_not_found",
    )
