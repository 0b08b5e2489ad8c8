from __future__ import annotations

import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from evaluation.model_judge.client import JsonModel
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import (
    GeneratorError,
    GeneratorProtocolError,
    GeneratorRefusedError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
)
from serving.types import Turn
from tests.evaluation.model_judge.samples import Grades, completion, grade
from tests.serving.generate.scripted_server import Exchange, ScriptedServer, close

SETTINGS = GeneratorSettings(kind="openai", retries=2, seconds=5.0, max_tokens=40, temperature=0.5)
MESSAGES = (Turn("user", "Grade it."),)
SCHEMA = {"type": "object"}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(Grades(grade(5))) as running:
        yield running


async def without_waiting(seconds: float) -> None:
    """Sleeps not at all."""
    assert seconds >= 0


def model_of(server: ScriptedServer, **changes: object) -> JsonModel:
    """A model of the server."""
    settings = msgspec.structs.replace(SETTINGS, base_url=server.base_url, **changes)
    return JsonModel(settings, "secret-key", "judge", without_waiting)


async def asked(model: JsonModel) -> str:
    """The text of one completion; the connections are closed after it."""
    try:
        return (await model.ask(MESSAGES, "judgement", SCHEMA, seed=7)).text
    finally:
        await model.aclose()


async def test_the_request_says_what_was_set(server: ScriptedServer) -> None:
    assert await asked(model_of(server)) == grade(5)
    body = server.chats[0].body
    assert (body["model"], body["max_tokens"], body["temperature"], body["seed"]) == ("served-model", 40, 0.5, 7)
    assert body["response_format"]["json_schema"] == {"name": "judgement", "schema": SCHEMA, "strict": True}
    assert "stream" not in body


async def test_a_server_that_recovers_is_asked_again(server: ScriptedServer) -> None:
    good = Grades(grade(5))

    async def recovering(exchange: Exchange) -> None:
        if len(server.chats) < 3:
            await exchange.plain("503 Service Unavailable", b"{}")
        else:
            await good(exchange)

    server.script = recovering
    assert await asked(model_of(server)) == grade(5)
    assert len(server.chats) == 3


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", GeneratorProtocolError),
        (b'{"choices": []}', GeneratorProtocolError),
        (b'{"choices": [{"message": 1}]}', GeneratorProtocolError),
        (b"\xff\xfe", GeneratorProtocolError),
        (b'{"choices": "' + b"x" * (1 << 20) + b'"}', GeneratorProtocolError),
    ],
)
async def test_what_is_no_completion_is_an_error(
    server: ScriptedServer, body: bytes, error: type[GeneratorError]
) -> None:
    async def wrong(exchange: Exchange) -> None:
        await exchange.plain("200 OK", body)

    server.script = wrong
    with pytest.raises(error):
        await asked(model_of(server))
    assert len(server.chats) == 1


async def test_a_refusal_is_not_tried_again_and_keeps_the_key_secret(server: ScriptedServer) -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.plain("401 Unauthorized", b'{"error": {"message": "bad key secret-key"}}')

    server.script = refuses
    with pytest.raises(GeneratorRefusedError, match=r"\[judge\]") as caught:
        await asked(model_of(server))
    assert "secret-key" not in str(caught.value)
    assert len(server.chats) == 1


async def test_a_connection_that_breaks_is_tried_again(server: ScriptedServer) -> None:
    server.script = close
    with pytest.raises(GeneratorError):
        await asked(model_of(server))
    assert len(server.chats) == 3


async def test_a_reply_in_the_middle_of_which_the_server_leaves_is_an_error(server: ScriptedServer) -> None:
    async def half(exchange: Exchange) -> None:
        await exchange.head(media_type="application/json")
        await exchange.chunk(completion(grade(5))[:20])
        await close(exchange)

    server.script = half
    with pytest.raises(GeneratorError):
        await asked(model_of(server, retries=0))


async def test_a_server_that_says_nothing_is_left(server: ScriptedServer) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.client_left()

    server.script = silent
    with pytest.raises(GeneratorTimeoutError, match=r"\[judge\]"):
        await asked(model_of(server, seconds=0.05))


async def test_an_unknown_model_is_asked_for(server: ScriptedServer) -> None:
    server.models = {"one": "vllm", "two": "vllm"}
    with pytest.raises(GeneratorRefusedError, match=r"\[judge\] model"):
        await asked(model_of(server))


async def test_text_that_is_cut_says_so(server: ScriptedServer) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.plain("200 OK", completion("{", finish="length"))

    server.script = cut
    model = model_of(server)
    reply = await model.ask(MESSAGES, "judgement", SCHEMA, seed=0)
    await model.aclose()
    assert not reply.whole
    assert json.loads(completion("x"))["usage"]["prompt_tokens"] == reply.prompt_tokens


async def test_a_server_that_is_not_there_is_unavailable(server: ScriptedServer) -> None:
    model = model_of(server, model="served-model")
    await server.stop()
    with pytest.raises(GeneratorUnavailableError):
        await asked(model)
