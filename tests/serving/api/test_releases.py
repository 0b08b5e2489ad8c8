"""Releases over HTTP: listed, shown, compared, published and rolled back, and who did it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from index.judging import Judgement
from index.release import GateRecord
from ragpress.wiring import open_environment
from serving.callers import Role
from tests.serving.api.services import FakeOpening, Keys, client, serving
from tests.serving.api.test_documents import caller
from tests.workspace import Workspace

CALLERS = {"admin": caller("admin", Role.ADMIN), "ask": caller("ask", Role.ASK, Role.INGEST)}
ADMIN = {"Authorization": "Bearer admin"}


def three_releases(root: Path) -> Workspace:
    """A workspace with three releases, the last live."""
    workspace = Workspace(root)
    for number in (1, 2, 3):
        workspace.write(
            {"a.md": f"# Title\n\nVersion {number} of the text.\n", f"b{number}.md": f"# B\n\nText {number}.\n"}
        )
        workspace.ingest()
    return workspace


@asynccontextmanager
async def admin_of(workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    opening = FakeOpening(open_environment(workspace.root))
    async with serving(opening, keys=Keys(**CALLERS)) as service, client(service) as made:
        made.headers.update(ADMIN)
        yield made


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace for tests that change nothing in it."""
    return three_releases(tmp_path_factory.mktemp("unchanged"))


