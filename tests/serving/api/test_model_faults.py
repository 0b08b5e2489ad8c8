"""What a served model can do wrong (fault L2), through a whole service: what the caller is told, and the journal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.serving.api.model_thread import ModelThread, good
from tests.serving.api.services import chat, events, text_of
from tests.serving.generate.scripted_server import Exchange, Script, close
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = pytest.mark.process

SETTINGS = """
[generator]
kind = "openai"
model = "served-model"
base_url = "{base_url}"
retries = 0
first_token_seconds = 1.0
idle_seconds = 0.5
circuit_failures = {failures}
circuit_seconds = 0.5
"""
TEXT = "Every employee has 25 days of annual leave. [1]"
BEGUN = f"{TEXT} And "


@pytest.fixture(scope="module")
def model() -> Iterator[ModelThread]:
    with ModelThread() as running:
        yield running


def service_of(folder: Any, model: ModelThread, failures: int) -> ServiceProcess:
    workspace = Workspace(folder)
    workspace.write({"leave.md": "# Leave\n\nEvery employee has 25 days of annual leave.\n"})
    workspace.ingest()
    return ServiceProcess(workspace.root, settings=SETTINGS.format(base_url=model.base_url, failures=failures))


@pytest.fixture(scope="module")
def service(model: ModelThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with service_of(tmp_path_factory.mktemp("faults"), model, failures=1000) as running:
        yield running


@pytest.fixture
def http(service: ServiceProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.base_url, timeout=60) as client:
        yield client


def stored(http: httpx2.Client, answer_id: str) -> dict[str, Any]:
    response = http.get(f"/v1/answers/{answer_id}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def hangs(exchange: Exchange) -> None:
    await exchange.client_left()


async def fails(exchange: Exchange) -> None:
    await exchange.plain("500 Internal Server Error", b'{"error": {"message": "http://10.0.0.8 broke"}}')


async def is_busy(exchange: Exchange) -> None:
    await exchange.plain("429 Too Many Requests", b"{}", extra="Retry-After: 4\r\n")


async def is_full(exchange: Exchange) -> None:
    await exchange.plain("503 Service Unavailable", b"{}", extra="Retry-After: 4\r\n")


async def refuses(exchange: Exchange) -> None:
    await exchange.plain("401 Unauthorized", b'{"error": {"message": "wrong key sk-canary"}}')


async def shows_a_page(exchange: Exchange) -> None:
    await exchange.plain("200 OK", b"<html>hello</html>", "text/html")


async def babbles(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.event("{nonsense")
    await exchange.end()


async def writes_bad_characters(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n')
    await exchange.end()


async def writes_one_giant_token(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token("x" * 10_000_000)
    await exchange.end()


BEFORE: dict[Script, tuple[int, str]] = {
    hangs: (504, "generator_timeout"),
    close: (502, "generator_protocol"),
    fails: (503, "generator_unavailable"),
    is_busy: (429, "generator_busy"),
    is_full: (503, "generator_unavailable"),
    refuses: (502, "generator_refused"),
    shows_a_page: (502, "generator_protocol"),
    babbles: (502, "generator_protocol"),
    writes_bad_characters: (502, "generator_protocol"),
    writes_one_giant_token: (502, "generator_protocol"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("script", "status", "code"), [(key, *value) for key, value in BEFORE.items()])
def test_faults_before_the_first_token(
    script: Script, status: int, code: str, stream: bool, model: ModelThread, http: httpx2.Client
) -> None:
    model.plays(script)
    response = http.post("/v1/chat/completions", json=chat(stream=stream))
    told = response.json()["error"]
    record = stored(http, response.headers["x-ragpress-answer"])
    if script is close:
        # The connection may break while the request is still being sent.
        assert (response.status_code, told["code"]) in {(502, "generator_protocol"), (503, "generator_unavailable")}
    else:
        assert (response.status_code, told["code"]) == (status, code)
    assert (record["status"], record["answer"], record["error_code"]) == ("failed", "", told["code"])
    assert "retry-after" in response.headers or code == "generator_refused"
    assert not any(word in response.text for word in ("10.0.0.8", "canary", "127.0.0.1"))


async def stalls(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token(BEGUN)
    await exchange.client_left()


async def is_cut(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token(BEGUN)
    await close(exchange)


async def forgets_the_end_mark(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token(BEGUN, finish="stop")
    await exchange.end()


async def reports_a_fault(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.token(BEGUN)
    await exchange.event({"error": {"message": "http://10.0.0.8 ran out of memory", "code": 500}})
    await exchange.end()


AFTER: dict[Script, str] = {
    stalls: "generator_timeout",
    is_cut: "generator_protocol",
    forgets_the_end_mark: "generator_protocol",
    reports_a_fault: "generator_unavailable",
}


@pytest.mark.parametrize(("script", "code"), AFTER.items())
def test_faults_after_the_first_token(script: Script, code: str, model: ModelThread, http: httpx2.Client) -> None:
    model.plays(script)
    response = http.post("/v1/chat/completions", json=chat(stream=True))
    told = events(response.text)
    assert response.status_code == 200
    assert told[-1]["error"]["code"] == code
    assert "[DONE]" not in told
    assert "10.0.0.8" not in response.text
    record = stored(http, told[0]["id"])
    assert (record["status"], record["error_code"]) == ("failed", code)
    assert record["answer"] == text_of(told)
    assert record["answer"].startswith(TEXT)


def test_invented_citations_are_removed(model: ModelThread, http: httpx2.Client) -> None:
    async def invents(exchange: Exchange) -> None:
        await exchange.whole("Every employee has 25 days of annual leave. [1][7] [99]")

    model.plays(invents)
    body = http.post("/v1/chat/completions", json=chat()).json()
    assert body["choices"][0]["message"]["content"] == TEXT
    assert [one["index"] for one in body["citations"]] == [1]


def test_a_caller_who_leaves_stops_the_model(model: ModelThread, http: httpx2.Client) -> None:
    async def goes_on(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token(BEGUN)
        await model.wait_until_left(exchange)

    model.left.clear()
    model.plays(goes_on)
    with http.stream("POST", "/v1/chat/completions", json=chat(stream=True)) as response:
        text = next(piece for piece in response.iter_text() if "annual leave" in piece)
    assert model.left.wait(10)
    until = time.monotonic() + 60
    # The model learns of it first, then the journal.
    while http.get(f"/v1/answers/{response.headers['x-ragpress-answer']}").status_code == 404:
        assert time.monotonic() < until
    record = stored(http, response.headers["x-ragpress-answer"])
    assert (record["status"], record["error_code"]) == ("cancelled", None)
    assert record["answer"].startswith("Every employee")
    assert events(text)


def test_the_circuit_opens_after_failures_and_closes_when_the_model_is_back(
    model: ModelThread, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        service_of(tmp_path_factory.mktemp("circuit"), model, failures=3) as service,
        httpx2.Client(base_url=service.base_url, timeout=60) as http,
    ):
        model.plays(fails)
        before = model.chats
        failed = [http.post("/v1/chat/completions", json=chat(stream=True)) for _ in range(12)]
        asked = model.chats - before
        assert {response.status_code for response in failed} == {503}
        assert all(int(response.headers["retry-after"]) >= 1 for response in failed)
        # Three that failed, and at most a few that probed where the machine was slow.
        assert 3 <= asked < 12
        record = stored(http, failed[-1].headers["x-ragpress-answer"])
        assert (record["status"], record["error_code"]) == ("failed", "generator_unavailable")
        model.plays(good)
        until = time.monotonic() + 60
        while (back := http.post("/v1/chat/completions", json=chat())).status_code != 200:
            assert time.monotonic() < until
        assert back.json()["choices"][0]["message"]["content"] == TEXT


def test_a_model_that_is_down_is_told_and_found_again_where_the_settings_say(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with ModelThread() as gone:
        service = service_of(tmp_path_factory.mktemp("down"), gone, failures=1000)
        url = gone.base_url
    with service, httpx2.Client(base_url=service.base_url, timeout=60) as http:
        response = http.post("/v1/chat/completions", json=chat())
        assert (response.status_code, response.json()["error"]["code"]) == (503, "generator_unavailable")
        assert "127.0.0.1" not in response.text
        with ModelThread() as moved:
            settings = service.root / "ragpress.toml"
            settings.write_text(settings.read_text(encoding="utf-8").replace(url, moved.base_url), encoding="utf-8")
            until = time.monotonic() + 60
            while (back := http.post("/v1/chat/completions", json=chat())).status_code != 200:
                assert time.monotonic() < until
            assert back.json()["choices"][0]["message"]["content"] == TEXT
