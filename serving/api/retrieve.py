"""Retrieval: the chunks for a query."""

from __future__ import annotations

import asyncio
import time

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from retrieval.access import Principal
from retrieval.filters import Filter
from retrieval.hits import Explanation, Hit
from retrieval.search import Searcher
from serving.api.callers import Asking
from serving.api.chat_request import LONGEST_QUESTION, WhereBody, WholeNumber, parse_model
from serving.api.completion import told_warning
from serving.api.errors import ApiError, responses
from serving.api.service import TheService
from serving.api.turn import count_request, turn_of
from serving.live import Served

router = APIRouter(tags=["retrieval"])

MOST_HITS = 100
_DEFAULT = "default"


_NAMED_ONCE: JsonDict = {"not": {"anyOf": [{"required": ["model", name]} for name in ("collection", "release")]}}


class RetrieveRequest(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_NAMED_ONCE)

    query: str = Field(min_length=1, max_length=LONGEST_QUESTION, description="A question, or some words.")
    k: WholeNumber | None = Field(
        default=None, ge=1, le=MOST_HITS, description="Hits; the release's own number unless given."
    )
    model: str | None = Field(
        default=None, max_length=201, description="A collection or `collection@release`, as in /v1/models."
    )
    collection: str | None = Field(default=None, max_length=100, description="A collection; `default` unless given.")
    release: str | None = Field(
        default=None, max_length=100, description="Id of a release or the beginning of one; the live one unless given."
    )
    filter: WhereBody | None = Field(default=None, description="Which documents are wanted.")
    explain: bool = Field(default=False, strict=True, description="Tell each stage's candidates, scores and times.")


class StageScoreBody(BaseModel):
    """Where a stage ranked a chunk, from 1, and the stage's own score."""

    rank: int
    score: float


class CopyBody(BaseModel):
    """A chunk of nearly the same text."""

    chunk_id: str
    document_id: str
    source: str


class HitBody(BaseModel):
    """A chunk that was found."""

    rank: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: list[str]
    page: int | None
    start: int = Field(description="First character in the document's text.")
    end: int = Field(description="One past the last.")
    text: str
    score: float
    stages: dict[str, StageScoreBody] = Field(description="Rank and score in each stage that found it.")
    copies: list[CopyBody]
    marks: list[str] = Field(description="Audit marks of its document, such as `outdated` or `injection`.")


class CandidateBody(BaseModel):
    """A chunk as one stage saw it."""

    rank: int
    chunk_id: str
    source: str
    score: float


class StageBody(BaseModel):
    """What one stage of the search did."""

    name: str
    wall_ms: float
    cpu_ms: float
    cached: bool
    candidates: list[CandidateBody]


class RetrieveBody(BaseModel):
    """Hits, and with `explain` how they were found."""

    release: str
    hits: list[HitBody]
    query: str | None = Field(default=None, description="Only with `explain`, as all that follow.")
    k: int | None = None
    rows: int | None = Field(default=None, description="Chunks that this caller can find with this filter.")
    depth: int | None = Field(default=None, description="Candidates that each search gives to the fusion.")
    cached: bool | None = None
    stages: list[StageBody] | None = None
    notes: list[str] | None = Field(default=None, description="What went otherwise than set.")


class _Hits(msgspec.Struct, frozen=True):
    release: str
    hits: list[Hit]


@router.post(
    "/v1/retrieve",
    summary="Find passages",
    response_class=Response,
    responses={
        **responses(400, 401, 403, 404, 429, 500, 503),
        200: {"model": RetrieveBody, "description": "The hits, best first."},
    },
)
async def retrieve(service: TheService, caller: Asking, body: RetrieveRequest) -> Response:
    """The best chunks for a query, among what the caller may read."""
    collection, release = _place(body)
    where = None if body.filter is None else body.filter.to_filter()
    await count_request(service, caller)
    began = time.perf_counter()
    async with turn_of(service), service.answers.use(collection, release) as served:
        found = await asyncio.to_thread(_found, served, caller.principal, body, where)
    service.telemetry.retrieved(collection, served.release, time.perf_counter() - began)
    return Response(msgspec.json.encode(found), media_type="application/json")


def _place(body: RetrieveRequest) -> tuple[str, str | None]:
    """The collection and the release that are asked for.

    Raises:
        ApiError: 400 where they are named twice; 404 where there can be none of this name.
    """
    given = body.model_fields_set
    if body.model is None:
        name = _DEFAULT if body.collection is None else body.collection
        return parse_model(name if body.release is None else f"{name}@{body.release}")
    if "collection" in given or "release" in given:
        raise ApiError(
            400, "Give either model, or collection and release, not both.", code="invalid_value", param="model"
        )
    return parse_model(body.model)


def _found(served: Served, principal: Principal, body: RetrieveRequest, where: Filter | None) -> _Hits | Explanation:
    searcher = served.answerer.parts.source
    assert isinstance(searcher, Searcher)  # noqa: S101 - what the service opens
    if not body.explain:
        return _Hits(served.release, searcher.search(body.query, body.k, caller=principal, where=where))
    told = searcher.explain(body.query, body.k, caller=principal, where=where)
    return msgspec.structs.replace(told, notes=tuple(map(told_warning, told.notes)))
