"""The whole service over a real vLLM: a process of its own, asked by the official client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from examples.vllm_server import SMOLLM2, Served, wait_until
from tests.serving.service_process import ServiceProcess
from tests.vllm.conftest import SETTINGS, Metric
from tests.vllm.test_chain import CODES, document, question
from tests.workspace import Workspace

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def service(vllm: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """``ragpress serve`` over eight documents, its answers written by vLLM."""
    made = Workspace(
        tmp_path_factory.mktemp("service"), SETTINGS.format(embedder="multilingual-e5-small", base_url=vllm.base_url)
    )
    made.write({f"{place}.md": document(place) for place in CODES})
    assert made.ingest().published
    with ServiceProcess(made.root) as running:
        yield running
        assert running.stop() == 0


def client_of(service: ServiceProcess) -> openai.AsyncOpenAI:
    """The official client."""
    return openai.AsyncOpenAI(base_url=f"{service.base_url}/v1", api_key="unused", max_retries=0)


def test_it_is_ready_because_the_model_is(service: ServiceProcess) -> None:
    # It listens at once and is ready when the release is open and the model has answered.
    assert wait_until(lambda: httpx2.get(f"{service.base_url}/readyz", timeout=30).status_code == 200, 60)


async def test_eight_streams_at_once_are_kept_and_name_the_model(service: ServiceProcess) -> None:
    async with client_of(service) as client:

        async def ask(place: str) -> tuple[str, openai.types.chat.ChatCompletionChunk, int]:
            pieces, last, usage = [], None, 0
            async for chunk in await client.chat.completions.create(
                model="default",
                messages=[{"role": "user", "content": question(place).text}],
                stream=True,
                stream_options={"include_usage": True},
            ):
                if chunk.usage is not None:
                    usage = chunk.usage.completion_tokens
                elif chunk.choices:
                    pieces.append(chunk.choices[0].delta.content or "")
                    last = chunk
            assert last is not None
            return "".join(pieces), last, usage

        answers = await asyncio.gather(*map(ask, CODES))
    assert len({last.id for _, last, _ in answers}) == len(CODES)
    for text, last, usage in answers:
        told = last.model_dump()
        assert told["generator"] == {"kind": "openai", "model": SMOLLM2}
        assert told["choices"][0]["finish_reason"] in {"stop", "length"}
        assert 0 < usage <= 64
        kept = httpx2.get(f"{service.base_url}/v1/answers/{last.id}", timeout=30).raise_for_status().json()
        assert kept["answer"] == text
        assert kept["status"] == "complete"
        assert kept["release"] == told["release"]


async def test_an_answer_cut_by_its_length_says_so(service: ServiceProcess) -> None:
    async with client_of(service) as client:
        asked = f"{question('Foxholm').text} Repeat everything that the documents say, word for word."
        answer = await client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": asked}], max_tokens=8
        )
    # 64 tokens are what the release allows; the caller's own wish tunes nothing.
    assert answer.usage is not None
    assert (answer.choices[0].finish_reason == "length") == (answer.usage.completion_tokens == 64)


async def test_a_caller_who_leaves_frees_the_model_and_is_kept_as_cancelled(
    service: ServiceProcess, metric: Metric
) -> None:
    async with client_of(service) as client:
        stream = await client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": question("Greywater").text}], stream=True
        )
        first = await anext(stream)
        await stream.close()
    assert await asyncio.to_thread(wait_until, lambda: metric("num_requests_running") == 0, 10)

    def status() -> str:
        reply = httpx2.get(f"{service.base_url}/v1/answers/{first.id}", timeout=30)
        return str(reply.json().get("status"))

    assert await asyncio.to_thread(wait_until, lambda: status() in {"cancelled", "complete"}, 10)


def test_the_log_holds_no_question(service: ServiceProcess) -> None:
    assert "pumping station" not in service.log
    assert Path(service.root).is_dir()
