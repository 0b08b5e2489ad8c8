"""The dashboard's endpoints over a real workspace with journalled answers."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from index import catalogue, health
from index.runs import RunError, RunRecord, record_run
from ragpress.serve_settings import TelemetrySettings
from ragpress.settings import ServiceSettings
from ragpress.storage.record_ids import new_record_id
from ragpress.wiring import open_environment
from retrieval.access import OPERATOR
from serving.api.service import Service
from serving.callers import Caller, Role
from serving.journal.sealing import seal_journals
from serving.release_opening import ReleaseOpening
from serving.types import Usage
from serving.uploads.records import Failed, Job, Queued, UploadedDocument
from tests.serving import found
from tests.serving.api.services import Keys, client, serving
from tests.serving.journalled import answered, broken, citation, keep, passage, rated
from tests.workspace import SETTINGS, Workspace

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
ADMIN = Caller(key="k1", owner="admin", roles=frozenset({Role.ADMIN}), principal=OPERATOR)
ASKER = Caller(key="k2", owner="asker", roles=frozenset({Role.ASK, Role.INGEST}), principal=OPERATOR)
PRICED = TelemetrySettings(price_input=1.0, price_output=2.0)
JOB = Queued(
    job="j1",
    at="2026-06-10T00:00:00.000+00:00",
    collection="default",
    action="upload",
    documents=(UploadedDocument(document_id="d", source="uploads/x.md", name="x.md"),),
)


class Board:
    """Jobs that are there."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)

    async def all(self) -> list[Job]:
        return self.jobs


class Site:
    """A service over a workspace."""

    def __init__(self, workspace: Workspace, service: Service, http: httpx2.AsyncClient) -> None:
        self.workspace = workspace
        self.service = service
        self.http = http

    async def get(self, path: str, who: str = "admin", **query: Any) -> httpx2.Response:
        return await self.http.get(path, params=query, headers={"Authorization": f"Bearer {who}"})

    async def overview(self, **query: Any) -> Any:
        response = await self.get("/v1/admin/overview", **query)
        assert response.status_code == 200, response.text
        return response.json()


