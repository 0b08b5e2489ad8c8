"""The body of a chat completion: what OpenAI's clients send, and which of it counts here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ragpress.errors import UsageError
from retrieval.filters import Filter, filter_from_json
from serving.api.errors import ApiError
from serving.prompting import without_hidden
from serving.types import Turn

MOST_MESSAGES = 1000
LONGEST_QUESTION = 16_000
LONGEST_TEXT = 500_000
"""Characters of all messages together."""

_IGNORED = "Accepted and not used: the release decides how answers are made."


def _only(*values: object) -> WithJsonSchema:
    """The documented values of a field of which others are read only to be refused by name."""
    return WithJsonSchema({"enum": [*values, None], "description": "Other values are refused."})


def _a_number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("expected a number")  # noqa: TRY004 - what pydantic turns into an error of the field
    return value


WholeNumber = Annotated[int, BeforeValidator(_a_number)]
"""As JSON Schema's integer: 1.0 is one, "1" and true are not."""

_NONE_OF_THEM = WithJsonSchema(
    {"anyOf": [{"type": "array", "maxItems": 0}, {"type": "null"}], "description": "Refused unless empty."}
)
_Pattern = Annotated[str, Field(min_length=1, max_length=500)]
_DAY = WithJsonSchema({"type": "string", "format": "date"})
_ROLES = WithJsonSchema({"type": "string", "enum": ["system", "developer", "user", "assistant"]})


class ContentPart(BaseModel):
    """A part of a message. Only text is understood."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, WithJsonSchema({"type": "string", "enum": ["text", "refusal"]})] = Field(
        max_length=50, description="`text`; other kinds are refused."
    )
    text: str | None = Field(default=None, max_length=LONGEST_TEXT)
    refusal: str | None = Field(default=None, max_length=LONGEST_TEXT)


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow")

    role: Annotated[Literal["system", "developer", "user", "assistant", "tool", "function"], _ROLES] = Field(
        description="Messages of `system` and `developer` are recorded and not obeyed. There are no tools."
    )
    content: Annotated[str, Field(max_length=LONGEST_TEXT)] | list[ContentPart] | None = Field(
        default=None, description="Text, or parts of type `text`."
    )


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = Field(
        default=None, strict=True, description="Send one more chunk with the tokens used."
    )


class WhereBody(BaseModel):
    """Which documents are wanted. All given conditions must hold; of several values one must."""

    model_config = ConfigDict(extra="forbid")

    sources: list[_Pattern] | _Pattern | None = Field(
        default=None, description="Patterns of source paths, as in a .gitignore file."
    )
    languages: list[Annotated[str, Field(max_length=50)]] | Annotated[str, Field(max_length=50)] | None = Field(
        default=None, description="ISO codes; `zh` also takes `zh-hant`."
    )
    tags: list[Annotated[str, Field(max_length=500)]] | Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="Values of the document's own `tags` or `keywords`."
    )
    after: Annotated[str, _DAY] | None = Field(default=None, max_length=50, description="ISO date: that day or later.")
    before: Annotated[str, _DAY] | None = Field(default=None, max_length=50, description="ISO date: before that day.")
    metadata: dict[str, list[Annotated[str, Field(max_length=500)]] | Annotated[str, Field(max_length=500)]] | None = (
        Field(default=None, description="Any other key of the document's own metadata, and the accepted values.")
    )

    def to_filter(self) -> Filter:
        """The filter.

        Raises:
            ApiError: 400: a date or a pattern is wrong.
        """
        try:
            return filter_from_json(self.model_dump(exclude_none=True))
        except UsageError as error:
            raise ApiError(400, str(error), code="invalid_value", param="filter") from error


class ChatRequest(BaseModel):
    """A chat completion. What would change the shape of the answer is refused; what would only tune it is ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(
        max_length=201,
        description="A collection, or `collection@release` with a release id or the beginning of one.",
        examples=["default"],
    )
    messages: list[Message] = Field(
        min_length=1, max_length=MOST_MESSAGES, description="The conversation; the last message is the question."
    )
    stream: bool | None = Field(
        default=None, strict=True, description="Send the answer as server-sent events while it is written."
    )
    stream_options: StreamOptions | None = None
    filter: WhereBody | None = Field(default=None, description="ragpress: which documents may be used.")
    k: WholeNumber | None = Field(default=None, ge=1, le=100, description="ragpress: hits to retrieve.")

    temperature: float | None = Field(default=None, strict=True, ge=0, le=2, description=_IGNORED)
    top_p: float | None = Field(default=None, strict=True, ge=0, le=1, description=_IGNORED)
    max_tokens: WholeNumber | None = Field(default=None, ge=0, description=_IGNORED)
    max_completion_tokens: WholeNumber | None = Field(default=None, ge=0, description=_IGNORED)
    presence_penalty: float | None = Field(default=None, strict=True, ge=-2, le=2, description=_IGNORED)
    frequency_penalty: float | None = Field(default=None, strict=True, ge=-2, le=2, description=_IGNORED)
    seed: WholeNumber | None = Field(default=None, description=_IGNORED)
    stop: str | list[str] | None = Field(default=None, description=_IGNORED)
    user: str | None = Field(default=None, max_length=1000, description=_IGNORED)

    n: Annotated[int | None, _only(1)] = None
    tools: Annotated[list[Any] | None, _NONE_OF_THEM] = None
    functions: Annotated[list[Any] | None, _NONE_OF_THEM] = None
    tool_choice: Annotated[str | dict[str, Any] | None, _only("none", "auto")] = None
    function_call: Annotated[str | dict[str, Any] | None, _only("none", "auto")] = None
    logprobs: Annotated[bool | None, _only(False)] = None
    top_logprobs: Annotated[int | None, _only(0)] = None
    audio: Annotated[dict[str, Any] | None, _only()] = None
    modalities: Annotated[list[str] | None, _only([], ["text"])] = None
    response_format: Annotated[dict[str, Any] | None, _only({"type": "text"})] = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for, checked.

    Attributes:
        model: as the caller named it.
        collection: its collection.
        release: id of a release, or its beginning; None takes the live one.
        text: the question.
        history: earlier messages, oldest first.
        where: which documents may be used.
        k: hits to retrieve.
        stream: whether the answer is streamed.
        include_usage: whether the stream ends with the tokens used.
    """

    model: str
    collection: str
    release: str | None
    text: str
    history: tuple[Turn, ...] = ()
    where: Filter | None = None
    k: int | None = None
    stream: bool = False
    include_usage: bool = False


def wish_of(body: ChatRequest) -> Wish:
    """What a request asks for.

    Raises:
        ApiError: 400 where it asks for what is not offered; 404 where its model cannot exist.
    """
    _refuse_unsupported(body)
    collection, release = parse_model(body.model)
    turns = _turns(body.messages)
    options = body.stream_options
    if options is not None and not body.stream:
        raise _unsupported("stream_options", "stream_options is only allowed when stream is true.")
    return Wish(
        model=body.model,
        collection=collection,
        release=release,
        text=turns[-1].content,
        history=turns[:-1],
        where=None if body.filter is None else body.filter.to_filter(),
        k=body.k,
        stream=bool(body.stream),
        include_usage=bool(options and options.include_usage),
    )


def parse_model(model: str) -> tuple[str, str | None]:
    """The collection of a model's name, and its release where one is named.

    Raises:
        ApiError: 404: no model can have such a name.
    """
    collection, at, release = model.partition("@")
    plain = collection.replace("-", "").replace("_", "")
    named = release.replace("-", "")
    if not (plain.isascii() and plain.isalnum()) or (at and not (named.isascii() and named.isalnum())):
        raise model_not_found(f"There is no model {model[:200]!r}. GET /v1/models lists those that there are.")
    return collection, release if at else None


def model_not_found(message: str) -> ApiError:
    """The error for a model that does not exist, as OpenAI's API words it."""
    return ApiError(404, message, kind="invalid_request_error", code="model_not_found", param="model")


