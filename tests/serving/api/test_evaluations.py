"""The endpoints of evaluations: who may see them, what they tell, and how a report is fenced in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from index.environment import Environment
from ragpress.wiring import open_environment
from retrieval.access import OPERATOR
from serving.callers import Caller, Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.overview.evaluations import EvaluationShelf
from serving.release_opening import ReleaseOpening
from tests.serving.api.services import Keys, client, serving, workspace_of
from tests.serving.evaluated import REPORT, kept

SETTINGS = """\
[embed]
model = "hashing"

[gate]
metrics = ["recall@10", "faithfulness"]

[collections.other]
"""
ADMIN = Caller(key="k1", owner="admin", roles=frozenset({Role.ADMIN}), principal=OPERATOR)
ASKER = Caller(key="k2", owner="asker", roles=frozenset({Role.ASK, Role.INGEST}), principal=OPERATOR)
PATHS = ("", "/e1", "/e1/report", "/e1/report.json")


class Site:
    """A service over a workspace with evaluations."""

    def __init__(self, environment: Environment, http: httpx2.AsyncClient) -> None:
        self.environment = environment
        self.http = http

    async def get(self, path: str, who: str = "admin", **query: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        return await self.http.get(f"/v1/evaluations{path}", params=query, headers=headers)


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[Site]:
    workspace_of(root, SETTINGS)
    environment = open_environment(root)
    made = serving(ReleaseOpening(environment), keys=Keys(admin=ADMIN, asker=ASKER))
    async with made as service, client(service) as http:
        yield Site(environment, http)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with opened(tmp_path) as made:
        kept(made.environment, "e1")
        yield made


async def test_only_administrators_see_them(site: Site) -> None:
    for path in PATHS:
        assert (await site.get(path, who="asker")).status_code == 403
        assert (await site.get(path, who="")).status_code == 401


async def test_the_list_is_newest_first_bounded_and_of_one_collection(site: Site) -> None:
    for number in (2, 3):
        kept(site.environment, f"e{number}", created=f"2026-06-1{number}T08:00:00+00:00")
    kept(site.environment, "x1", collection="other")
    kept(site.environment, "y1", collection="gone")
    found = (await site.get("", limit=2)).json()
    assert (found["collection"], found["total"]) == ("default", 3)
    assert [one["id"] for one in found["evaluations"]] == ["e3", "e2"]
    assert [one["id"] for one in (await site.get("", collection="other")).json()["evaluations"]] == ["x1"]
    unknown = await site.get("", collection="gone")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "collection_not_found")


async def test_one_evaluation_tells_the_gate_s_metrics_first_and_misses_nothing_as_zero(site: Site) -> None:
    kept(site.environment, "e2", kind="gate", verdict="refuse", reasons=("recall@10 fell",), baseline="r00000-a")
    told = (await site.get("/e2")).json()
    assert [(one["name"], one["gated"]) for one in told["metrics"]] == [
        ("recall@10", True),
        ("faithfulness", True),
        ("answer_correctness", False),
        ("mrr", False),
    ]
    missing = told["metrics"][1]
    assert (missing["mean"], missing["low"], missing["n"], missing["missing"]) == (None, None, 0, 24)
    assert (told["kind"], told["verdict"], told["reasons"]) == ("gate", "refuse", ["recall@10 fell"])
    assert told["report"] is True
    assert (told["judged"], told["reused"], told["seconds"], told["baseline"]) == (20, 4, 3.5, "r00000-a")


async def test_a_report_runs_in_a_sandbox_of_its_own(site: Site) -> None:
    response = await site.get("/e1/report")
    assert response.content == REPORT
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"


async def test_the_report_for_programs(site: Site) -> None:
    response = await site.get("/e1/report.json")
    assert (response.headers["content-type"], response.json()) == ("application/json", {"verdict": "pass"})
    assert "sandbox" not in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["e9", "..", "%2e%2e", "e1%2Fsummary.json", "e1%00", "é", "e" * 4000, "e1-", "x1", "y1"]
)
async def test_what_is_not_there_is_not_found_whatever_its_name(site: Site, name: str) -> None:
    kept(site.environment, "y1", collection="gone")
    for end in ("", "/report", "/report.json"):
        response = await site.get(f"/{name}{end}")
        assert response.status_code == 404
        assert set(response.json()["error"]) == {"message", "type", "code", "param"}


async def test_a_report_that_is_lost_and_a_summary_that_is_damaged_are_not_found(site: Site) -> None:
    store = site.environment.store
    (store.local_path("evaluations/e1/report.html")).unlink()
    gone = await site.get("/e1/report")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "report_gone")
    assert (await site.get("/e1")).json()["report"] is False
    store.create("evaluations/e2/summary.json", b"{")
    assert (await site.get("/e2")).status_code == 404
    assert [one["id"] for one in (await site.get("")).json()["evaluations"]] == ["e1"]


def test_what_the_store_keeps_is_read_once(tmp_path: Path) -> None:
    workspace_of(tmp_path, SETTINGS)
    environment = open_environment(tmp_path)
    kept(environment, "e1")
    shelf = EvaluationShelf(environment)
    (first,) = shelf.summaries("default")
    kept(environment, "e2", created="2026-06-11T08:00:00+00:00")
    again = shelf.summaries("default")
    assert [one.id for one in again] == ["e2", "e1"]
    assert again[1] is first
    for path in (tmp_path / ".ragpress" / "evaluations" / "e1").iterdir():
        path.unlink()
    assert shelf.find("e1") is None


async def test_a_link_opens_one_report_without_a_key(tmp_path: Path) -> None:
    workspace_of(tmp_path, SETTINGS)
    environment = open_environment(tmp_path)
    ring = KeyRing(environment.store)
    admin = str(ring.add(Grant(name="boss", roles=(Role.ADMIN,)))[1])
    asker = str(ring.add(Grant(name="visitor"))[1])
    for name in ("e1", "e2"):
        kept(environment, name)
    async with serving(ReleaseOpening(environment), keys=ring) as service, client(service) as http:
        site = Site(environment, http)
        link = "/v1/evaluations/e1/report/link"
        assert (await http.post(link)).status_code == 401
        assert (await http.post(link, headers={"Authorization": f"Bearer {asker}"})).status_code == 403
        made = await http.post(link, headers={"Authorization": f"Bearer {admin}"})
        url = made.json()["url"]
        assert (made.status_code, made.json()["seconds"]) == (200, 60)
        assert admin not in url
        opened = await http.get(url)
        assert (opened.status_code, opened.content) == (200, REPORT)
        assert (await http.get(url.replace("e1", "e2"))).status_code == 401
        assert (await http.get(url.replace("/report", "/report.json"))).status_code == 401
        assert (await site.get("/e1/report", who="", ticket="x")).status_code == 401
        visitor = ring.ticket(asker.split("_")[1], "/v1/evaluations/e1/report")
        assert (await site.get("/e1/report", who="", ticket=visitor)).status_code == 403
