"""The generator of kind ``openai`` against a real vLLM."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from examples.vllm_server import HOST, QUEUE, SMOLLM2, free_port, wait_until
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorBusyError, GeneratorError, GeneratorRefusedError, GeneratorUnavailableError
from ragpress.prompts import built_in
from retrieval.context import Context
from serving.generate.served import ServedGenerator
from serving.types import GenerationRequest, GeneratorName, Turn, Usage
from tests.vllm.conftest import Metric

pytestmark = pytest.mark.vllm

LONG = "Write a long story about the sea, the harbour and the ships. Never stop."


def request(text: str, **changes: str) -> GenerationRequest:
    """A request whose prompt is one message."""
    return GenerationRequest(
        messages=(Turn("user", text),),
        context=Context(release="", query=text, passages=()),
        question=text,
        language="en",
        prompt=built_in(),
        **changes,
    )


@contextlib.asynccontextmanager
async def opened(settings: GeneratorSettings) -> AsyncIterator[ServedGenerator]:
    """A generator that is closed after the block."""
    generator = ServedGenerator(settings)
    try:
        yield generator
    finally:
        await generator.aclose()


async def test_text_comes_piece_by_piece_and_the_usage_last(settings: GeneratorSettings) -> None:
    async with opened(settings) as generator:
        events = [event async for event in generator.stream(request("Count from one to ten."))]
    texts = [event for event in events if isinstance(event, str)]
    assert events[0] == GeneratorName("openai", SMOLLM2)
    assert len(texts) > 5
    assert isinstance(events[-1], Usage)
    assert events[-1].completion_tokens is not None
    assert len(texts) <= events[-1].completion_tokens <= settings.max_tokens
    assert (events[-1].prompt_tokens or 0) > 5


async def test_the_same_question_gets_the_same_text(settings: GeneratorSettings) -> None:
    async with opened(settings) as generator:
        first, second = [[event async for event in generator.stream(request("What is rain?"))] for _ in range(2)]
    assert [event for event in first if isinstance(event, str)] == [event for event in second if isinstance(event, str)]


async def test_a_caller_who_leaves_frees_the_server(settings: GeneratorSettings, metric: Metric) -> None:
    written = metric("generation_tokens_total")
    patient = msgspec.structs.replace(settings, max_tokens=1500)
    async with opened(patient) as generator:
        stream = generator.stream(request(LONG))
        texts = [event async for event in first_texts(stream, 3)]
        running = await asyncio.to_thread(wait_until, lambda: metric("num_requests_running") == 1, 10)
        await stream.aclose()
        freed = await asyncio.to_thread(wait_until, lambda: metric("num_requests_running") == 0, 10)
    assert len(texts) == 3
    assert running
    assert freed
    assert metric("generation_tokens_total") - written < patient.max_tokens / 2


async def test_a_cancelled_task_frees_the_server(settings: GeneratorSettings, metric: Metric) -> None:
    patient = msgspec.structs.replace(settings, max_tokens=1500)
    started = asyncio.Event()

    async def read(generator: ServedGenerator) -> None:
        async for _ in generator.stream(request(LONG)):
            started.set()

    async with opened(patient) as generator:
        task = asyncio.create_task(read(generator))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(wait_until, lambda: metric("num_requests_running") == 0, 10)


async def test_a_salt_keeps_the_prefix_cache_apart(settings: GeneratorSettings, metric: Metric) -> None:
    text = "The harbour opens at six in the morning and closes late in the evening. " * 12

    async def hits(generator: ServedGenerator, salt: str) -> float:
        before = metric("prefix_cache_hits_total")
        _ = [event async for event in generator.stream(request(text, cache_salt=salt))]
        return metric("prefix_cache_hits_total") - before

    readers, editors = uuid.uuid4().hex, uuid.uuid4().hex
    short = msgspec.structs.replace(settings, max_tokens=4)
    async with opened(short) as generator:
        found = [await hits(generator, salt) for salt in (readers, readers, editors)]
    assert found[1] >= 64
    assert found[0] < 16
    assert found[2] < 16


async def test_a_prompt_that_is_too_long_is_refused_with_the_servers_reason(settings: GeneratorSettings) -> None:
    async with opened(settings) as generator:
        with pytest.raises(GeneratorRefusedError, match="400"):
            _ = [event async for event in generator.stream(request("sea " * 9000))]


async def test_an_unknown_model_is_refused(settings: GeneratorSettings) -> None:
    async with opened(msgspec.structs.replace(settings, model="no-such-model")) as generator:
        with pytest.raises(GeneratorRefusedError, match="no-such-model"):
            _ = [event async for event in generator.stream(request("Hello?"))]


async def test_a_server_that_is_down_is_unavailable() -> None:
    settings = GeneratorSettings(kind="openai", base_url=f"http://{HOST}:{free_port()}/v1", retries=0)
    async with opened(settings) as generator:
        with pytest.raises(GeneratorUnavailableError, match="cannot be reached"):
            _ = [event async for event in generator.stream(request("Hello?"))]


async def test_a_full_queue_is_busy_and_leaves_the_circuit_closed(settings: GeneratorSettings) -> None:
    short = msgspec.structs.replace(settings, max_tokens=4, retries=0, circuit_failures=1)

    async def outcome(generator: ServedGenerator, number: int) -> type:
        try:
            _ = [event async for event in generator.stream(request(f"What is {number}?"))]
        except GeneratorError as error:
            return type(error)
        return str

    async with opened(short) as generator:
        found = await asyncio.gather(*(outcome(generator, number) for number in range(QUEUE + 32)))
        after = await outcome(generator, 0)
    assert set(found) == {str, GeneratorBusyError}
    assert found.count(str) >= QUEUE
    assert after is str


async def first_texts(stream: AsyncIterator[object], count: int) -> AsyncIterator[str]:
    """The first pieces of text of a stream, which stays open."""
    while count:
        event = await anext(stream)
        if isinstance(event, str):
            count -= 1
            yield event
