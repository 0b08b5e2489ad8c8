"""Spans as the GenAI semantic conventions of OpenTelemetry describe them (development status, read in 2026).

::

    POST /v1/chat/completions          SERVER    http.*
    └── chat default                   INTERNAL  the answer: provider ``ragpress``, request model = what was asked for
        ├── retrieval default          CLIENT    data source = the collection
        └── chat qwen2.5               CLIENT    the generator (INTERNAL where it runs in this process)

The inner ``chat`` span is there only where something is generated. Both carry the usage; ``gen_ai.provider.name`` tells
them apart, so that nobody counts tokens twice. The chain asks :func:`retrieving` and :func:`generating` for its spans;
without an answer's span (no tracing, or a request that is not sampled) they cost one look at a context variable.
Questions, passages and answers are recorded only with ``[telemetry] trace_content``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context as SpanContext
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ragpress import __version__
from retrieval.context import Context
from serving.generate.kinds import OPENAI
from serving.types import Answer, GeneratorName, Turn, Usage

PROVIDER = "ragpress"

_Item = TypeVar("_Item")
_PROPAGATOR = TraceContextTextMapPropagator()


class AnswerSpan:
    """The span of one answer.

    Args:
        tracer: makes its children.
        span: the span.
        collection: what is asked.
        content: whether questions, passages and answers are recorded.
    """

    def __init__(self, tracer: Tracer, span: Span, collection: str, content: bool) -> None:
        self.tracer = tracer
        self.span = span
        self.collection = collection
        self.content = content

    def asked(self, model: str, stream: bool) -> None:
        """Tell how the caller asked."""
        if model:
            self.span.set_attribute("gen_ai.request.model", model)
        self.span.set_attribute("gen_ai.request.stream", stream)

    def answered(self, answer: Answer, history: Sequence[Turn]) -> None:
        """Tell the answer."""
        span = self.span
        span.set_attribute("ragpress.abstained", answer.abstained)
        span.set_attribute("gen_ai.response.model", answer.generator.model or answer.generator.kind)
        span.set_attribute("gen_ai.response.finish_reasons", [answer.finish])
        _put_usage(span, answer.usage)
        if answer.seconds.first_token is not None:
            span.set_attribute("gen_ai.response.time_to_first_chunk", answer.seconds.first_token)
        if self.content:
            span.set_attribute("gen_ai.input.messages", _messages([*history, Turn("user", answer.question)]))
            span.set_attribute("gen_ai.output.messages", _messages([Turn("assistant", answer.answer)], answer.finish))


class Retrieving:
    """The span of an answer's retrieval; does nothing without one."""

    def __init__(self, span: Span | None = None, content: bool = False) -> None:
        self._span = span
        self._content = content

    def found(self, context: Context) -> None:
        """Tell what was found."""
        if self._span is None:
            return
        self._span.set_attribute("ragpress.passages", len(context.passages))
        if self._content:
            self._span.set_attribute("gen_ai.retrieval.query.text", context.query)
            documents = [{"id": one.chunk_id, "score": float(one.score)} for one in context.passages]
            self._span.set_attribute("gen_ai.retrieval.documents", msgspec.json.encode(documents).decode())


