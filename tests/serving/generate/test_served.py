from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorRefusedError, GeneratorUnavailableError, SettingsError
from serving.generate.served import ServedGenerator
from serving.types import GeneratorName, Usage
from tests.serving.generate.contract import SECONDS, GeneratorContract
from tests.serving.generate.samples import request, told
from tests.serving.generate.scripted_server import Exchange, ScriptedServer

SETTINGS = GeneratorSettings(kind="openai", retries=0)


async def echo(exchange: Exchange) -> None:
    """Answers with the question, a word a token."""
    words = exchange.question.split("\n\n")[-1].split(" ")
    await exchange.whole(*(f"{word} " for word in words))


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(echo) as running:
        yield running


def served(server: ScriptedServer, key: str = "", **changes: Any) -> ServedGenerator:
    """A generator for a scripted server."""
    return ServedGenerator(msgspec.structs.replace(SETTINGS, base_url=server.base_url, **changes), key)


class TestServedGenerator(GeneratorContract):
    @pytest.fixture
    async def generator(self, server: ScriptedServer) -> AsyncIterator[ServedGenerator]:
        made = served(server)
        yield made
        await made.aclose()


async def test_it_yields_the_name_the_text_and_the_usage(server: ScriptedServer) -> None:
    generator = served(server)
    assert generator.name == GeneratorName("openai", "")
    answer = await told(generator.stream(request("Is it so?")))
    assert answer.names == [GeneratorName("openai", "served-model")]
    assert answer.pieces == ["Is ", "it ", "so? "]
    assert answer.usage == [Usage(7, 3)]
    assert generator.name == GeneratorName("openai", "served-model")
    await generator.aclose()


async def test_the_request_holds_what_the_settings_say(server: ScriptedServer) -> None:
    generator = served(server, model="served-model", temperature=0.5, max_tokens=64, seed=11)
    asked = request()
    await told(generator.stream(asked))
    (chat,) = server.chats
    assert chat.body == {
        "model": "served-model",
        "messages": [{"role": turn.role, "content": turn.content} for turn in asked.messages],
        "temperature": 0.5,
        "max_tokens": 64,
        "seed": 11,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    await generator.aclose()


async def test_a_named_model_is_asked_for_at_once(server: ScriptedServer) -> None:
    generator = served(server, model="served-model")
    answer = await told(generator.stream(request()))
    assert answer.names == []
    assert [asked.path for asked in server.asked] == ["/v1/chat/completions"]
    await generator.aclose()


async def test_a_connection_serves_one_answer_after_another(server: ScriptedServer) -> None:
    generator = served(server)
    for _ in range(3):
        await told(generator.stream(request()))
    assert server.connections == 1
    assert [asked.path for asked in server.asked].count("/v1/models") == 1
    await generator.aclose()


async def test_eight_streams_at_once_each_get_their_own_answer(server: ScriptedServer) -> None:
    generator = served(server)
    questions = [f"Nonce {number} and what follows it?" for number in range(8)]
    answers = await asyncio.gather(*(told(generator.stream(request(question))) for question in questions))
    assert [answer.text.strip() for answer in answers] == questions
    await generator.aclose()


@pytest.mark.parametrize(("owner", "salt"), [("vllm", "group-a"), ("someone-else", None)])
async def test_only_vllm_gets_a_cache_salt(server: ScriptedServer, owner: str, salt: str | None) -> None:
    server.models = {"served-model": owner}
    generator = served(server, model="served-model")
    await told(generator.stream(request(cache_salt="group-a")))
    assert server.chats[0].body.get("cache_salt") == salt
    await generator.aclose()


async def test_no_salt_no_field(server: ScriptedServer) -> None:
    generator = served(server)
    await told(generator.stream(request()))
    assert "cache_salt" not in server.chats[0].body
    await generator.aclose()


async def test_a_server_of_several_models_needs_a_name(server: ScriptedServer) -> None:
    server.models = {"large": "vllm", "small": "vllm"}
    generator = served(server)
    with pytest.raises(GeneratorRefusedError, match="Found: large, small"):
        await told(generator.stream(request()))
    await generator.aclose()


async def test_the_key_is_sent_and_never_shown(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(exchange: Exchange) -> None:
        key = exchange.asked.headers["authorization"]
        await exchange.plain("401 Unauthorized", f'{{"error": {{"message": "wrong key {key}"}}}}'.encode())

    caplog.set_level("DEBUG")
    server.script = refuse
    generator = served(server, key="sk-canary-123", model="served-model")
    with pytest.raises(GeneratorRefusedError, match="api_key_env") as caught:
        await told(generator.stream(request()))
    assert server.chats[0].headers["authorization"] == "Bearer sk-canary-123"
    assert "canary" not in str(caught.value) + repr(caught.value) + caplog.text
    await generator.aclose()


async def test_settings_for_another_server_are_not_sent(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(variable, "https://canary.invalid/v1")
    generator = served(server)
    await told(generator.stream(request()))
    assert not [value for value in server.chats[0].headers.values() if "canary" in value]
    await generator.aclose()


async def test_closed_it_may_be_asked_again(server: ScriptedServer) -> None:
    generator = served(server)
    await told(generator.stream(request()))
    await generator.aclose()
    assert (await told(generator.stream(request("Is it so?")))).text == "Is it so? "
    await generator.aclose()


def test_it_works_in_one_event_loop_after_another() -> None:
    settings = msgspec.structs.replace(SETTINGS, base_url="http://127.0.0.1:1/v1", model="served-model")
    generator = ServedGenerator(settings)

    async def ask() -> type[BaseException]:
        with pytest.raises(GeneratorUnavailableError) as caught:
            await told(generator.stream(request()))
        return caught.type

    assert [asyncio.run(ask()) for _ in range(2)] == [GeneratorUnavailableError] * 2


async def test_a_caller_who_leaves_closes_the_connection(server: ScriptedServer) -> None:
    left = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token("The ")
        await exchange.client_left()
        left.set()

    server.script = endless
    generator = served(server)
    events = generator.stream(request())
    async for event in events:
        if event == "The ":
            break
    await events.aclose()
    await asyncio.wait_for(left.wait(), SECONDS)
    assert left.is_set()
    await generator.aclose()


@pytest.mark.parametrize("streams", [True, False])
async def test_a_cancelled_task_closes_the_connection(server: ScriptedServer, streams: bool) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        if streams:
            await exchange.head()
            await exchange.token("The ")
        asked.set()
        await exchange.client_left()
        left.set()

    server.script = endless
    generator = served(server)
    task = asyncio.create_task(told(generator.stream(request())))
    await asyncio.wait_for(asked.wait(), SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(left.wait(), SECONDS)
    assert left.is_set()
    await generator.aclose()


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8000/v1", "ftp://host/v1", "http://", "http://[::1/v1", "http://host:port/v1"]
)
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="base_url"):
        ServedGenerator(msgspec.structs.replace(SETTINGS, base_url=address))


@pytest.mark.parametrize("key", ["sk-\n1", "“sk-1”", "sk 1\x00"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    settings = msgspec.structs.replace(SETTINGS, base_url="http://127.0.0.1:1/v1")
    with pytest.raises(SettingsError, match="RAGPRESS_GENERATOR_KEY") as caught:
        ServedGenerator(settings, key)
    assert key not in str(caught.value)
