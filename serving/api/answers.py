"""Stored answers and the lineage of answers, citations, chunks and documents."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from ragpress.errors import ReleaseError, SettingsError
from retrieval.access import AccessRules, Principal
from retrieval.context import Passage
from serving.api.callers import Asking
from serving.api.chat_request import model_not_found
from serving.api.completion import CitationBody, GeneratorBody, UsageBody, citation_body, told_warning, usage_of
from serving.api.errors import ApiError, error_code, responses
from serving.api.service import Service, TheService
from serving.callers import Caller
from serving.journal.records import AnswerRecord
from serving.lineage import trace_anything
from serving.types import Answer, FinishReason

router = APIRouter(tags=["answers"])

AnswerId = Annotated[str, Path(max_length=64, description="The id of an answer.")]


TracedId = Annotated[
    str,
    Path(
        max_length=2000,
        description="An answer's id, a citation (`ANSWER_ID#2`, with `%23` for the `#`), a chunk's or a document's id, "
        "or a source path.",
    ),
]


class TraceBody(BaseModel):
    """Lineage of one thing."""

    kind: str = Field(description="`answer`, `citation`, `chunk` or `document`.")
    id: str
    chain: list[dict[str, Any]] = Field(description="From the thing to its source; `link` says what each one is.")
    used_by: list[dict[str, Any]] = Field(description="What was made from it, or said about it.")


class PassageBody(BaseModel):
    """A passage that the answer was written from, as far as the caller may still read its document."""

    index: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: list[str]
    page: int | None
    start: int
    end: int
    text: str
    marks: list[str]


class SecondsBody(BaseModel):
    """How long it took: until the prompt, the first token (null: there was none), the end."""

    retrieve: float
    first_token: float | None
    total: float


class AnswerBody(BaseModel):
    """A stored answer."""

    id: str
    object: Literal["ragpress.answer"] = "ragpress.answer"
    at: str = Field(description="When the question came, ISO 8601, UTC.")
    status: Literal["complete", "failed", "cancelled"] = Field(
        description="`failed`: the caller was told an error; `cancelled`: the caller left."
    )
    error_code: str | None = Field(description="What the caller was told; null unless failed.")
    model: str
    collection: str
    release: str = Field(description="Empty where none was open yet.")
    question: str
    answer: str = Field(description="The text, whole or as far as it was sent.")
    standalone: str | None = Field(default=None, description="The question that was searched for.")
    abstained: bool | None = None
    language: str | None = None
    finish_reason: FinishReason | None = None
    citations: list[CitationBody] = Field(default=[], description="Those whose documents the caller may still read.")
    passages: list[PassageBody] = Field(default=[], description="Those whose documents the caller may still read.")
    evidence: float | None = Field(default=None, description="How well the passages bear on the question, 0 to 1.")
    generator: GeneratorBody | None = None
    prompt: str | None = None
    warnings: list[str] = []
    seconds: SecondsBody | None = None
    usage: UsageBody | None = None


@router.get("/v1/answers/{id}", summary="A stored answer", responses={**responses(400, 401, 403, 404, 500, 503)})
async def get_answer(service: TheService, caller: Asking, id: AnswerId) -> AnswerBody:  # noqa: A002 - its public name
    """An answer that the caller's key asked for; an admin sees everybody's. Any worker finds it."""
    record = await own_answer(service, caller, id)
    return await asyncio.to_thread(_answer_body, service, caller.principal, record)


@router.get("/v1/trace/{id:path}", summary="Lineage", responses={**responses(400, 401, 403, 404, 500, 503)})
async def get_trace(
    service: TheService,
    caller: Asking,
    id: TracedId,  # noqa: A002 - its public name
    collection: Annotated[str, Query(max_length=100, description="Where chunks and documents are looked for.")] = (
        "default"
    ),
    release: Annotated[
        str | None, Query(max_length=100, description="Only in this release; the live one first unless given.")
    ] = None,
) -> TraceBody:
    """Where an answer, a citation, a chunk or a document comes from, and what was made from it."""
    if collection not in service.answers.collections:
        raise model_not_found(f"There is no collection {collection!r}. GET /v1/models lists those that there are.")
    try:
        found = await asyncio.to_thread(
            trace_anything, service.environment, service.journal, collection, id, release, caller
        )
    except ReleaseError as error:
        raise ApiError(
            404, "There is no such thing to trace.", kind="not_found_error", code="not_found", param="id"
        ) from error
    return TraceBody(kind=found.kind, id=found.id, chain=list(found.chain), used_by=list(found.used_by))


async def own_answer(service: Service, caller: Caller, answer_id: str) -> AnswerRecord:
    """The record of an answer that a caller may see.

    Raises:
        ApiError: 404: there is none, or it is somebody else's; nobody can tell which.
    """
    record = await asyncio.to_thread(service.journal.find, answer_id)
    if record is None or not caller.owns(record.key):
        raise ApiError(404, "There is no such answer.", kind="not_found_error", code="answer_not_found", param="id")
    return record


def readable_sources(service: Service, principal: Principal, collection: str, sources: list[str]) -> frozenset[str]:
    """Those sources of a collection that a caller may read, by the rules as they are now."""
    settings = service.environment.workspace.collections.get(collection)
    if settings is None:
        return frozenset()
    try:
        mask = AccessRules(settings.access).readable(principal, sources)
    except SettingsError:
        # The rules as they stand cannot be read: then nothing is anybody's.
        return frozenset()
    return frozenset(source for source, may in zip(sources, mask.tolist(), strict=True) if may)


def _answer_body(service: Service, principal: Principal, record: AnswerRecord) -> AnswerBody:
    body = AnswerBody(
        id=record.id,
        at=record.at,
        status=record.status,
        error_code=None if record.error is None else error_code(record.error.kind),
        model=record.model or record.collection,
        collection=record.collection,
        release=record.release,
        question=record.question,
        answer=record.text,
    )
    if record.answer is None:
        return body
    named = [one.source for one in record.answer.context]
    cited = [source for one in record.answer.citations for source in (one.source, *one.copies)]
    readable = readable_sources(service, principal, record.collection, [*named, *cited])
    return body.model_copy(update=_of_whole(record.answer, readable))


def _of_whole(answer: Answer, readable: frozenset[str]) -> dict[str, object]:
    """The fields that only a whole answer has."""
    cited = [citation_body(one) for one in answer.citations if one.source in readable]
    for one in cited:
        one.copies = [source for source in one.copies if source in readable]
    seconds = answer.seconds
    return {
        "answer": answer.answer,
        "standalone": answer.standalone,
        "abstained": answer.abstained,
        "language": answer.language,
        "finish_reason": answer.finish,
        "citations": cited,
        "passages": [_passage_body(one) for one in answer.context if one.source in readable],
        "evidence": answer.evidence,
        "generator": GeneratorBody(kind=answer.generator.kind, model=answer.generator.model),
        "prompt": answer.prompt,
        "warnings": [told_warning(warning) for warning in answer.warnings],
        "seconds": SecondsBody(retrieve=seconds.retrieve, first_token=seconds.first_token, total=seconds.total),
        "usage": usage_of(answer.usage),
    }


def _passage_body(passage: Passage) -> PassageBody:
    return PassageBody(
        index=passage.index,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        source=passage.source,
        title=passage.title,
        heading=list(passage.heading),
        page=passage.page,
        start=passage.text_start,
        end=passage.text_end,
        text=passage.text,
        marks=list(passage.marks),
    )
