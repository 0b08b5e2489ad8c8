"""What browsers, proxies and caches between a caller and the service could be talked into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving.fuzz.site import Site, site

pytestmark = pytest.mark.process

EVIL = "evil.example"
FORWARDED = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": f"/{EVIL}",
    "X-Forwarded-Port": "31337",
    "X-Forwarded-Server": EVIL,
    "X-Host": EVIL,
    "X-Original-URL": f"/{EVIL}",
    "X-Rewrite-URL": f"/{EVIL}",
    "Forwarded": f"host={EVIL};proto=gopher",
    "X-HTTP-Host-Override": EVIL,
    "True-Client-IP": EVIL,
    "Accept-Language": EVIL,
}
PATHS = ("/", "/admin", "/openapi.json", "/static/chat.css", "/healthz", "/readyz", "/nowhere", "/v1/models", "/docs")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = '[serve]\ncors_origins = ["https://friend.example"]\n'
    with site(tmp_path_factory.mktemp("web"), keys=True, settings=settings) as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_no_header_of_a_proxy_changes_a_response(running: Site, path: str) -> None:
    """Nothing that a cache does not key by shows in what it would keep."""
    plain = running.call("GET", path, "ask")
    told = running.call("GET", path, "ask", headers=FORWARDED)
    assert (told.status_code, told.content) == (plain.status_code, plain.content)
    changing = {"date", "x-request-id"}
    assert {n: v for n, v in told.headers.items() if n not in changing} == {
        n: v for n, v in plain.headers.items() if n not in changing
    }
    assert EVIL not in str(told.headers)


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("/", "/admin", "/static/chat.css")])
def test_no_cache_keeps_an_answer(running: Site, path: str) -> None:
    assert running.call("GET", path, "ask").headers["cache-control"] == "no-store"
    assert running.call("GET", f"{path}/.css", "ask").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://friend.example.evil.example",
        "https://evilfriend.example",
        "http://friend.example",
        "https://friend.example:444",
        "https://friend.example@evil.example",
        "file://",
        "https://friend.example\tx",
    ],
)
def test_no_foreign_origin_is_reflected(running: Site, origin: str) -> None:
    wanted = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    responses = [
        running.call("GET", "/v1/models", "ask", headers={"Origin": origin}),
        running.call("POST", "/v1/retrieve", "ask", headers={"Origin": origin}, json={"query": "x"}),
        running.call("OPTIONS", "/v1/chat/completions", headers=wanted),
    ]
    assert [response.status_code for response in responses] == [200, 403, 403]
    for response in responses:
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["vary"] == "Origin", "a cache keeps answers for origins apart"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/plain; charset=application/json", ""]
)
def test_a_form_of_another_site_changes_nothing(running: Site, kind: str) -> None:
    """What a page can send without asking: a body that happens to be JSON, under a type of forms."""
    document = running.found["document"][0]
    body = b'{"release": null, "reason": "x=y"}'
    for path in ("/v1/releases/rollback", f"/v1/documents/{document}/quarantine", "/v1/feedback"):
        headers = {"Content-Type": kind}
        assert running.call("POST", path, "admin", content=body, headers=headers).status_code == 415
        headers["Origin"] = "https://evil.example"
        assert running.call("POST", path, "admin", content=body, headers=headers).status_code == 403
    assert running.call("GET", f"/v1/documents/{document}", "admin").json()["state"] == "live"


def test_keys_are_taken_from_one_place_only(running: Site) -> None:
    """Not from what browsers send by themselves or what ends up in histories and logs."""
    key = running.keys["admin"]
    ways: tuple[dict[str, Any], ...] = (
        {"headers": {"Cookie": f"key={key}; Authorization=Bearer {key}"}},
        {"params": {"key": key, "api_key": key, "access_token": key, "authorization": f"Bearer {key}"}},
        {"headers": {"X-Api-Key": key, "Proxy-Authorization": f"Bearer {key}"}},
        {"headers": {"Authorization": f"Basic {key}"}},
        {"headers": {"Authorization": key}},
    )
    for options in ways:
        assert running.call("GET", "/v1/models", **options).status_code == 401
    assert running.call("GET", "/v1/models", "admin").status_code == 200


def test_downloads_do_not_run_in_the_origin_of_the_service(running: Site) -> None:
    for document in running.found["document"]:
        response = running.call("GET", f"/v1/documents/{document}/original", "admin")
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-disposition"].startswith("attachment; ")
        assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert response.headers["x-content-type-options"] == "nosniff"
