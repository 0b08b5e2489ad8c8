"""What the guard turns away, and the headers that every response carries."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from ragpress.serve_settings import ServeSettings
from tests.serving.api.guarded import guarded

HERE = "http://127.0.0.1:8321"
PAGE = "https://pages.example"


async def ask(app: FastAPI, method: str = "GET", path: str = "/v1/models", **options: Any) -> Response:
    async with AsyncClient(transport=ASGITransport(app), base_url=HERE) as client:
        return await client.request(method, path, **options)


def code(response: Response) -> str:
    assert response.headers["content-type"] == "application/json"
    found: str = response.json()["error"]["code"]
    return found


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:80", "[::1]"])
async def test_without_keys_this_machine_s_names_are_taken(host: str) -> None:
    assert (await ask(guarded(), headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.2", "", "evil.example:@localhost"],
)
async def test_without_keys_a_name_that_was_bound_to_this_machine_is_refused(host: str) -> None:
    response = await ask(guarded(), headers={"Host": host})
    assert response.status_code == 421
    assert code(response) == "wrong_host"


async def test_two_hosts_are_refused() -> None:
    hosts = [("Host", "localhost"), ("Host", "evil.example")]
    assert (await ask(guarded(), headers=hosts)).status_code == 421
    assert (await ask(guarded(keys=True), headers=hosts)).status_code == 421


async def test_with_keys_any_name_is_taken_unless_names_are_set() -> None:
    assert (await ask(guarded(keys=True), headers={"Host": "rag.example"})).status_code == 200
    named = guarded(ServeSettings(hosts=("rag.example",)), keys=True)
    assert (await ask(named, headers={"Host": "RAG.example:443"})).status_code == 200
    assert (await ask(named, headers={"Host": "127.0.0.1"})).status_code == 421


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"])
async def test_without_keys_nobody_comes_through_a_proxy(header: str) -> None:
    response = await ask(guarded(), headers={header: "203.0.113.7"})
    assert response.status_code == 403
    assert code(response) == "forwarded"
    assert (await ask(guarded(keys=True), headers={header: "203.0.113.7"})).status_code == 200


@pytest.mark.parametrize("settings", [ServeSettings(host="0.0.0.0"), ServeSettings(proxy=True)])  # noqa: S104
async def test_where_others_reach_a_service_without_keys_nobody_is_let_in(settings: ServeSettings) -> None:
    options: dict[str, Any] = {"headers": {"Host": "localhost"}}
    response = await ask(guarded(settings), **options)
    assert response.status_code == 503
    assert code(response) == "no_keys"
    assert (await ask(guarded(settings), path="/healthz", **options)).status_code == 200
    assert (await ask(guarded(settings, keys=True), **options)).status_code == 200


@pytest.mark.parametrize("origin", [PAGE, "null", "http://127.0.0.1:9999", "http://127.0.0.1:8321.evil.example", "x"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_change_that_another_site_s_page_asks_for_is_refused(origin: str, method: str) -> None:
    for keys in (False, True):
        response = await ask(guarded(keys=keys), method, headers={"Origin": origin})
        assert response.status_code == 403
        assert code(response) == "foreign_origin"
        assert "access-control-allow-origin" not in response.headers


async def test_the_service_s_own_pages_may_change_things() -> None:
    assert (await ask(guarded(), "POST", headers={"Origin": HERE})).status_code == 200
    behind = {"Host": "rag.example", "Origin": "https://rag.example"}
    assert (await ask(guarded(keys=True), "POST", headers=behind)).status_code == 200


async def test_other_sites_read_nothing_unless_they_are_set() -> None:
    response = await ask(guarded(), headers={"Origin": PAGE})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_site_that_is_set_may_call() -> None:
    app = guarded(ServeSettings(cors_origins=(PAGE,)))
    response = await ask(app, "POST", headers={"Origin": PAGE})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == PAGE
    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in response.headers
    other = await ask(app, "POST", headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers


async def test_an_error_for_a_site_that_is_set_can_be_read_by_it() -> None:
    app = guarded(ServeSettings(cors_origins=(PAGE,)))
    response = await ask(app, "POST", headers={"Origin": PAGE, "Content-Type": "text/plain"}, content="x")
    assert response.status_code == 415
    assert response.headers["access-control-allow-origin"] == PAGE


async def test_a_browser_may_ask_before_it_calls() -> None:
    app = guarded(ServeSettings(cors_origins=(PAGE,)))
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    }
    response = await ask(app, "OPTIONS", headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-os"
    assert response.headers["access-control-allow-origin"] == PAGE
    refused = await ask(app, "OPTIONS", headers={**headers, "Origin": "https://evil.example"})
    assert refused.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_a_body_that_is_not_json_is_refused(kind: str) -> None:
    response = await ask(guarded(), "POST", headers={"Content-Type": kind}, content="{}")
    assert response.status_code == 415
    assert code(response) == "wrong_type"


async def test_json_is_taken_and_so_is_no_body() -> None:
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await ask(guarded(), "POST", headers=kind, content="{}")).text == "2"
    assert (await ask(guarded(), "POST")).status_code == 200


async def test_uploads_are_forms() -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await ask(guarded(), "POST", "/v1/documents", headers=form, content="x")).status_code == 200
    response = await ask(guarded(), "POST", "/v1/documents", json={})
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "headers"), [("GET", "/", {}), ("POST", "/", {"Origin": "null"}), ("PATCH", "/", {})]
)
async def test_every_response_carries_the_security_headers(method: str, path: str, headers: dict[str, str]) -> None:
    response = await ask(guarded(), method, path, headers=headers)
    assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers


async def test_an_endpoint_s_own_header_stays() -> None:
    response = await ask(guarded(), path="/cached")
    assert response.headers.get_list("cache-control") == ["max-age=60"]
