"""Documents over HTTP, on a real workspace: who sees what, passages, originals, quarantine, deletion."""

from __future__ import annotations

import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ragpress.wiring import open_environment
from retrieval.access import OPERATOR, Principal
from serving.api.documents import attachment
from serving.callers import Caller, Role
from serving.uploads import receive
from serving.uploads.jobs import JobBoard
from tests.serving.api.services import Allowances, FakeOpening, Keys, client, serving
from tests.serving.uploads.boards import board_of, finished
from tests.workspace import SETTINGS, Workspace

ACCESS = SETTINGS + '\n[access.rules]\n"docs/hr/**" = ["hr"]\n"uploads/default/hr-team/**" = ["hr"]\n'
LEAVE = "# Leave\n\nEvery employee has 25 days of annual leave.\n\nIt is asked for two weeks ahead.\n"
SALARY = "# Salaries\n\nThe zebra band of salaries begins at 90,000 euros a year.\n"
RAW = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


def caller(name: str, *roles: Role, groups: tuple[str, ...] = ()) -> Caller:
    principal = OPERATOR if Role.ADMIN in roles else Principal(frozenset(groups))
    return Caller(key=f"k-{name}", owner=name, roles=frozenset(roles), principal=principal)


CALLERS = {
    "ask": caller("ask", Role.ASK),
    "hr": caller("hr", Role.ASK, groups=("hr",)),
    "alice": caller("alice", Role.ASK, Role.INGEST),
    "bob": caller("bob", Role.ASK, Role.INGEST),
    "hr-team": caller("hr-team", Role.ASK, Role.INGEST),
    "robot": caller("robot", Role.INGEST),
    "admin": caller("admin", Role.ADMIN),
}