def _refuse_unsupported(body: ChatRequest) -> None:
    wrong = {
        "n": body.n not in (None, 1),
        "tools": bool(body.tools),
        "functions": bool(body.functions),
        "tool_choice": body.tool_choice not in (None, "none", "auto"),
        "function_call": body.function_call not in (None, "none", "auto"),
        "logprobs": bool(body.logprobs),
        "top_logprobs": bool(body.top_logprobs),
        "audio": body.audio is not None,
        "modalities": body.modalities not in (None, [], ["text"]),
        "response_format": body.response_format is not None and body.response_format.get("type") != "text",
    }
    for name, refused in wrong.items():
        if refused:
            raise _unsupported(
                name, f"{name} is not supported with this value: answers are one text with citations. Leave it out."
            )


def _unsupported(name: str, message: str) -> ApiError:
    return ApiError(400, message, code="unsupported_parameter", param=name)


def _turns(messages: list[Message]) -> tuple[Turn, ...]:
    turns = tuple(_turn(message, f"messages.{place}") for place, message in enumerate(messages))
    last = f"messages.{len(turns) - 1}"
    if messages[-1].role != "user":
        raise _wrong(f"{last}.role: the last message must be the user's question, found {messages[-1].role!r}.", last)
    if not without_hidden(turns[-1].content).strip():
        raise _wrong(f"{last}.content: the question is empty: expected some words.", last)
    if len(turns[-1].content) > LONGEST_QUESTION:
        found = len(turns[-1].content)
        raise _wrong(f"{last}.content: expected at most {LONGEST_QUESTION} characters, found {found}.", last)
    total = sum(len(turn.content) for turn in turns)
    if total > LONGEST_TEXT:
        raise _wrong(
            f"messages: expected at most {LONGEST_TEXT} characters together, found {total}. Leave out the oldest.",
            "messages",
        )
    return turns


def _turn(message: Message, place: str) -> Turn:
    match message.role:
        case "user" | "assistant" | "system":
            role = message.role
        case "developer":
            role = "system"
        case _:
            raise _unsupported(place, f"{place}.role: {message.role!r} messages are not supported, nor are tools.")
    if message.content is None and role != "assistant":
        raise _wrong(f"{place}.content: expected text, found nothing.", place)
    return Turn(role, _text(message.content, place))


def _text(content: str | list[ContentPart] | None, place: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    pieces = []
    for number, part in enumerate(content):
        text = part.refusal if part.type == "refusal" else part.text
        if part.type not in ("text", "refusal") or text is None:
            raise _wrong(f"{place}.content.{number}: expected a part of type 'text' with a text.", place)
        pieces.append(text)
    return "\n".join(pieces)


def _wrong(message: str, place: str) -> ApiError:
    return ApiError(400, message, code="invalid_value", param=place)
