"""One line a request; exceptions that nobody foresaw; endpoints of operations."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from ragpress.errors import StorageError
from ragpress.serve_settings import ServeSettings
from serving.api import operations
from serving.api.app import create_app
from serving.callers import Caller
from serving.server.closing import Closing
from serving.telemetry.logs import JsonLines
from serving.telemetry.metrics import Metrics
from serving.telemetry.readiness import Probe, Readiness
from serving.telemetry.requests import RequestLog
from serving.telemetry.telemetry import Telemetry
from tests.serving.telemetry.records import QUESTION, TEXT, record
from tests.serving.telemetry.test_metrics import samples
from tests.serving.telemetry.test_spans import Traced

CANARY = "canary-token-6677"


class Lines:
    """Log lines of the service's loggers, decoded."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(JsonLines())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self.stream.getvalue().splitlines())


@pytest.fixture
def lines() -> Iterator[Lines]:
    made, logger = Lines(), logging.getLogger("serving")
    level = logger.level
    logger.addHandler(made.handler)
    logger.setLevel(logging.DEBUG)
    yield made
    logger.removeHandler(made.handler)
    logger.setLevel(level)


def app_of(telemetry: Telemetry | None = None, caller: Caller | None = None) -> FastAPI:
    app = FastAPI()
    app.state.closing = Closing()
    app.include_router(operations.router)
    app.add_middleware(RequestLog)
    keys = SimpleNamespace(caller=lambda token: caller, required=caller is None)
    app.state.service = SimpleNamespace(
        telemetry=telemetry or Telemetry(Metrics(lambda: {"default"})),
        keys=keys,
        limits=None,
        environment=None,
        answers=SimpleNamespace(environment=None),
    )

    @app.get("/v1/answers/{answer_id}")
    async def answer(answer_id: str, request: Request) -> dict[str, str]:
        request.state.caller = SimpleNamespace(key="key-7")
        app.state.service.telemetry.answered(record(id=answer_id))
        return {"answer": TEXT}

    @app.get("/broken")
    async def broken() -> None:
        document = f"document {CANARY}"
        raise ValueError(document)

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            raise ValueError(CANARY)

        return StreamingResponse(pieces())

    return app


def client(app: FastAPI, **options: Any) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://testserver", **options)


async def test_one_line_a_request_with_what_an_operator_needs(lines: Lines) -> None:
    async with client(app_of()) as http:
        response = await http.get(
            f"/v1/answers/a-1?question={CANARY}", headers={"Authorization": f"Bearer {CANARY}", "Cookie": CANARY}
        )
    (line,) = lines
    assert line.pop("seconds") >= 0
    line.pop("time")
    assert line == {
        "level": "info",
        "event": "request",
        "logger": "serving.requests",
        "request_id": response.headers["x-request-id"],
        "method": "GET",
        "route": "/v1/answers/{answer_id}",
        "status": 200,
        "key": "key-7",
        "answer": "a-1",
        "outcome": "complete",
        "collection": "default",
        "release": "r1",
    }
    logged = lines.stream.getvalue()
    assert CANARY not in logged
    assert QUESTION not in logged
    assert TEXT not in logged


@pytest.mark.parametrize("given", ["x\ty", "a" * 65, "short", "täg-täg-täg", "id id id id", "-leading-dash"])
async def test_a_request_id_that_is_no_plain_word_is_replaced(given: str, lines: Lines) -> None:
    async with client(app_of()) as http:
        response = await http.get("/healthz", headers=[(b"x-request-id", given.encode())])
    assert response.headers["x-request-id"].startswith("req_")
    assert [line["request_id"] for line in lines] == [response.headers["x-request-id"]]


async def test_a_plain_request_id_is_kept() -> None:
    async with client(app_of()) as http:
        response = await http.get("/healthz", headers={"x-request-id": "gateway-12345"})
    assert response.headers["x-request-id"] == "gateway-12345"


async def test_an_unforeseen_exception_is_logged_once_and_tells_the_caller_its_request(lines: Lines) -> None:
    async with client(app_of()) as http:
        response = await http.get("/broken")
    assert response.status_code == 500
    error = response.json()["error"]
    assert error["type"] == "server_error"
    assert response.headers["x-request-id"] in error["message"]
    assert CANARY not in response.text
    failed = [line for line in lines if line["level"] == "error"]
    assert [line["error"] for line in failed] == ["ValueError"]
    assert failed[0]["request_id"] == response.headers["x-request-id"]
    assert any("broken" in place for place in failed[0]["at"])
    assert CANARY not in lines.stream.getvalue()


async def test_a_response_that_breaks_off_is_cut_and_logged_once(lines: Lines) -> None:
    app = app_of()
    with pytest.raises(ValueError, match=CANARY):
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as http:
            await http.get("/half")
    assert [line["event"] for line in lines] == ["a request failed", "request"]
    assert list(lines)[1]["cut"] is True
    assert CANARY not in lines.stream.getvalue()


async def test_paths_that_do_not_exist_have_one_route(lines: Lines) -> None:
    telemetry = Telemetry(Metrics())
    async with client(app_of(telemetry)) as http:
        for number in range(3):
            await http.get(f"/{CANARY}/{number}")
    assert samples(telemetry.metrics)["ragpress_http_requests_total", "GET", "none", "404"] == 3
    assert CANARY not in lines.stream.getvalue()


async def test_a_traced_request_has_its_route_and_status() -> None:
    traced = Traced()
    async with client(app_of(traced.telemetry)) as http:
        await http.get("/v1/answers/a-1?q=x")
        await http.get("/broken")
    answered, broken = (traced.found[name] for name in ("GET /v1/answers/{answer_id}", "GET /broken"))
    assert dict(answered.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/answers/{answer_id}",
        "http.response.status_code": 200,
    }
    assert dict(broken.attributes or {})["error.type"] == "500"
    assert CANARY not in broken.to_json()


async def test_health_needs_nothing() -> None:
    app = app_of()
    app.state.service.keys = None
    async with client(app) as http:
        response = await http.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_and_not_ready() -> None:
    words = ["", "unreachable"]

    async def look() -> str:
        return words.pop(0)

    telemetry = Telemetry(Metrics(), readiness=Readiness([Probe("generator", look, 0.0)]))
    async with client(app_of(telemetry)) as http:
        ready, not_ready = await http.get("/readyz"), await http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert not_ready.status_code == 503
    assert not_ready.json() == {
        "status": "not_ready",
        "checks": [
            {"name": "process", "ok": True, "reason": ""},
            {"name": "generator", "ok": False, "reason": "unreachable"},
        ],
    }


async def test_errors_of_the_service_are_logged_and_not_told(lines: Lines) -> None:
    @asynccontextmanager
    async def nothing() -> AsyncIterator[Any]:
        yield None

    app = create_app(nothing, ServeSettings())
    app.state.service = SimpleNamespace(keys=SimpleNamespace(required=False), telemetry=Telemetry())

    @app.get("/stored")
    async def stored() -> None:
        raise StorageError("Cannot read /srv/data/x")

    async with client(app) as http:
        response = await http.get("/stored", headers={"Host": "localhost"})
    assert response.status_code == 503
    assert "/srv" not in response.text
    failed = [line for line in lines if line["level"] == "error"]
    assert [line["message"] for line in failed] == ["Cannot read /srv/data/x"]