class Site:
    """A service over a workspace, and requests by the name of a caller."""

    def __init__(self, workspace: Workspace, board: JobBoard, http: httpx2.AsyncClient) -> None:
        self.workspace = workspace
        self.board = board
        self.http = http

    async def get(self, who: str, path: str, **query: Any) -> httpx2.Response:
        return await self.http.get(path, params=query, headers={"Authorization": f"Bearer {who}"})

    async def call(self, who: str, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {who}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def upload(self, who: str, *files: tuple[str, bytes], **fields: str) -> httpx2.Response:
        parts = [("file", (name, data)) for name, data in files]
        return await self.call(who, "POST", "/v1/documents", files=parts, data=fields)

    async def done(self, accepted: httpx2.Response, who: str = "admin") -> Any:
        """Run the job of a response, and give it."""
        assert accepted.status_code == 202, accepted.text
        await finished(self.workspace.environment(), self.board, accepted.json()["job_id"])
        return (await self.get(who, f"/v1/jobs/{accepted.json()['job_id']}")).json()

    async def ids(self, who: str = "admin") -> dict[str, str]:
        listed = (await self.get(who, "/v1/documents", limit=500)).json()["documents"]
        return {item["source"]: item["document_id"] for item in listed}


def filled(root: Path) -> Workspace:
    workspace = Workspace(root, ACCESS)
    workspace.write(
        {"leave.md": LEAVE, "hr/salary.md": SALARY, "第二.md": "# 第二\n\n年假共有二十五天，须提前申请。\n"}
    )
    (workspace.docs / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    workspace.ingest()
    return workspace


@asynccontextmanager
async def site_of(workspace: Workspace, requests: int | None = None) -> AsyncIterator[Site]:
    environment = open_environment(workspace.root)
    board = board_of(environment)
    made = serving(FakeOpening(environment), keys=Keys(**CALLERS), jobs=board, limits=Allowances(requests))
    async with made as service, client(service) as http:
        yield Site(workspace, board, http)
    board.close()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace for tests that change nothing in it."""
    return filled(tmp_path_factory.mktemp("unchanged"))


@pytest.fixture
async def reading(unchanged: Workspace) -> AsyncIterator[Site]:
    async with site_of(unchanged) as site:
        yield site


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(Workspace(tmp_path, ACCESS)) as site:
        yield site


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_of(filled(tmp_path)) as site:
        yield site


@pytest.fixture
async def site(unchanged: Workspace, tmp_path: Path) -> AsyncIterator[Site]:
    shutil.copytree(unchanged.root, tmp_path, dirs_exist_ok=True)
    async with site_of(Workspace(tmp_path, ACCESS)) as site:
        yield site


async def test_the_list_has_what_the_caller_may_read_and_counts_nothing_else(reading: Site) -> None:
    asked = (await reading.get("ask", "/v1/documents")).json()
    assert [item["source"] for item in asked["documents"]] == ["docs/leave.md", "docs/第二.md"]
    assert asked["total"] == 2
    admin = (await reading.get("admin", "/v1/documents")).json()
    assert admin["total"] == 4
    assert [item["state"] for item in admin["documents"]] == ["quarantined", "live", "live", "live"]
    assert (await reading.get("hr", "/v1/documents")).json()["total"] == 3
    hidden = (await reading.get("ask", "/v1/documents", q="salar")).json()
    assert (hidden["total"], hidden["documents"]) == (0, [])
    assert (await reading.get("ask", "/v1/documents", state="quarantined")).json()["total"] == 0
    found = (await reading.get("admin", "/v1/documents", state="quarantined")).json()["documents"]
    assert [(item["source"], bool(item["reason"])) for item in found] == [("docs/broken.pdf", True)]


async def test_the_list_comes_in_parts(reading: Site) -> None:
    sources: list[str] = []
    after: str | None = ""
    for _ in range(4):
        part = (await reading.get("admin", "/v1/documents", limit=1, after=after)).json()
        assert part["total"] == 4
        sources += [item["source"] for item in part["documents"]]
        after = part["next"]
    assert after is None
    assert sources == ["docs/broken.pdf", "docs/hr/salary.md", "docs/leave.md", "docs/第二.md"]
    assert (await reading.get("admin", "/v1/documents", after="zz")).status_code == 400
    assert (await reading.get("admin", "/v1/documents", after="abc")).status_code == 400


async def test_what_may_not_be_read_is_like_what_does_not_exist(reading: Site) -> None:
    ids = await reading.ids()
    for who, document in (("ask", ids["docs/hr/salary.md"]), ("ask", ids["docs/broken.pdf"])):
        for path in ("", "/text", "/original"):
            secret = await reading.get(who, f"/v1/documents/{document}{path}")
            missing = await reading.get(who, f"/v1/documents/d{'0' * 24}{path}")
            assert secret.status_code == missing.status_code == 404
            assert secret.content == missing.content
    secret = await reading.call("bob", "DELETE", f"/v1/documents/{ids['docs/hr/salary.md']}")
    missing = await reading.call("bob", "DELETE", f"/v1/documents/d{'0' * 24}")
    assert secret.content == missing.content
    assert secret.status_code == 404


async def test_a_document_in_detail(reading: Site) -> None:
    ids = await reading.ids()
    found = (await reading.get("ask", f"/v1/documents/{ids['docs/leave.md']}")).json()
    assert found["title"] == "Leave"
    assert found["characters"] > 50
    assert found["uploaded"] is False
    assert found["release"] == reading.workspace.open().manifest.id
    broken = (await reading.get("alice", f"/v1/documents/{ids['docs/broken.pdf']}")).json()
    assert broken["state"] == "quarantined"
    assert broken["reason"]
    assert str(reading.workspace.root) not in str(broken)
    text = await reading.get("alice", f"/v1/documents/{ids['docs/broken.pdf']}/text")
    assert (text.status_code, text.json()["error"]["code"]) == (404, "text_not_found")


async def test_a_passage_is_that_of_the_cited_release_until_it_is_collected(site: Site) -> None:
    document = (await site.ids())["docs/leave.md"]
    release = site.workspace.open().manifest.id
    chunk = site.workspace.texts("docs/leave.md")[0]
    site.workspace.write({"leave.md": "# Holidays\n\nNow there are 30 days.\n"})
    site.workspace.ingest()
    whole = (await site.get("ask", f"/v1/documents/{document}/text", release=release)).json()
    start = whole["text"].index("25 days")
    shown = (
        await site.get("ask", f"/v1/documents/{document}/text", release=release, start=start, end=start + 7)
    ).json()
    assert (shown["release"], shown["title"], shown["heading"]) == (release, "Leave", ["Leave"])
    assert shown["highlight"] == {"start": start, "end": start + 7}
    assert shown["text"][start - shown["offset"] :][:7] == "25 days"
    assert "25 days" in chunk
    now = (await site.get("ask", f"/v1/documents/{document}/text")).json()
    assert "30 days" in now["text"]
    bad = await site.get("ask", f"/v1/documents/{document}/text", start=0, end=10**6)
    assert (bad.status_code, bad.json()["error"]["code"]) == (404, "passage_not_found")
    assert (await site.get("ask", f"/v1/documents/{document}/text", start=3)).json()["highlight"] is None
    assert (await site.get("ask", f"/v1/documents/{document}/text", end=3)).json()["highlight"] == {
        "start": 0,
        "end": 3,
    }
    gone = await site.get("ask", f"/v1/documents/{document}/text", release="r00009-abc")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "release_gone")


async def test_a_secret_stays_one_in_every_release(reading: Site) -> None:
    document = (await reading.ids())["docs/hr/salary.md"]
    release = reading.workspace.open().manifest.id
    hidden = await reading.get("ask", f"/v1/documents/{document}/text", release=release)
    assert hidden.status_code == 404
    assert hidden.json()["error"]["code"] == "document_not_found"
    assert "zebra" in (await reading.get("hr", f"/v1/documents/{document}/text", release=release)).text


async def test_an_original_is_a_download_with_the_very_bytes(own: Site) -> None:
    document = (await own.ids())["docs/第二.md"]
    found = await own.get("ask", f"/v1/documents/{document}/original")
    assert found.content == (own.workspace.docs / "第二.md").read_bytes()
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"].startswith("attachment; ")
    assert "%E7%AC%AC%E4%BA%8C.md" in found.headers["content-disposition"]
    (own.workspace.docs / "第二.md").write_text("changed since", encoding="utf-8")
    changed = await own.get("ask", f"/v1/documents/{document}/original")
    assert (changed.status_code, changed.json()["error"]["code"]) == (404, "original_gone")
    (own.workspace.docs / "第二.md").unlink()
    (own.workspace.docs / "第二.md").symlink_to(own.workspace.docs / "hr" / "salary.md")
    linked = await own.get("ask", f"/v1/documents/{document}/original")
    assert linked.status_code == 404


@pytest.mark.parametrize("name", ['a"b.md', "a\r\nX-Evil: 1.md", "质保\u202e.md", "a;b=c.md", "", "é.md", "x" * 300])
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = attachment(name)
    header.encode("ascii")
    assert header.isprintable()
    assert header.count('"') == 2
    assert header.startswith('attachment; filename="')


async def test_a_quarantine_and_its_end(site: Site) -> None:
    document = (await site.ids())["docs/leave.md"]
    path = f"/v1/documents/{document}"
    assert (await site.call("alice", "POST", path + "/quarantine", json={"reason": "old"})).status_code == 403
    assert (await site.call("admin", "POST", path + "/quarantine", json={"reason": " \n"})).status_code == 400
    half = await site.call("admin", "POST", path + "/quarantine", content=b'{"reason": "\\ud800"}', headers=JSON)
    assert half.status_code == 400
    job = await site.done(await site.call("admin", "POST", path + "/quarantine", json={"reason": "out\nof date"}))
    assert (job["action"], job["state"]) == ("quarantine", "done")
    assert [(one["state"], "out of date" in one["reason"]) for one in job["documents"]] == [("quarantined", True)]
    (repair,) = (site.workspace.root / "repairs").glob("quarantine-*.json")
    assert '"by": "admin"' in repair.read_text(encoding="utf-8")
    assert (await site.get("ask", path)).status_code == 404
    job = await site.done(await site.call("admin", "POST", path + "/restore"))
    assert [one["state"] for one in job["documents"]] == ["live"]
    again = await site.call("admin", "POST", path + "/restore")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")


async def test_an_upload_can_be_found_replaced_and_deleted_by_its_owner_only(site: Site) -> None:
    accepted = await site.upload(
        "alice", ("差旅.md", "# 差旅\n\n出差补贴每天一百元。\n".encode()), ("../b.md", b"# B\n\nText of b.\n")
    )
    job = await site.done(accepted, "alice")
    assert (job["state"], [one["state"] for one in job["documents"]]) == ("done", ["live", "live"])
    assert [one["source"] for one in job["documents"]] == [
        "uploads/default/alice/差旅.md",
        "uploads/default/alice/b.md",
    ]
    assert job["report"]["plan"]["added"] == 2
    document = job["documents"][0]["document_id"]
    assert accepted.json()["documents"][0]["document_id"] == document
    assert (await site.get("alice", f"/v1/documents/{document}")).json()["uploaded"] is True
    assert (await site.get("bob", f"/v1/documents/{document}")).json()["uploaded"] is False
    assert (await site.call("bob", "DELETE", f"/v1/documents/{document}")).status_code == 404
    assert (await site.get("bob", f"/v1/jobs/{job['id']}")).status_code == 404
    assert (await site.get("bob", "/v1/jobs")).json()["jobs"] == []

    same_name = await site.upload("bob", ("差旅.md", "# 差旅\n\n另一份文件。\n".encode()))
    assert same_name.json()["documents"][0]["document_id"] != document
    newer = await site.upload("alice", ("差旅.md", "# 差旅\n\n出差补贴每天两百元。\n".encode()))
    assert newer.json()["documents"][0]["document_id"] == document
    await site.done(newer)
    assert "两百元" in (await site.get("ask", f"/v1/documents/{document}/text")).json()["text"]

    job = await site.done(await site.call("alice", "DELETE", f"/v1/documents/{document}"), "alice")
    assert [one["state"] for one in job["documents"]] == ["deleted"]
    assert (await site.get("ask", f"/v1/documents/{document}")).status_code == 404
    assert (await site.call("alice", "DELETE", f"/v1/documents/{document}")).status_code == 404
    jobs = (await site.get("alice", "/v1/jobs", limit=2)).json()
    assert [one["action"] for one in jobs["jobs"]] == ["delete", "upload"]
    rest = (await site.get("alice", "/v1/jobs", after=jobs["next"])).json()
    assert [one["id"] for one in rest["jobs"]] == [accepted.json()["job_id"]]
    assert len((await site.get("admin", "/v1/jobs", state="done")).json()["jobs"]) == 4


async def test_a_key_that_only_ingests_sees_its_own_uploads_and_nothing_else(site: Site) -> None:
    others = await site.ids()
    await site.done(await site.upload("alice", ("theirs.md", b"# Theirs\n\nThe canteen opens at noon.\n")))
    own = b"# Parking\n\nThe car park opens at six.\n"
    await site.done(await site.upload("robot", ("parking.md", own), ("bad.pdf", b"%PDF-1.7 broken")))

    listed = (await site.get("robot", "/v1/documents")).json()
    assert [(item["source"].rpartition("/")[2], item["state"]) for item in listed["documents"]] == [
        ("bad.pdf", "quarantined"),
        ("parking.md", "live"),
    ]
    assert listed["total"] == 2
    path = f"/v1/documents/{listed['documents'][1]['document_id']}"
    assert (await site.get("robot", path)).json()["title"] == "Parking"
    assert "car park" in (await site.get("robot", f"{path}/text")).json()["text"]
    assert (await site.get("robot", f"{path}/original")).content == own
    assert (await site.get("robot", f"{path}/text", release=listed["release"])).status_code == 200
    for document in (await site.ids()).values():
        expected = 200 if document in {item["document_id"] for item in listed["documents"]} else 404
        assert (await site.get("robot", f"/v1/documents/{document}")).status_code == expected
    hidden = f"/v1/documents/{others['docs/leave.md']}/text"
    for query in ({}, {"release": listed["release"]}):
        assert (await site.get("robot", hidden, **query)).status_code == 404


async def test_an_upload_that_is_not_ingested_yet_can_be_deleted(empty: Site) -> None:
    document = (await empty.upload("alice", ("a.md", b"# A\n\nText.\n"))).json()["documents"][0]["document_id"]
    job = await empty.done(await empty.call("admin", "DELETE", f"/v1/documents/{document}"))
    assert [one["state"] for one in job["documents"]] == ["deleted"]


async def test_files_of_a_source_folder_are_not_deleted(reading: Site) -> None:
    document = (await reading.ids())["docs/leave.md"]
    refused = await reading.call("admin", "DELETE", f"/v1/documents/{document}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_an_upload")
    assert "quarantine" in refused.json()["error"]["message"]
    assert (reading.workspace.docs / "leave.md").is_file()


async def test_an_upload_that_its_owner_may_not_read_can_still_be_deleted(empty: Site) -> None:
    accepted = await empty.upload("hr-team", ("new.md", SALARY.encode()))
    document = accepted.json()["documents"][0]["document_id"]
    assert [one["state"] for one in (await empty.done(accepted, "hr-team"))["documents"]] == ["live"]
    assert (await empty.get("hr-team", f"/v1/documents/{document}")).status_code == 404
    assert (await empty.get("hr", f"/v1/documents/{document}")).status_code == 200
    assert (await empty.call("hr-team", "DELETE", f"/v1/documents/{document}")).status_code == 202


async def test_a_raw_body_needs_a_name(empty: Site) -> None:
    taken = await empty.call(
        "alice", "POST", "/v1/documents?name=..%2F..%2Fraw%00.md", content=b"# Raw\n\nBody.\n", headers=RAW
    )
    assert taken.json()["documents"][0]["source"] == "uploads/default/alice/raw.md"
    assert (empty.workspace.root / "uploads" / "default" / "alice" / "raw.md").read_bytes() == b"# Raw\n\nBody.\n"
    refused = await empty.call("alice", "POST", "/v1/documents", content=b"# Raw\n", headers=RAW)
    assert (refused.status_code, "?name=NAME" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [({"collection": "nobody"}, 404, "collection_not_found"), ({"collection": "../x"}, 404, "collection_not_found")],
)
async def test_a_collection_that_does_not_exist_takes_nothing(
    empty: Site, fields: dict[str, str], status: int, code: str
) -> None:
    refused = await empty.upload("alice", ("a.md", b"text"), **fields)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert [path for path in (empty.workspace.root / "uploads").rglob("*") if path.is_file()] == []


async def test_an_upload_goes_to_one_collection(tmp_path: Path) -> None:
    async with site_of(Workspace(tmp_path, ACCESS + "[collections.team.answer]\nabstain = 0.1\n")) as site:
        body = {"files": {"file": ("a.md", b"text")}, "data": {"collection": "team"}}
        refused = await site.call("alice", "POST", "/v1/documents?collection=default", **body)
        taken = await site.call("alice", "POST", "/v1/documents?collection=team", **body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "two_collections")
    assert (taken.status_code, taken.json()["collection"]) == (202, "team")


async def test_only_keys_of_the_role_upload(empty: Site) -> None:
    assert (await empty.upload("ask", ("a.md", b"text"))).status_code == 403
    assert (await empty.upload("nobody", ("a.md", b"text"))).status_code == 401
    assert not (empty.workspace.root / "uploads").exists()


async def test_marks_about_documents_that_the_caller_may_not_read_are_left_out(site: Site) -> None:
    copy = SALARY + "\nThis part is here twice, so that both are long enough to be compared with one another.\n" * 3
    site.workspace.write({"hr/salary.md": copy, "z-copy.md": copy})
    site.workspace.ingest()
    document = (await site.ids())["docs/z-copy.md"]
    for_admin = (await site.get("admin", f"/v1/documents/{document}")).json()
    assert "near_duplicate" in for_admin["marks"]
    for_anybody = await site.get("ask", f"/v1/documents/{document}")
    assert "near_duplicate" not in for_anybody.json()["marks"]
    assert "docs/hr" not in for_anybody.text


async def test_a_full_disk_is_said_so_and_leaves_nothing(empty: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(receive._Arriving, "_open", staticmethod(full))
    refused = await empty.upload("alice", ("a.md", b"text"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")
    assert str(empty.workspace.root) not in refused.text
    assert [path for path in (empty.workspace.root / "uploads").rglob("*") if path.is_file()] == []
    assert (await empty.get("alice", "/v1/jobs")).json()["jobs"] == []


async def test_too_many_and_too_large_files_are_refused(empty: Site) -> None:
    many = await empty.upload("alice", *((f"{number}.md", b"x") for number in range(101)))
    assert (many.status_code, many.json()["error"]["code"]) == (413, "upload_too_large")
    assert (await empty.upload("alice", ("..", b"x"))).status_code == 400
    assert (await empty.call("alice", "POST", "/v1/documents", files=[("note", (None, "x"))])).status_code == 400


async def test_uploads_count_against_the_limit_of_their_key(tmp_path: Path) -> None:
    async with site_of(Workspace(tmp_path, ACCESS), requests=1) as site:
        assert (await site.upload("alice", ("a.md", b"text"))).status_code == 202
        refused = await site.upload("alice", ("b.md", b"text"))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "8")
    assert not (tmp_path / "uploads" / "default" / "alice" / "b.md").exists()
