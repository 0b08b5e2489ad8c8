"""What a served model can do wrong (fault L2), done on a real socket, and what the caller sees."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import (
    GeneratorBusyError,
    GeneratorError,
    GeneratorProtocolError,
    GeneratorRefusedError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
)
from serving.generate.served import ServedGenerator, pause
from tests.serving.generate.contract import SECONDS
from tests.serving.generate.samples import request, told
from tests.serving.generate.scripted_server import Exchange, Script, ScriptedServer, close
from tests.serving.generate.test_circuit import Clock

SETTINGS = GeneratorSettings(kind="openai", model="served-model", retries=0)


class Sleeps:
    """Keeps how long was to be slept, and goes on at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(good) as running:
        yield running


async def good(exchange: Exchange) -> None:
    await exchange.whole("Every twelve months ", "[1].")


def served(server: ScriptedServer, **changes: Any) -> ServedGenerator:
    return ServedGenerator(msgspec.structs.replace(SETTINGS, base_url=server.base_url, **changes))


async def failed(generator: ServedGenerator, error: type[GeneratorError]) -> tuple[list[str], GeneratorError]:
    """The text that came before an answer failed as expected, and the error."""
    pieces: list[str] = []

    async def listen() -> None:
        async for event in generator.stream(request()):
            assert isinstance(event, str)
            pieces.append(event)

    with pytest.raises(error) as caught:
        await listen()
    await generator.aclose()
    assert type(caught.value) is error
    return pieces, caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_server_that_is_down_is_unavailable() -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    generator = ServedGenerator(msgspec.structs.replace(SETTINGS, base_url=address))
    _, error = await failed(generator, GeneratorUnavailableError)
    assert address in str(error)
    assert error.retry_after is not None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("307 Temporary Redirect", GeneratorRefusedError),
        ("400 Bad Request", GeneratorRefusedError),
        ("404 Not Found", GeneratorRefusedError),
        ("429 Too Many Requests", GeneratorBusyError),
        ("500 Internal Server Error", GeneratorUnavailableError),
        ("503 Service Unavailable", GeneratorUnavailableError),
    ],
)
async def test_a_status_is_an_error_with_the_servers_words(
    server: ScriptedServer, status: str, error: type[GeneratorError]
) -> None:
    async def answer(exchange: Exchange) -> None:
        extra = "Location: /elsewhere\r\nRetry-After: 9\r\n"
        await exchange.plain(status, b'{"error": {"message": "words of the server"}}', extra=extra)

    server.script = answer
    _, found = await failed(served(server), error)
    assert "words of the server" in str(found)
    assert found.retry_after == (None if error is GeneratorRefusedError else 9.0)
    assert len(server.asked) == 1


async def test_the_endless_body_of_an_error_is_not_read_on(server: ScriptedServer) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.head("500 Internal Server Error")
        while True:
            await exchange.chunk(b"x" * 65536)

    server.script = endless
    _, error = await failed(served(server), GeneratorUnavailableError)
    assert len(str(error)) < 400
    async with asyncio.timeout(SECONDS):
        await server.all_left()


