"""The endpoints of findings, repairs and the loop: who may see them, what they tell, and what a person's word does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from index.environment import Environment
from index.findings import Cause, list_events
from index.loop_lease import loop_lease
from index.repairs import files
from index.repairs.records import Erratum, kind_of
from ragpress.wiring import open_environment
from retrieval.access import OPERATOR
from serving.callers import Caller, Role
from serving.release_opening import ReleaseOpening
from tests.serving.api.services import Keys, client, serving
from tests.serving.found import AT, NEW, OLD, finding, happened, keep, wanted
from tests.workspace import SETTINGS, Workspace

ADMIN = Caller(key="k1", owner="Ada", roles=frozenset({Role.ADMIN}), principal=OPERATOR)
ASKER = Caller(key="k2", owner="asker", roles=frozenset({Role.ASK, Role.INGEST}), principal=OPERATOR)
READING = ("/v1/findings", "/v1/findings/f1", "/v1/loop", "/v1/repairs", "/v1/releases/r1/changes")
DECIDING = ("/v1/findings/f1/approve", "/v1/findings/f1/reject")


class Site:
    """A service over a workspace with findings."""

    def __init__(self, workspace: Workspace, environment: Environment, http: httpx2.AsyncClient) -> None:
        self.workspace = workspace
        self.environment = environment
        self.http = http

    async def get(self, path: str, who: str = "admin", **query: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        return await self.http.get(path, params=query, headers=headers)

    async def post(self, path: str, who: str = "admin", json: Any = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        return await self.http.post(path, headers=headers, json=json)


@asynccontextmanager
async def opened(root: Path, settings: str = "") -> AsyncIterator[Site]:
    workspace = Workspace(root, SETTINGS + settings)
    environment = open_environment(root)
    made = serving(ReleaseOpening(environment), keys=Keys(admin=ADMIN, asker=ASKER))
    async with made as service, client(service) as http:
        yield Site(workspace, environment, http)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(tmp_path) as made:
        keep(made.environment, finding())
        yield made


async def test_only_administrators_see_and_decide(site: Site) -> None:
    for path in READING:
        assert (await site.get(path, who="asker")).status_code == 403
        assert (await site.get(path, who="")).status_code == 401
    for path in DECIDING:
        assert (await site.post(path, who="asker")).status_code == 403
        assert (await site.post(path, who="")).status_code == 401
    assert list_events(site.environment) == []


async def test_a_finding_is_told_with_all_that_a_person_can_check(site: Site) -> None:
    happened(site.environment, "waiting", "f1", text="It waits: the confidence is below 0.95.")
    told = (await site.get("/v1/findings/f1")).json()
    assert (told["cause"], told["confidence"], told["state"]) == ("stale_document", 0.93, "waiting")
    assert told["documents"] == [{"document_id": "d1", "source": OLD, "why": finding().documents[0].why}]
    assert told["evidence"][0]["quote"] == "It opens at eight."
    repair = told["repairs"][0]
    assert (repair["kind"], repair["source"], repair["newer"], repair["parser"]) == ("supersede", OLD, NEW, None)
    assert (told["proof"]["before"], told["proof"]["after"]) == ("At nine [1].", "At eight [1].")
    assert told["news"] == told["events"][0]["text"] == "It waits: the confidence is below 0.95."
    assert (told["can_approve"], told["can_reject"], told["closed"]) == (True, True, False)


async def test_the_list_is_of_one_collection_by_state_and_bounded(site: Site) -> None:
    keep(site.environment, finding("f2"), finding("f3"), finding("x1", collection="gone"), wanted())
    happened(site.environment, "waiting", "f2", "f3")
    happened(site.environment, "published", "f2", release="r00003-c")
    found = (await site.get("/v1/findings")).json()
    assert [one["finding_id"] for one in found["findings"]] == ["f9", "f3", "f2", "f1"]
    assert (found["total"], found["open"], found["waiting"]) == (4, 3, 1)
    waiting = (await site.get("/v1/findings", state="waiting")).json()
    assert [one["finding_id"] for one in waiting["findings"]] == ["f3"]
    one = (await site.get("/v1/findings", limit=1)).json()
    assert (len(one["findings"]), one["total"]) == (1, 4)
    published = (await site.get("/v1/findings", state="published")).json()["findings"][0]
    assert (published["published"], published["closed"], published["can_approve"]) == ("r00003-c", True, False)


async def test_a_finding_that_was_proven_again_is_told_once_as_it_is_now(site: Site) -> None:
    keep(site.environment, finding(confidence=0.5, cause=Cause.CONFLICTING_DOCUMENTS, proof=None))
    found = (await site.get("/v1/findings")).json()
    assert [(one["cause"], one["state"]) for one in found["findings"]] == [("conflicting_documents", "open")]


async def test_an_approval_is_recorded_once_under_the_name_of_the_key(site: Site) -> None:
    happened(site.environment, "waiting", "f1")
    for _ in range(2):
        told = await site.post("/v1/findings/f1/approve", json={"reason": "Checked\u202e with the\nlibrary."})
        assert (told.status_code, told.json()["state"]) == (200, "approved")
    events = [event for event in list_events(site.environment) if event.kind == "approved"]
    assert [(event.by, event.findings) for event in events] == [("Ada", ("f1",))]
    assert (
        events[0].text
        == "Ada let through what is proposed for “When does the reading room open?”: Checked with the library."
    )
    assert told.json()["can_approve"] is False


async def test_a_rejection_can_be_taken_back(site: Site) -> None:
    rejected = (await site.post("/v1/findings/f1/reject")).json()
    assert (rejected["state"], rejected["closed"], rejected["can_approve"]) == ("rejected", True, True)
    assert (await site.post("/v1/findings/f1/approve")).json()["state"] == "approved"
    assert [event.kind for event in list_events(site.environment)] == ["approved", "rejected"]


async def test_what_cannot_be_decided_is_said(site: Site) -> None:
    keep(site.environment, finding("f2", repairs=()), wanted())
    happened(site.environment, "published", "f1", release="r00002-b")
    for name, word, said in (
        ("f1", "approve", "live already"),
        ("f1", "reject", "rollback"),
        ("f2", "approve", "no repair"),
        ("f9", "approve", "asks for a document"),
    ):
        refused = await site.post(f"/v1/findings/{name}/{word}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_decidable")
        assert said in refused.json()["error"]["message"]
    assert [event.kind for event in list_events(site.environment)] == ["published"]


async def test_an_approval_is_told_in_the_language_of_the_loop(tmp_path: Path) -> None:
    async with opened(tmp_path, '[loop]\nlanguage = "zh"\n') as site:
        keep(site.environment, finding())
        told = (await site.post("/v1/findings/f1/approve", json={"reason": "已核对。"})).json()
    assert told["news"] == "Ada 批准了针对“When does the reading room open?”的修复：已核对。"


async def test_what_there_is_not_is_not_found(site: Site) -> None:
    keep(site.environment, finding("x1", collection="gone"))
    for path in ("/v1/findings/nothing", "/v1/findings/x1"):
        assert (await site.get(path)).json()["error"]["code"] == "finding_not_found"
    for path in ("/v1/findings", "/v1/loop", "/v1/repairs"):
        assert (await site.get(path, collection="none")).json()["error"]["code"] == "collection_not_found"


async def test_the_loop_tells_what_it_did_and_spent_and_who_runs_it(site: Site) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    happened(site.environment, "proven", "f1", at=AT, embeddings=500, model_tokens=900)
    happened(site.environment, "proven", "f1", at=now, embeddings=7, model_tokens=30)
    happened(site.environment, "waiting", "f1", at=now)
    with site.environment.store.writer(loop_lease("default"), 0.0):
        told = (await site.get("/v1/loop", limit=2)).json()
    assert [event["kind"] for event in told["events"]] == ["waiting", "proven"]
    assert (told["total"], told["waiting"], told["open_findings"], told["publish"]) == (3, 1, 1, "auto")
    assert told["spent"] == {
        "model_tokens": 30,
        "most_model_tokens": 500_000,
        "embeddings": 7,
        "most_embeddings": 100_000,
    }
    assert "(process " in told["worker"]
    assert (await site.get("/v1/loop")).json()["worker"] is None


async def test_repairs_are_told_by_whether_the_live_release_has_them(site: Site) -> None:
    supersede, ask = finding().repairs[0], wanted().repairs[0]
    for repair in (supersede, ask):
        files.save(site.workspace.root, repair)
    told = (await site.get("/v1/repairs")).json()
    states = {one["kind"]: one["state"] for one in told["repairs"]}
    assert states == {kind_of(supersede): "next_release", "ask": "wanted"}
    assert {one["kind"]: one["finding"] for one in told["repairs"]} == {"supersede": "f1", "ask": "f9"}
    (site.workspace.root / "repairs" / "torn.json").write_text("{", encoding="utf-8")
    assert "torn.json is not a repair" in (await site.get("/v1/repairs")).json()["problem"]


async def test_an_erratum_has_both_texts(site: Site) -> None:
    repair = Erratum(
        collection="default",
        reason="A typing error.",
        by="Ada",
        at=AT,
        source=NEW,
        version="0" * 64,
        find="nine",
        replace="eight",
    )
    files.save(site.workspace.root, repair)
    told = (await site.get("/v1/repairs")).json()["repairs"][0]
    assert (told["find"], told["replace"], told["by"], told["finding"]) == ("nine", "eight", "Ada", None)


async def test_the_changes_of_a_release_are_text(site: Site) -> None:
    site.workspace.write({"hours.md": "# Hours\n\nThe reading room opens at eight.\n"})
    release = site.workspace.ingest().release
    told = await site.get(f"/v1/releases/{release}/changes")
    assert (told.status_code, told.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert "docs/hours.md" in told.text
    site.environment.store.delete(f"releases/{release}/CHANGES.md")
    missing = await site.get(f"/v1/releases/{release}/changes")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no_changes")
    assert (await site.get("/v1/releases/r00009-none/changes")).json()["error"]["code"] == "release_not_found"