@asynccontextmanager
async def site_of(workspace: Workspace, *jobs: Job) -> AsyncIterator[Site]:
    environment = open_environment(workspace.root)
    keys = Keys(admin=ADMIN, asker=ASKER)
    made = serving(
        ReleaseOpening(environment), keys=keys, jobs=Board(*jobs), settings=ServiceSettings(telemetry=PRICED)
    )
    async with made as service, client(service) as http:
        yield Site(workspace, service, http)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a release, to be copied."""
    workspace = Workspace(tmp_path_factory.mktemp("published"), SETTINGS)
    workspace.write({"leave.md": "# Leave\n\nEvery employee has 28 days of leave.\n", "it.md": "# IT\n\nCall 1234.\n"})
    workspace.write({"empty.md": ""})
    workspace.ingest()
    return workspace.root


@pytest.fixture
async def site(published: Path, tmp_path: Path) -> AsyncIterator[Site]:
    root = shutil.copytree(published, tmp_path / "site")
    workspace = Workspace(root, SETTINGS)
    failed = Failed(job="j1", at=JOB.at, code="x", message="no room")
    async with site_of(workspace, Job(queued=JOB, ended=failed)) as opened:
        yield opened


async def test_only_administrators_see_it(site: Site) -> None:
    for path in ("/v1/admin/overview", "/v1/admin/answers"):
        assert (await site.get(path, who="asker")).status_code == 403
        assert (await site.get(path, who="nobody")).status_code == 401


async def test_queries_are_bounded(site: Site) -> None:
    long = "c" * 201
    wrong: list[dict[str, Any]] = [{"days": 0}, {"days": 91}, {"days": "x"}, {"zone": long}, {"collection": ""}]
    for query in wrong:
        assert (await site.get("/v1/admin/overview", **query)).status_code == 400
    wrong = [{"limit": 0}, {"limit": 101}, {"rating": "so-so"}, {"status": "x"}, {"before": long}]
    for query in wrong:
        assert (await site.get("/v1/admin/answers", **query)).status_code == 400


async def test_a_collection_that_is_not_there_is_not_found(site: Site) -> None:
    for path in ("/v1/admin/overview", "/v1/admin/answers"):
        response = await site.get(path, collection="other")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "collection_not_found")


async def test_what_is_live_and_what_is_quarantined(site: Site) -> None:
    seen = await site.overview()
    assert seen["live"]["documents"] == 2
    assert seen["live"]["why"].startswith("publish")
    assert [one["state"] for one in seen["releases"]] == ["live"]
    (held,) = seen["quarantined"]
    assert (held["source"], held["step"], held["by_person"]) == ("docs/empty.md", "audit", False)
    assert held["reason"]
    assert [one["code"] for one in seen["problems"]] == ["quarantined"]
    assert seen["service"]["generator"]["ready"]
    assert (seen["evaluations"], seen["findings_total"]) == ([], None)


async def test_bad_cases_name_their_findings_and_open_ones_are_counted(site: Site) -> None:
    environment = site.service.environment
    records = [answered(at=NOW - HOUR) for _ in range(2)]
    said = [rated(record, NOW) for record in records]
    keep(site.service.journal, *records, *said)
    found.keep(environment, found.finding(answer_id="", feedback=(said[1].id,)), found.finding("f2", feedback=()))
    found.happened(environment, "waiting", "f1")
    found.happened(environment, "published", "f2")
    seen = await site.overview()
    assert (seen["findings_total"], seen["findings_waiting"]) == (1, 1)
    told = {one["answer_id"]: (one["finding"], one["cause"], one["finding_state"]) for one in seen["bad_cases"]}
    assert told == {records[0].id: (None, None, None), records[1].id: ("f1", "stale_document", "waiting")}
    assert ("findings_waiting", 1) in [(one["code"], one["count"]) for one in seen["problems"]]
    status = health.status(environment).collections[0]
    assert (status.open_findings, status.waiting, status.loop) == (1, 1, None)


async def test_an_empty_workspace_says_that_nothing_is_live(tmp_path: Path) -> None:
    async with site_of(Workspace(tmp_path, SETTINGS)) as site:
        seen = await site.overview(days=1)
    assert (seen["live"], seen["releases"], seen["bad_cases"], seen["quarantined"]) == (None, [], [], [])
    assert [one["code"] for one in seen["problems"]] == ["nothing_live"]
    assert len(seen["buckets"]) == 24
    assert seen["totals"]["total_p50"] is None


async def test_answers_are_counted_by_time_and_release(site: Site) -> None:
    live = (await site.overview())["live"]["id"]
    now = datetime.now(UTC)
    mine = [
        answered(now, release=live, usage=Usage(1_000_000, 500_000)),
        answered(now - 30 * HOUR, release="r0"),
        broken(now, release=live),
        answered(now, collection="other"),
    ]
    keep(site.service.journal, *mine)
    seen = await site.overview(days=2, zone="Asia/Shanghai")
    assert (seen["totals"]["answers"], seen["totals"]["failed"], seen["totals"]["cost"]) == (3, 1, 2.0)
    assert sum(one["answers"] for one in seen["buckets"]) == 3
    assert seen["buckets"][-1]["answers"] == 2
    assert seen["releases"][0]["quality"]["answers"] == 2
    assert seen["zone"] == "Asia/Shanghai"


async def test_a_thumbs_down_is_a_bad_case_with_the_documents_that_may_be_at_fault(site: Site) -> None:
    rows = site.workspace.rows()
    leave, phone = rows["docs/leave.md"], rows["docs/it.md"]
    record = answered(
        NOW,
        question="How much leave?",
        text="25 days. [1]",
        citations=(citation(phone.document_id, phone.source),),
        context=(passage(leave.document_id, leave.source),),
    )
    other = answered(NOW)
    keep(site.service.journal, record, other)
    first = rated(record, NOW, "down", comment="wrong", expected_sources=("leave.md",))
    keep(
        site.service.journal, first, rated(record, NOW + HOUR / 60, None, correction="28 days"), rated(other, NOW, "up")
    )
    seen = await site.overview(days=2)
    (case,) = seen["bad_cases"]
    assert (case["question"], case["answer"], case["comment"]) == ("How much leave?", "25 days. [1]", "wrong")
    assert (case["correction"], case["expected_sources"]) == ("28 days", ["leave.md"])
    assert [(one["source"], one["role"], one["reasons"]) for one in case["suspects"]] == [
        ("docs/leave.md", "expected", ["expected_uncited"]),
        ("docs/it.md", "cited", []),
    ]
    assert "bad_cases" in [one["code"] for one in seen["problems"]]


async def test_a_later_thumbs_up_ends_a_bad_case(site: Site) -> None:
    keep(site.service.journal, record := answered(NOW))
    keep(site.service.journal, rated(record, NOW, "down"), rated(record, NOW + HOUR / 60, "up"))
    seen = await site.overview()
    assert (seen["bad_cases"], seen["bad_cases_total"], seen["totals"]["up"]) == ([], 0, 1)


async def test_what_people_wrote_is_told_as_it_is_and_bounded(site: Site) -> None:
    hostile = '<script>alert(1)</script>"\u202e' + "x" * 20_000
    keep(site.service.journal, record := answered(NOW, question=hostile, text=hostile))
    keep(site.service.journal, rated(record, NOW, "down", comment=hostile))
    (case,) = (await site.overview())["bad_cases"]
    assert case["question"].startswith('<script>alert(1)</script>"\u202e')
    assert (len(case["question"]), len(case["answer"])) == (2_000, 4_000)
    (line,) = (await site.get("/v1/admin/answers")).json()["answers"]
    assert len(line["question"]) == 300


async def test_a_person_s_quarantine_can_be_told_from_others(site: Site) -> None:
    catalogue.quarantine(site.workspace.environment(), "default", "docs/it.md", "old")
    site.workspace.ingest()
    held = {one["source"]: one["by_person"] for one in (await site.overview())["quarantined"]}
    assert held == {"docs/it.md": True, "docs/empty.md": False}


async def test_runs_and_jobs_with_their_errors(site: Site) -> None:
    error = RunError("StorageError", "the disk is full")
    record = RunRecord(
        id=new_record_id(), at=NOW.isoformat(), finished=NOW.isoformat(), collection="default", exit_code=1, error=error
    )
    record_run(open_environment(site.workspace.root), record)
    seen = await site.overview()
    assert [(one["exit_code"], one["error"], one["seconds"]) for one in seen["runs"]] == [(1, "the disk is full", None)]
    assert [(one["state"], one["documents"], one["error"]) for one in seen["jobs"]] == [("failed", ["x.md"], "no room")]
    assert seen["problems"][0]["code"] == "run_failed"


async def test_settings_that_cannot_be_used_and_damaged_repairs_are_told(site: Site) -> None:
    folder = site.workspace.root / "repairs"
    folder.mkdir(exist_ok=True)
    (folder / "x.json").write_text("{", encoding="utf-8")
    (site.workspace.root / "ragpress.toml").write_text("[chunk", encoding="utf-8")
    await site.service.answers.look()
    codes = [one["code"] for one in (await site.overview())["problems"]]
    assert {"settings_damaged", "repairs_damaged"} <= set(codes)


async def test_a_live_release_that_cannot_be_read_is_told_and_the_rest_is_shown(site: Site) -> None:
    keep(site.service.journal, answered(NOW))
    live = (await site.overview())["live"]["id"]
    (site.workspace.root / ".ragpress" / "releases" / live / "manifest.json").write_bytes(b"{}")
    async with site_of(site.workspace) as fresh:
        seen = await fresh.overview()
    assert seen["live"] is None
    assert [one["code"] for one in seen["problems"]] == ["live_damaged"]
    assert seen["totals"]["answers"] == 1


async def test_a_journal_that_cannot_be_read_is_told_and_the_rest_is_shown(site: Site) -> None:
    keep(site.service.journal, answered(NOW))
    site.service.journal.close()
    seal_journals(site.service.environment)
    (key,) = [key for key, _ in site.service.environment.store.list("journal/answers/")]
    site.service.environment.store.local_path(key).write_bytes(b"no parquet")
    seen = await site.overview()
    assert (seen["problems"][0]["code"], seen["totals"]["answers"], seen["live"]["documents"]) == (
        "journal_damaged",
        0,
        2,
    )
    assert "no readable journal file" in seen["problems"][0]["detail"]
    assert (await site.get("/v1/admin/answers")).status_code == 503


async def test_the_list_of_answers_is_filtered_and_comes_in_pages(site: Site) -> None:
    records = [answered(NOW - number * HOUR, question=f"q{number}") for number in range(5)]
    failed = broken(NOW - 6 * HOUR)
    cited = answered(NOW - 7 * HOUR, release="r9", citations=(citation("d9", "docs/nine.md"),))
    keep(site.service.journal, *records, failed, cited)
    keep(site.service.journal, rated(records[2], NOW, "down"), rated(records[3], NOW, "up"))

    async def found(**query: Any) -> list[str]:
        response = await site.get("/v1/admin/answers", **query)
        assert response.status_code == 200, response.text
        return [one["id"] for one in response.json()["answers"]]

    assert await found(rating="down") == [records[2].id]
    assert await found(status="failed") == [failed.id]
    assert await found(document="d9") == await found(document="docs/nine.md") == await found(release="r9") == [cited.id]
    assert await found(document="nothing") == await found(rating="up", status="failed") == []
    seen: list[str] = []
    before = None
    while True:
        query: dict[str, Any] = {"limit": 2} if before is None else {"limit": 2, "before": before}
        page = (await site.get("/v1/admin/answers", **query)).json()
        seen += [one["id"] for one in page["answers"]]
        before = page["before"]
        if before is None:
            break
    assert seen == [record.id for record in (*records, failed, cited)]


async def test_a_line_of_the_list_says_how_the_answer_was(site: Site) -> None:
    keep(site.service.journal, answered(NOW), broken(NOW - HOUR))
    first, second = (await site.get("/v1/admin/answers")).json()["answers"]
    assert (first["generator"], first["seconds"], first["supported"], first["claims"]) == ("openai model-a", 1.0, 1, 1)
    assert second["error"] == "GeneratorTimeoutError: it did not answer"
    assert (second["seconds"], second["rating"]) == (None, None)


def test_every_field_is_described_or_names_itself() -> None:
    from serving.overview.records import Overview

    schema = msgspec.json.decode(msgspec.json.encode(Overview.model_json_schema()))
    assert schema["description"]
    assert all(one.get("description") for one in schema["$defs"].values())