async def not_json(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.event("<html>Bad gateway</html>")
    await exchange.end()


async def a_page(exchange: Exchange) -> None:
    await exchange.plain("200 OK", b"<html>Welcome</html>", "text/html")


async def not_streamed(exchange: Exchange) -> None:
    await exchange.plain("200 OK", b'{"choices": [{"message": {"content": "Yes."}}]}')


async def bad_utf8(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.chunk(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n')
    await exchange.end()


async def no_done(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("Yes.", finish="stop")
    await exchange.end()


async def no_finish_reason(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("Yes.")
    await exchange.event("[DONE]")
    await exchange.end()


async def large_token(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("x" * 10_000_000)
    await exchange.end()


async def endless_event(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.chunk(b"data: ")
    while True:
        await exchange.chunk(b"x" * 65536)


async def endless_text(exchange: Exchange) -> None:
    await exchange.head()
    while True:
        await exchange.token("word " * 1000)


async def wrong_chunks(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.raw(b"not a length\r\n")
    await close(exchange)


async def cut_before_text(exchange: Exchange) -> None:
    await exchange.head()
    await close(exchange)


@pytest.mark.parametrize(
    "script",
    [
        not_json,
        a_page,
        not_streamed,
        bad_utf8,
        no_done,
        no_finish_reason,
        large_token,
        endless_event,
        endless_text,
        wrong_chunks,
        cut_before_text,
    ],
)
async def test_what_is_not_the_protocol_is_an_error(server: ScriptedServer, script: Script) -> None:
    server.script = script
    _, error = await failed(served(server), GeneratorProtocolError)
    assert len(str(error)) < 600


async def test_a_stream_cut_in_the_middle_keeps_what_came_and_fails(server: ScriptedServer) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token("Every ")
        await exchange.token("twelve ")
        await close(exchange)

    server.script = cut
    pieces, error = await failed(served(server, retries=3), GeneratorProtocolError)
    assert pieces == ["Every ", "twelve "]
    assert "broke the answer off" in str(error)
    assert len(server.chats) == 1


async def no_response(exchange: Exchange) -> None:
    await exchange.client_left()


async def no_token(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("")
    await exchange.client_left()


async def one_token(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("Every ")
    await exchange.client_left()


async def comments_for_ever(exchange: Exchange) -> None:
    await exchange.head()
    while True:
        await exchange.chunk(b": still here\n\n")
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("script", "setting"),
    [
        (no_response, "first_token_seconds"),
        (no_token, "first_token_seconds"),
        (comments_for_ever, "first_token_seconds"),
        (one_token, "idle_seconds"),
        (one_token, "seconds"),
    ],
)
async def test_a_server_that_hangs_is_left_in_time(server: ScriptedServer, script: Script, setting: str) -> None:
    server.script = script
    generator = served(server, **{setting: 0.15})
    with pytest.raises(GeneratorTimeoutError) as caught:
        await told(generator.stream(request()))
    assert f"({setting} in [generator])" in str(caught.value)
    async with asyncio.timeout(SECONDS):
        await server.all_left()
    await generator.aclose()


@pytest.mark.parametrize("milliseconds", [0.1, 1, 2, 3, 4, 5, 6, 8, 10])
async def test_no_connection_stays_open_whenever_time_is_up(server: ScriptedServer, milliseconds: float) -> None:
    server.script = comments_for_ever
    await failed(served(server, first_token_seconds=milliseconds / 1000), GeneratorTimeoutError)
    async with asyncio.timeout(SECONDS):
        await server.all_left()
    assert server.connections <= 1


async def test_a_slow_list_of_models_is_left_in_time(server: ScriptedServer) -> None:
    server.models = None
    _, error = await failed(served(server, model="", first_token_seconds=0.15), GeneratorTimeoutError)
    assert "list its models" in str(error)


async def test_after_the_end_mark_nothing_is_waited_for(server: ScriptedServer) -> None:
    async def goes_on(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token("Yes.", finish="stop")
        await exchange.event("[DONE]")
        await exchange.client_left()

    server.script = goes_on
    generator = served(server)
    answer = await asyncio.wait_for(told(generator.stream(request())), SECONDS)
    assert answer.text == "Yes."
    await generator.aclose()


def failing_first(times: int, status: str, extra: str = "") -> Script:
    """A script that refuses so often, then answers."""
    left = [times]

    async def script(exchange: Exchange) -> None:
        if left[0]:
            left[0] -= 1
            await exchange.plain(status, b"", extra=extra)
        else:
            await good(exchange)

    return script


def patient(server: ScriptedServer, **changes: Any) -> tuple[ServedGenerator, Sleeps, Clock]:
    sleeps, clock = Sleeps(), Clock()
    settings = msgspec.structs.replace(SETTINGS, base_url=server.base_url, **changes)
    return ServedGenerator(settings, clock=clock, sleep=sleeps), sleeps, clock


async def test_failures_are_tried_again_with_growing_pauses(server: ScriptedServer) -> None:
    server.script = failing_first(3, "500 Internal Server Error")
    generator, sleeps, _ = patient(server, retries=3)
    assert (await told(generator.stream(request()))).text == "Every twelve months [1]."
    assert [0.12 < sleeps.seconds[0] <= 0.25, 0.25 <= sleeps.seconds[1] <= 0.5, 0.5 <= sleeps.seconds[2] <= 1] == [
        True
    ] * 3
    await generator.aclose()


async def test_so_many_retries_and_no_more(server: ScriptedServer) -> None:
    server.script = failing_first(9, "503 Service Unavailable")
    generator, sleeps, _ = patient(server, retries=2)
    await failed(generator, GeneratorUnavailableError)
    assert len(server.chats) == 3
    assert len(sleeps.seconds) == 2


async def test_a_busy_server_is_asked_again_when_it_says(server: ScriptedServer) -> None:
    server.script = failing_first(1, "429 Too Many Requests", "Retry-After: 4\r\n")
    generator, sleeps, _ = patient(server, retries=1)
    assert (await told(generator.stream(request()))).text
    assert sleeps.seconds == [4.0]
    await generator.aclose()


async def test_a_long_wait_is_left_to_the_caller(server: ScriptedServer) -> None:
    server.script = failing_first(1, "429 Too Many Requests", "Retry-After: 120\r\n")
    generator, sleeps, _ = patient(server, retries=5)
    _, error = await failed(generator, GeneratorBusyError)
    assert error.retry_after == 120.0
    assert sleeps.seconds == []


@pytest.mark.parametrize("script", [failing_first(1, "400 Bad Request"), not_json])
async def test_what_would_fail_again_is_not_tried_again(server: ScriptedServer, script: Script) -> None:
    server.script = script
    generator, sleeps, _ = patient(server, retries=5)
    with pytest.raises(GeneratorError):
        await told(generator.stream(request()))
    assert sleeps.seconds == []
    await generator.aclose()


async def test_the_circuit_opens_and_closes(server: ScriptedServer) -> None:
    server.script = failing_first(2, "500 Internal Server Error")
    generator, _, clock = patient(server, circuit_failures=2, circuit_seconds=15.0)
    for _ in range(2):
        await failed(generator, GeneratorUnavailableError)
    _, refused = await failed(generator, GeneratorUnavailableError)
    assert len(server.chats) == 2
    assert refused.retry_after == 15.0
    assert "2 times in a row" in str(refused)
    clock.now += 15.0
    assert (await told(generator.stream(request()))).text
    assert (await told(generator.stream(request()))).text
    await generator.aclose()


async def test_retries_end_when_the_circuit_opens(server: ScriptedServer) -> None:
    server.script = failing_first(9, "500 Internal Server Error")
    generator, sleeps, _ = patient(server, retries=8, circuit_failures=3)
    _, error = await failed(generator, GeneratorUnavailableError)
    assert len(server.chats) == 3
    assert "(500)" in str(error)
    assert len(sleeps.seconds) == 2


@pytest.mark.parametrize("status", ["429 Too Many Requests", "400 Bad Request"])
async def test_a_server_that_refuses_is_not_left_alone(server: ScriptedServer, status: str) -> None:
    server.script = failing_first(4, status)
    generator, _, _ = patient(server, circuit_failures=2)
    for _ in range(4):
        with pytest.raises(GeneratorError):
            await told(generator.stream(request()))
    assert (await told(generator.stream(request()))).text
    await generator.aclose()


async def test_callers_who_leave_do_not_open_the_circuit(server: ScriptedServer) -> None:
    server.script = one_token
    generator, _, _ = patient(server, circuit_failures=1)
    for _ in range(3):
        events = generator.stream(request())
        assert await anext(events) == "Every "
        await events.aclose()
    server.script = good
    assert (await told(generator.stream(request()))).text
    await generator.aclose()


def test_pauses_grow_to_a_limit_and_obey_the_server() -> None:
    error = GeneratorUnavailableError("down", retry_after=0.0)
    assert [pause(number, error, 1.0) for number in (0, 1, 2, 9)] == [0.25, 0.5, 1.0, 10.0]
    assert pause(0, error, 0.0) == 0.125
    assert pause(0, GeneratorBusyError("busy", retry_after=7.0), 0.0) == 7.0