class Generating:
    """The span of an answer's generation; does nothing without one."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span

    def wrote(self, name: GeneratorName, usage: Usage, finish: str) -> None:
        """Tell who wrote, which may be known only now, the tokens, and why the text ends."""
        if self._span is not None:
            self._span.set_attribute("gen_ai.provider.name", _provider(name))
            self._span.set_attribute("gen_ai.response.model", name.model or name.kind)
            self._span.set_attribute("gen_ai.response.finish_reasons", [finish])
            _put_usage(self._span, usage)


_answer: ContextVar[AnswerSpan | None] = ContextVar("ragpress_answer_span", default=None)
_request: ContextVar[SpanContext | None] = ContextVar("ragpress_request_span", default=None)
_NO_RETRIEVAL, _NO_GENERATION = Retrieving(), Generating()


class Spans:
    """Makes the spans of requests and answers.

    Args:
        provider: where spans go.
        content: whether questions, passages and answers are recorded.
    """

    def __init__(self, provider: TracerProvider, *, content: bool = False) -> None:
        self._tracer = provider.get_tracer("ragpress", __version__)
        self._content = content

    @contextlib.contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """The span of an HTTP request, within the caller's trace where ``traceparent`` names one.

        Args:
            method: of the request.
            headers: with names in lower case.
        """
        parent = _PROPAGATOR.extract(headers)
        span = self._tracer.start_span(
            method, context=parent, kind=SpanKind.SERVER, attributes={"http.request.method": method}
        )
        try:
            with _holding(_request, trace.set_span_in_context(span, parent)):
                yield span
        finally:
            span.end()

    @contextlib.contextmanager
    def chat(self, collection: str, release: str, answer_id: str) -> Iterator[AnswerSpan]:
        """The span of one answer."""
        span = self._tracer.start_span(
            f"chat {collection}",
            context=_request.get(),
            kind=SpanKind.INTERNAL,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDER,
                "gen_ai.request.model": collection,
                "gen_ai.response.id": answer_id,
                "ragpress.collection": collection,
                "ragpress.release": release,
                "ragpress.answer.id": answer_id,
            },
        )
        made = AnswerSpan(self._tracer, span, collection, self._content)
        with _ending(span), _holding(_answer, made if span.is_recording() else None):
            yield made


def answered(answer: Answer, history: Sequence[Turn]) -> None:
    """Tell the answer to its span, where there is one."""
    span = _answer.get()
    if span is not None:
        span.answered(answer, history)


def request_answered(span: Span, method: str, route: str, status: int) -> None:
    """Tell the end of a request: its route's template and the status of its response."""
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        _failed(span, str(status))


@contextlib.contextmanager
def retrieving(k: int | None) -> Iterator[Retrieving]:
    """A span over the retrieval of the answer that is being made.

    Args:
        k: hits that the caller asked for.
    """
    answer = _answer.get()
    if answer is None:
        yield _NO_RETRIEVAL
        return
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.data_source.id": answer.collection,
    }
    if k is not None:
        attributes["gen_ai.request.top_k"] = float(k)
    span = _child(answer, f"retrieval {answer.collection}", SpanKind.CLIENT, attributes)
    with _ending(span):
        yield Retrieving(span, answer.content)


@contextlib.contextmanager
def generating(name: GeneratorName) -> Iterator[Generating]:
    """A span over the generation of the answer that is being made.

    Args:
        name: the generator.
    """
    answer = _answer.get()
    if answer is None:
        yield _NO_GENERATION
        return
    model = name.model or name.kind
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _provider(name),
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
    }
    kind = SpanKind.CLIENT if name.kind == OPENAI else SpanKind.INTERNAL
    span = _child(answer, f"chat {model}", kind, attributes)
    with _ending(span):
        yield Generating(span)


def _child(answer: AnswerSpan, name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> Span:
    context = trace.set_span_in_context(answer.span)
    return answer.tracer.start_span(name, context=context, kind=kind, attributes=attributes)


def _provider(name: GeneratorName) -> str:
    """The provider: the protocol's where a server is asked, for nobody knows what stands behind it."""
    return "openai" if name.kind == OPENAI else f"{PROVIDER}.{name.kind}"


def _put_usage(span: Span, usage: Usage) -> None:
    if usage.prompt_tokens is not None:
        span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
    if usage.completion_tokens is not None:
        span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)


def _messages(turns: list[Turn], finish: str | None = None) -> str:
    messages: list[dict[str, Any]] = [
        {"role": turn.role, "parts": [{"type": "text", "content": turn.content}]} for turn in turns
    ]
    if finish is not None:
        messages = [{**message, "finish_reason": finish} for message in messages]
    return msgspec.json.encode(messages).decode()


def _failed(span: Span, kind: str) -> None:
    # The message of an exception may hold what a caller typed or a generator wrote: only its class is told.
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


@contextlib.contextmanager
def _ending(span: Span) -> Iterator[None]:
    """End a span, with the class of the exception that ended what it covers.

    It is never OpenTelemetry's current span: a stream's steps may run in other contexts than its first one, where a
    current span could not be put back.
    """
    try:
        yield
    except (GeneratorExit, asyncio.CancelledError):
        span.set_attribute("error.type", "cancelled")
        raise
    except Exception as error:
        _failed(span, type(error).__name__)
        raise
    finally:
        span.end()


@contextlib.contextmanager
def _holding(variable: ContextVar[_Item], value: _Item) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        # A stream that is closed by another task than the one that began it: that one's context ends with it.
        with contextlib.suppress(ValueError):
            variable.reset(token)
