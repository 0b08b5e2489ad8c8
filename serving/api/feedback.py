"""Feedback on answers: what callers say, and what operators read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from ragpress.storage.record_ids import new_record_id
from serving.api.answers import own_answer
from serving.api.callers import Administrating, Asking
from serving.api.errors import ApiError, responses
from serving.api.keeping import keep_feedback
from serving.api.service import Service, TheService
from serving.journal.answers import FeedbackQuery
from serving.journal.problems import problem_of
from serving.journal.records import FeedbackRecord

router = APIRouter(tags=["feedback"])

LONGEST_COMMENT = 4000
LONGEST_CORRECTION = 8000
MOST_SOURCES = 20
LONGEST_SOURCE = 500

RatingName = Literal["up", "down"]


_SAYS_SOMETHING: JsonDict = {
    "anyOf": [
        {"required": ["rating"], "properties": {"rating": {"enum": ["up", "down"]}}},
        {"required": ["comment"], "properties": {"comment": {"pattern": r"\S"}}},
        {"required": ["correction"], "properties": {"correction": {"pattern": r"\S"}}},
        {"required": ["expected_sources"], "properties": {"expected_sources": {"minItems": 1}}},
    ]
}


class FeedbackRequest(BaseModel):
    """What a caller says about an answer. At least one of the fields beside `answer_id` must say something."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_SAYS_SOMETHING)

    answer_id: str = Field(min_length=1, max_length=64, description="The `id` of the completion.")
    rating: RatingName | None = Field(default=None, description="Thumbs up or down.")
    comment: str = Field(default="", max_length=LONGEST_COMMENT, description="In the user's words.")
    correction: str = Field(default="", max_length=LONGEST_CORRECTION, description="What the right answer is.")
    expected_sources: list[Annotated[str, Field(min_length=1, max_length=LONGEST_SOURCE)]] = Field(
        default=[], max_length=MOST_SOURCES, description="Sources or document ids that hold the right answer."
    )


class FeedbackMade(BaseModel):
    """A feedback that is on the disk."""

    feedback_id: str
    object: Literal["ragpress.feedback"] = "ragpress.feedback"
    answer_id: str
    case_id: str | None = Field(
        description="The case that it counts for: the same for the same question of callers who may read the same. "
        "null where the question is no longer kept."
    )


class FeedbackBody(BaseModel):
    """A feedback with the question it is about."""

    feedback_id: str
    at: str = Field(description="ISO 8601, UTC.")
    answer_id: str
    collection: str
    release: str
    question: str | None = Field(description="null where the answer is no longer kept.")
    rating: RatingName | None
    comment: str
    correction: str
    expected_sources: list[str]


class FeedbackList(BaseModel):
    """Feedback, newest first."""

    object: Literal["list"] = "list"
    data: list[FeedbackBody]


@router.post(
    "/v1/feedback",
    summary="Say how an answer was",
    status_code=201,
    responses={**responses(400, 401, 403, 404, 500, 503)},
)
async def give_feedback(service: TheService, caller: Asking, body: FeedbackRequest) -> FeedbackMade:
    """Keep what a user says about an answer. It is on the disk before this answers."""
    said = (body.rating, body.comment.strip(), body.correction.strip(), body.expected_sources)
    if not any(said):
        raise ApiError(
            400,
            "The feedback is empty: give a rating, a comment, a correction or expected_sources.",
            code="invalid_value",
            param="rating",
        )
    answer = await own_answer(service, caller, body.answer_id)
    record = FeedbackRecord(
        id=new_record_id(),
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        answer_id=answer.id,
        collection=answer.collection,
        release=answer.release,
        key=caller.key,
        rating=body.rating,
        comment=body.comment.strip(),
        correction=body.correction.strip(),
        expected_sources=tuple(body.expected_sources),
    )
    await keep_feedback(service, record)
    return FeedbackMade(feedback_id=record.id, answer_id=answer.id, case_id=problem_of(answer))


@router.get("/v1/feedback", summary="List feedback", responses={**responses(400, 401, 403, 500, 503)})
async def list_feedback(
    service: TheService,
    _caller: Administrating,
    collection: Annotated[str | None, Query(max_length=100, description="Only of this collection.")] = None,
    rating: Annotated[RatingName | None, Query(description="Only with this rating.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="The most to list.")] = 50,
) -> FeedbackList:
    """What was said about answers, newest first."""
    query = FeedbackQuery(collection=collection, rating=rating, limit=limit)
    return FeedbackList(data=await asyncio.to_thread(_listed, service, query))


def _listed(service: Service, query: FeedbackQuery) -> list[FeedbackBody]:
    return [_body(service, record) for record in service.journal.feedback(query)]


def _body(service: Service, record: FeedbackRecord) -> FeedbackBody:
    answer = service.journal.find(record.answer_id)
    return FeedbackBody(
        feedback_id=record.id,
        at=record.at,
        answer_id=record.answer_id,
        collection=record.collection,
        release=record.release,
        question=None if answer is None else answer.question,
        rating=record.rating,
        comment=record.comment,
        correction=record.correction,
        expected_sources=list(record.expected_sources),
    )
