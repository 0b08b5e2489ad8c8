"""Spans: which there are, what they hold, and what they never hold."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from ragpress.errors import GeneratorTimeoutError, MissingDependencyError
from ragpress.serve_settings import TelemetrySettings
from serving.telemetry import tracing
from serving.telemetry.spans import Spans, generating, retrieving
from serving.telemetry.telemetry import Telemetry
from serving.types import GeneratorName, Question, Turn, Usage
from tests.serving.answering import Scripted, answerer, events_of, passage

CANARY = "canary-question-8123"
PASSAGE = "The canary-passage-9034 lives in the garden."
SAID = "The canary-passage-9034 lives in the garden [1]."


class Traced:
    """Telemetry whose spans are kept."""

    def __init__(self, *, content: bool = False, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(**settings)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(provider, content=content)
        self.telemetry = Telemetry(spans=self.spans)

    async def ask(self, generator: Any, **question: Any) -> None:
        asked = Question(text=f"Where is {CANARY}?", id="answer-1", **question)
        with self.telemetry.chat("default", "r1", "answer-1", model="default@r1", stream=True):
            await events_of(answerer(generator, passage(1, PASSAGE)), asked)

    @property
    def found(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def traced() -> Traced:
    return Traced()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    found = dict(span.attributes or {})
    found.pop("gen_ai.response.time_to_first_chunk", None)
    return found


async def test_an_answer_has_a_span_with_its_retrieval_and_its_generation(traced: Traced) -> None:
    await traced.ask(Scripted(SAID, Usage(100, 7)), k=4)
    found = traced.found
    assert set(found) == {"chat default", "retrieval default", "chat scripted"}
    chat = found["chat default"]
    assert attributes(chat) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ragpress",
        "gen_ai.request.model": "default@r1",
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "answer-1",
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 7,
        "ragpress.collection": "default",
        "ragpress.release": "r1",
        "ragpress.answer.id": "answer-1",
        "ragpress.abstained": False,
    }
    assert attributes(found["retrieval default"]) == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "ragpress",
        "gen_ai.data_source.id": "default",
        "gen_ai.request.top_k": 4.0,
        "ragpress.passages": 1,
    }
    assert attributes(found["chat scripted"]) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "scripted",
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 7,
    }
    for child in ("retrieval default", "chat scripted"):
        parent = found[child].parent
        assert parent is not None
        assert chat.context is not None
        assert parent.span_id == chat.context.span_id
    assert found["chat scripted"].kind is SpanKind.CLIENT


async def test_a_generator_of_this_process_is_internal(traced: Traced) -> None:
    await traced.ask(Scripted(SAID, kind="extractive"))
    span = traced.found["chat scripted"]
    assert span.kind is SpanKind.INTERNAL
    assert attributes(span)["gen_ai.provider.name"] == "ragpress.extractive"


async def test_spans_hold_nobodys_text_unless_asked_to(traced: Traced) -> None:
    await traced.ask(Scripted(SAID), history=(Turn("user", CANARY), Turn("assistant", CANARY)))
    text = "".join(span.to_json() for span in traced.found.values())
    assert "canary" not in text


async def test_content_on_request() -> None:
    traced = Traced(content=True)
    await traced.ask(Scripted(SAID))
    chat, retrieval = attributes(traced.found["chat default"]), attributes(traced.found["retrieval default"])
    question = f"Where is {CANARY}?"
    assert json.loads(chat["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": question}]}
    ]
    assert json.loads(chat["gen_ai.output.messages"])[0]["finish_reason"] == "stop"
    assert "canary-passage-9034" in chat["gen_ai.output.messages"]
    assert retrieval["gen_ai.retrieval.query.text"] == question
    assert json.loads(retrieval["gen_ai.retrieval.documents"]) == [{"id": "chunk1", "score": 1.0}]


async def test_a_failed_generation_tells_the_class_of_its_error(traced: Traced) -> None:
    with pytest.raises(GeneratorTimeoutError):
        await traced.ask(Scripted(GeneratorTimeoutError(f"it said {CANARY}")))
    for name in ("chat default", "chat scripted"):
        span = traced.found[name]
        assert attributes(span)["error.type"] == "GeneratorTimeoutError"
        assert span.status.status_code is StatusCode.ERROR
        assert CANARY not in span.to_json()
    assert "error.type" not in attributes(traced.found["retrieval default"])


async def test_a_caller_who_leaves_is_no_error(traced: Traced) -> None:
    generator = Scripted(None)
    task = asyncio.create_task(traced.ask(generator))
    while not generator.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    chat = traced.found["chat default"]
    assert attributes(chat)["error.type"] == "cancelled"
    assert chat.status.status_code is StatusCode.UNSET


async def test_a_stream_may_end_in_another_task_than_it_began(traced: Traced) -> None:
    async def streamed() -> Any:
        with traced.telemetry.chat("default", "r1", "answer-1"):
            async for event in answerer(Scripted(SAID), passage(1, PASSAGE)).stream(Question(text="Where?")):
                yield event

    events = streamed()
    await asyncio.create_task(anext(events))
    rest = await asyncio.create_task(_drain(events))
    assert rest > 0
    assert "chat default" in traced.found
    with retrieving(None):
        pass
    assert len(traced.exporter.get_finished_spans()) == 3


async def _drain(events: Any) -> int:
    return len([event async for event in events])


async def test_answers_at_once_keep_their_own_children(traced: Traced) -> None:
    async def one(number: int) -> None:
        with traced.telemetry.chat(f"c{number}", "r1", f"answer-{number}"):
            await events_of(answerer(Scripted(SAID), passage(1, PASSAGE)), "Where?")

    await asyncio.gather(*(one(number) for number in range(8)))
    spans = traced.exporter.get_finished_spans()
    chats = {span.context.span_id: span for span in spans if span.name.startswith("chat c") and span.context}
    assert len(chats) == 8
    for span in spans:
        if span.name.startswith("retrieval"):
            assert span.parent is not None
            assert chats[span.parent.span_id].name == f"chat {span.name.split()[1]}"


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


async def test_the_callers_trace_goes_on(traced: Traced) -> None:
    with traced.spans.request("POST", {"traceparent": f"00-{TRACE}-{SPAN}-01"}):
        await traced.ask(Scripted(SAID))
    for span in traced.exporter.get_finished_spans():
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == TRACE
    request = traced.found["POST"]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN
    assert request.kind is SpanKind.SERVER


@pytest.mark.parametrize("header", ["", "garbage", f"00-{'0' * 32}-{SPAN}-01", "00-" + "f" * 5000])
async def test_a_broken_traceparent_begins_a_trace_of_its_own(traced: Traced, header: str) -> None:
    with traced.spans.request("POST", {"traceparent": header}):
        pass
    assert traced.found["POST"].parent is None


async def test_a_request_that_is_not_sampled_makes_no_children() -> None:
    traced = Traced(sampler=ALWAYS_OFF)
    with traced.spans.chat("default", "r1", "a"), retrieving(3) as one, generating(GeneratorName("openai", "m")) as two:
        assert one is _no_retrieval()
        two.wrote(GeneratorName("openai", "m"), Usage(), "stop")
    assert traced.found == {}


def _no_retrieval() -> object:
    with retrieving(None) as nothing:
        return nothing


def test_no_traces_unless_asked_for() -> None:
    spans, stop = tracing.start_tracing(TelemetrySettings())
    assert spans is None
    stop()


def test_a_missing_sdk_gives_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ragpress\[otel\]'"):
        tracing.start_tracing(TelemetrySettings(traces=True))
