"""OpenAI's own clients, and LangChain's, against a service in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI

from tests.serving.api.model_thread import ModelThread, good
from tests.serving.api.services import QUESTION
from tests.serving.generate.scripted_server import Exchange, close
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = pytest.mark.process

SETTINGS = """
[generator]
kind = "openai"
model = "served-model"
base_url = "{base_url}"
retries = 0
circuit_failures = 1000
"""
TEXT = "Every employee has 25 days of annual leave. [1]"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelThread]:
    with ModelThread() as running:
        yield running


@pytest.fixture(scope="module")
def service(model: ModelThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    workspace = Workspace(tmp_path_factory.mktemp("clients"))
    workspace.write({"leave.md": "# Leave\n\nEvery employee has 25 days of annual leave.\n"})
    workspace.ingest()
    with ServiceProcess(workspace.root, settings=SETTINGS.format(base_url=model.base_url)) as running:
        yield running


@pytest.fixture
def plays_well(model: ModelThread) -> ModelThread:
    model.plays(good)
    return model


@pytest.fixture
def client(service: ServiceProcess, plays_well: ModelThread) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.base_url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def test_openai_plain(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="default", messages=ASKED, temperature=0, max_tokens=10, extra_body={"k": 5, "filter": {"tags": []}}
    )
    extra = made.model_extra or {}
    assert made.choices[0].message.content == TEXT
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.total_tokens) == (7, 10)
    assert extra["citations"][0]["quote"] == "Every employee has 25 days of annual leave."
    assert extra["release"] == made.system_fingerprint
    assert made._request_id


def test_openai_streamed(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="default", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    assert (chunks[-2].model_extra or {})["citations"][0]["source"] == "docs/leave.md"
    with client.chat.completions.stream(model="default", messages=ASKED) as helper:
        assert helper.get_final_completion().choices[0].message.content == TEXT


def test_openai_async(service: ServiceProcess, plays_well: ModelThread) -> None:
    async def ask() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(base_url=f"{service.base_url}/v1", api_key="unused", max_retries=0) as made:
            plain = await made.chat.completions.create(model="default", messages=ASKED)
            stream = await made.chat.completions.create(model="default", messages=ASKED, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            return plain.choices[0].message.content, text

    assert asyncio.run(ask()) == (TEXT, TEXT)


def test_openai_models(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    release = (model.model_extra or {})["release"]
    assert (model.id, client.models.retrieve("default").id) == ("default", "default")
    pinned = client.chat.completions.create(model=f"default@{release}", messages=ASKED)
    assert (pinned.model_extra or {})["release"] == release


def test_openai_errors_are_of_its_classes(client: openai.OpenAI, model: ModelThread) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as missing:
        create(model="other", messages=ASKED)
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as wrong:
        create(model="default", messages=ASKED, n=2)
    assert (wrong.value.code, wrong.value.param) == ("unsupported_parameter", "n")

    async def busy(exchange: Exchange) -> None:
        await exchange.plain("429 Too Many Requests", b'{"error": {"message": "busy"}}', extra="Retry-After: 2\r\n")

    model.plays(busy)
    with pytest.raises(openai.RateLimitError) as limited:
        create(model="default", messages=ASKED, stream=True)
    assert (limited.value.code, limited.value.response.headers["retry-after"]) == ("generator_busy", "2")
    model.plays(close)
    with pytest.raises(openai.InternalServerError) as failed:
        create(model="default", messages=ASKED)
    assert failed.value.code in {"generator_unavailable", "generator_protocol"}

    async def breaks_off(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token("Every employee has 25 days of annual leave. [1] And ")
        await close(exchange)

    model.plays(breaks_off)
    pieces: list[str | None] = []
    with pytest.raises(openai.APIError) as broken:
        pieces.extend(chunk.choices[0].delta.content for chunk in create(model="default", messages=ASKED, stream=True))
    assert broken.value.code == "generator_protocol"


def test_openai_tries_again_where_that_may_help(service: ServiceProcess, model: ModelThread) -> None:
    before = model.chats

    async def fails_once(exchange: Exchange) -> None:
        if model.chats == before + 1:
            await exchange.plain("500 Internal Server Error", b"{}")
        else:
            await good(exchange)

    model.plays(fails_once)
    with openai.OpenAI(base_url=f"{service.base_url}/v1", api_key="unused", max_retries=1) as client:
        made = client.chat.completions.create(model="default", messages=ASKED)
    assert made.choices[0].message.content == TEXT
    assert model.chats == before + 2


def test_langchain(service: ServiceProcess, plays_well: ModelThread) -> None:
    chat = ChatOpenAI(model="default", base_url=f"{service.base_url}/v1", api_key="unused", max_retries=0)  # type: ignore[arg-type]
    assert chat.invoke(QUESTION).content == TEXT
    chunks = list(chat.stream([("system", "Be brief."), ("human", QUESTION)]))
    assert "".join(str(chunk.content) for chunk in chunks) == TEXT
    whole = AIMessageChunk(content="")
    for chunk in chunks:
        assert isinstance(chunk, AIMessageChunk)
        whole += chunk
    assert whole.response_metadata["finish_reason"] == "stop"


def test_answers_are_found_by_their_ids(service: ServiceProcess, client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="default", messages=ASKED)
    stored = client.get(f"/answers/{made.id}", cast_to=object)
    assert isinstance(stored, dict)
    assert (stored["answer"], stored["status"], stored["question"]) == (TEXT, "complete", QUESTION)
    said = client.post("/feedback", cast_to=object, body={"answer_id": made.id, "rating": "up"})
    assert isinstance(said, dict)
    assert said["answer_id"] == made.id