@pytest.fixture
async def reading(unchanged: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with admin_of(unchanged) as http:
        yield http


@pytest.fixture
def workspace(unchanged: Workspace, tmp_path: Path) -> Workspace:
    """A copy of its own for a test."""
    shutil.copytree(unchanged.root, tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path)


@pytest.fixture
async def http(workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    async with admin_of(workspace) as made:
        yield made


async def releases(http: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/v1/releases")).json()["releases"]
    return found


async def test_releases_are_listed_shown_and_compared(reading: httpx2.AsyncClient, unchanged: Workspace) -> None:
    listed = (await reading.get("/v1/releases", params={"limit": 2})).json()
    third, second = listed["releases"]
    assert (listed["total"], listed["live"]["release"], listed["live"]["previous"]) == (3, third["id"], second["id"])
    assert (third["state"], second["state"], third["documents"]) == ("live", "previous", 4)
    shown = (await reading.get(f"/v1/releases/{third['id']}")).json()
    assert (shown["gate"]["verdict"], shown["sources"], shown["embedder"]) == ("pass", ["docs"], "hashing")
    assert shown["size"] > 1000
    assert str(unchanged.root) not in str(shown)
    found = (await reading.get(f"/v1/releases/{second['id']}/diff/{third['id']}")).json()
    assert [(one["source"], one["change"]) for one in found["documents"]] == [
        ("docs/a.md", "changed"),
        ("docs/b3.md", "added"),
    ]
    assert (found["total"], found["chunks_added"], found["chunks_removed"]) == (2, 2, 1)
    assert "Version 3" in found["documents"][0]["added"][0]


async def test_a_rollback_and_a_publish_say_who_did_it(http: httpx2.AsyncClient, workspace: Workspace) -> None:
    third, second, first = await releases(http)
    back = await http.post("/v1/releases/rollback", json={})
    assert (back.status_code, back.json()["release"], back.json()["action"]) == (200, second["id"], "rollback")
    assert back.json()["why"] == f"rollback from {third['id']} (by admin)"
    named = await http.post("/v1/releases/rollback", json={"release": first["id"]})
    assert named.json()["release"] == workspace.open().manifest.id == first["id"]
    forth = await http.post(f"/v1/releases/{third['id']}/publish")
    assert (forth.json()["release"], forth.json()["why"]) == (third["id"], "publish (by admin)")


async def test_a_rollback_and_a_publish_keep_the_reason_in_one_line(http: httpx2.AsyncClient) -> None:
    third, _, _ = await releases(http)
    back = await http.post("/v1/releases/rollback", json={"reason": "prices\nwere wrong "})
    assert back.json()["why"] == f"rollback from {third['id']} (by admin): prices were wrong"
    forth = await http.post(f"/v1/releases/{third['id']}/publish", json={"reason": "mended"})
    assert forth.json()["why"] == "publish (by admin): mended"
    assert (await http.get("/v1/releases")).json()["live"]["why"] == forth.json()["why"]


async def test_what_the_gate_refused_needs_a_reason(
    http: httpx2.AsyncClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = GateRecord("refuse", ("sample",), ("a sampled chunk does not find itself",))
    monkeypatch.setattr("index.gate.check", lambda *_: refusal)
    workspace.write({"a.md": "# Title\n\nVersion 4.\n"})
    workspace.ingest()
    candidate = (await releases(http))[0]
    assert candidate["state"] == "refused"
    refused = await http.post(f"/v1/releases/{candidate['id']}/publish", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "gate_refused")
    assert "does not find itself" in refused.json()["error"]["message"]
    assert workspace.open().manifest.id != candidate["id"]
    forced = await http.post(f"/v1/releases/{candidate['id']}/publish", json={"override": "I looked at it"})
    assert forced.json()["why"] == "publish, gate overridden: I looked at it (by admin)"
    assert workspace.open().manifest.id == candidate["id"]


async def test_a_candidate_is_judged_against_what_is_live_now(workspace: Workspace) -> None:
    workspace.write({"c.md": "# C\n\nA candidate.\n"})
    candidate = workspace.ingest(publish=False).release
    reason = "answer_correctness fell by 20 points"

    def refuses(*_: Any) -> Judgement:
        return Judgement(verdict="refuse", checks=("metrics",), reasons=(reason,), evaluation="e1")

    environment = msgspec.structs.replace(open_environment(workspace.root), judge=refuses)
    async with (
        serving(FakeOpening(environment), keys=Keys(**CALLERS)) as service,
        client(service) as http,
    ):
        http.headers.update(ADMIN)
        live = (await releases(http))[1]["id"]
        refused = await http.post(f"/v1/releases/{candidate}/publish")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "gate_refused")
        assert reason in refused.json()["error"]["message"]
        assert workspace.open().manifest.id == live
        forced = await http.post(f"/v1/releases/{candidate}/publish", json={"override": "agreed with support"})
        assert (forced.status_code, forced.json()["release"]) == (200, candidate)
        assert "agreed with support" in forced.json()["why"]


async def test_a_collection_that_is_being_written_is_busy(
    reading: httpx2.AsyncClient, unchanged: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.api.releases.WAIT_SECONDS", 0.0)
    with unchanged.environment().store.writer("default", 0):
        busy = await reading.post("/v1/releases/rollback", json={})
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "writer_busy")
    assert int(busy.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/releases?collection=nobody", 404),
        ("GET", "/v1/releases?collection=../x", 400),
        ("GET", "/v1/releases/r00009-0000000000", 404),
        ("GET", "/v1/releases/..%2Fx", 404),
        ("GET", "/v1/releases/.x", 400),
        ("GET", "/v1/releases/live/diff/r00009", 404),
        ("POST", "/v1/releases/r00009/publish", 404),
    ],
)
async def test_what_does_not_exist_is_said_so(reading: httpx2.AsyncClient, method: str, path: str, status: int) -> None:
    assert (await reading.request(method, path)).status_code == status


async def test_a_rollback_to_what_is_not_there_changes_nothing(
    reading: httpx2.AsyncClient, unchanged: Workspace
) -> None:
    live = unchanged.open().manifest.id
    missing = await reading.post("/v1/releases/rollback", json={"release": "r00009-0000000000"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "release_not_found")
    assert (await reading.post("/v1/releases/rollback", json={"collection": "nobody"})).status_code == 404
    assert unchanged.open().manifest.id == live


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/releases"),
        ("GET", "/v1/releases/r1"),
        ("GET", "/v1/releases/r1/diff/r2"),
        ("POST", "/v1/releases/r1/publish"),
        ("POST", "/v1/releases/rollback"),
    ],
)
async def test_releases_are_for_admins(reading: httpx2.AsyncClient, method: str, path: str) -> None:
    refused = await reading.request(
        method, path, headers={"Authorization": "Bearer ask"}, json={} if method == "POST" else None
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "role_missing")
