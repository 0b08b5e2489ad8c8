"""A chat completion as OpenAI's API words it, with what ragpress adds: citations, the release, and what made it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from serving.types import Answer, Citation, FinishReason, Usage

_NOT_RERANKED = "Not reranked, the fused order stands"


class CitationBody(BaseModel):
    """A passage that the answer cites."""

    index: int = Field(description="The number in the text: [1] is 1.")
    chunk_id: str
    document_id: str
    source: str = Field(description="Source path of the document.")
    title: str
    heading: list[str] = Field(description="Headings above the passage, outermost first.")
    page: int | None = Field(description="Page, slide or sheet, from 1; null where the format has none.")
    start: int = Field(description="First character of the quote in the document's text.")
    end: int = Field(description="One past its last character.")
    quote: str = Field(description="The part of the passage that supports the answer best.")
    score: float = Field(description="How well the quote supports the sentences that cite it, 0 to 1.")
    copies: list[str] = Field(description="Sources that hold the same text.")


class GeneratorBody(BaseModel):
    """What wrote an answer."""

    kind: str
    model: str


class Provenance(BaseModel):
    """What an answer rests on; part of a completion, and of the last chunk of a streamed one."""

    citations: list[CitationBody]
    release: str = Field(description="The release that made the whole answer.")
    collection: str
    abstained: bool = Field(description="Whether the answer says that the documents do not tell.")
    warnings: list[str] = Field(description="What a reader should know, for example that a document is outdated.")
    generator: GeneratorBody
    prompt: str = Field(description="The prompt version, name@fingerprint.")


class UsageBody(BaseModel):
    """Tokens as the generator counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class MessageBody(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChoiceBody(BaseModel):
    """The one choice."""

    index: Literal[0] = 0
    message: MessageBody
    logprobs: None = None
    finish_reason: FinishReason


class ChatCompletion(Provenance):
    """A whole answer."""

    id: str = Field(description="The answer's id: for feedback, GET /v1/answers/{id} and GET /v1/trace/{id}.")
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChoiceBody]
    usage: UsageBody | None = Field(description="null where the generator does not count tokens.")
    system_fingerprint: str = Field(description="The release.")


class DeltaBody(BaseModel):
    """A piece of the answer."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoiceBody(BaseModel):
    """The one choice of a chunk."""

    index: Literal[0] = 0
    delta: DeltaBody
    logprobs: None = None
    finish_reason: FinishReason | None = None


def completion_of(answer: Answer, collection: str, model: str, created: int) -> ChatCompletion:
    """The body of an answer that is not streamed."""
    choice = ChoiceBody(message=MessageBody(content=answer.answer), finish_reason=answer.finish)
    return ChatCompletion(
        id=answer.id,
        created=created,
        model=model,
        choices=[choice],
        usage=usage_of(answer.usage),
        system_fingerprint=answer.release,
        **dict(provenance_of(answer, collection)),
    )


def provenance_of(answer: Answer, collection: str) -> Provenance:
    """What an answer rests on."""
    return Provenance(
        citations=[citation_body(citation) for citation in answer.citations],
        release=answer.release,
        collection=collection,
        abstained=answer.abstained,
        warnings=[told_warning(warning) for warning in answer.warnings],
        generator=GeneratorBody(kind=answer.generator.kind, model=answer.generator.model),
        prompt=answer.prompt,
    )


def citation_body(citation: Citation) -> CitationBody:
    """A citation for the caller."""
    return CitationBody(
        index=citation.index,
        chunk_id=citation.chunk_id,
        document_id=citation.document_id,
        source=citation.source,
        title=citation.title,
        heading=list(citation.heading),
        page=citation.page,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        score=citation.score,
        copies=list(citation.copies),
    )


def usage_of(usage: Usage) -> UsageBody | None:
    """Tokens; None where the generator did not count both."""
    read, written = usage.prompt_tokens, usage.completion_tokens
    if read is None or written is None:
        return None
    return UsageBody(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def told_warning(warning: str) -> str:
    """A warning as callers read it: why a reranker failed names its server, which is for the operator alone."""
    return f"{_NOT_RERANKED}." if warning.startswith(_NOT_RERANKED) else warning
