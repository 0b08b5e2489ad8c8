"""Uploads to a real service: found and cited, hostile ones quarantined, refused ones gone, jobs that survive a kill."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from examples.make_sample import SAMPLE
from tests.ingest.parse.hostile import hostile
from tests.serving.service_process import ServiceProcess, alive, children
from tests.workspace import Workspace

pytestmark = pytest.mark.process

SECONDS = 90.0
SERVE = "[serve]\nupload_bytes = 2000000\nworkers = 2\n"


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait until something holds; gives it."""
    end = time.monotonic() + SECONDS
    pause = threading.Event()
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError(f"{what}: not within {SECONDS:.0f} s")


class Client:
    """Requests to a service, each over a connection of its own, so that any worker may get it."""

    def __init__(self, base: str) -> None:
        self.base = base

    def get(self, path: str, **query: Any) -> Any:
        response = httpx2.get(self.base + path, params=query, timeout=SECONDS)
        assert response.status_code == 200, response.text
        return response.json()

    def upload(self, *files: tuple[str, bytes]) -> httpx2.Response:
        return httpx2.post(self.base + "/v1/documents", files=[("file", file) for file in files], timeout=SECONDS)

    def done(self, accepted: httpx2.Response) -> Any:
        """Wait for the end of a job."""
        assert accepted.status_code == 202, accepted.text
        path = f"/v1/jobs/{accepted.json()['job_id']}"
        return until(lambda: job if (job := self.get(path))["ended"] else None, "a job")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    root = tmp_path_factory.mktemp("service")
    workspace = Workspace(root)
    workspace.write({"about.md": "# About\n\nThe canteen opens at eleven.\n"})
    workspace.ingest()
    with ServiceProcess(root, settings=SERVE) as running:
        yield running


@pytest.fixture
def client(service: ServiceProcess) -> Client:
    return Client(service.base_url)


def sample(name: str) -> tuple[str, bytes]:
    path = SAMPLE / name
    return path.name, path.read_bytes()


def test_what_is_uploaded_is_answered_and_its_citation_opens(client: Client) -> None:
    files = ("handbook/remote-work-policy.md", "safety/校准气体安全说明.pdf", "handbook/信息安全规范.docx")
    job = client.done(client.upload(*map(sample, files)))
    assert [(one["name"], one["state"]) for one in job["documents"]] == [(Path(name).name, "live") for name in files]
    assert job["report"]["published"]
    question = "How many days a week may I work from home without asking?"
    body = {"model": f"default@{job['release']}", "messages": [{"role": "user", "content": question}]}
    answer = httpx2.post(client.base + "/v1/chat/completions", json=body, timeout=SECONDS).json()
    cited = answer["citations"][0]
    assert cited["source"] == "uploads/default/local/remote-work-policy.md"
    span = {"release": answer["release"], "start": cited["start"], "end": cited["end"]}
    shown = client.get(f"/v1/documents/{cited['document_id']}/text", **span)
    marked = shown["text"][shown["highlight"]["start"] - shown["offset"] : shown["highlight"]["end"] - shown["offset"]]
    assert cited["quote"] in marked
    assert "three days a week" in marked
    paged = client.get(f"/v1/documents/{job['documents'][1]['document_id']}/text")
    assert (paged["page"], paged["media_type"]) == (1, "application/pdf")
    original = httpx2.get(f"{client.base}/v1/documents/{job['documents'][2]['document_id']}/original")
    assert original.content == sample(files[2])[1]

    changed = sample(files[0])[1].replace(b"three days a week", b"four days a week")
    job = client.done(client.upload(("remote-work-policy.md", changed)))
    assert (job["documents"][0]["document_id"], job["report"]["plan"]["changed"]) == (cited["document_id"], 1)
    assert "four days a week" in client.get(f"/v1/documents/{cited['document_id']}/text", start=300, end=700)["text"]
    gone = httpx2.delete(f"{client.base}/v1/documents/{cited['document_id']}")
    assert [one["state"] for one in client.done(gone)["documents"]] == ["deleted"]
    assert httpx2.get(f"{client.base}/v1/documents/{cited['document_id']}").status_code == 404


def test_hostile_files_become_one_quarantined_document_each(service: ServiceProcess, client: Client) -> None:
    names = ("zip_bomb.docx", "zip_bomb.xlsx", "nested.zip", "flate_bomb.pdf")
    before = set(service.root.parent.rglob("*slip*"))
    slip = ("traversal.zip", hostile("traversal.zip"))
    job = client.done(client.upload(*((f"../../../{name}", hostile(name)) for name in names), slip))
    assert client.get("/healthz")
    *bad, read = job["documents"]
    assert [(one["name"], one["state"]) for one in bad] == [(name, "quarantined") for name in names]
    assert all(one["reason"] for one in bad)
    assert read["state"] == "live"  # its text is read where it lies: nothing is unpacked
    assert set(service.root.parent.rglob("*slip*")) == before
    kept = {path.name for path in (service.root / "uploads" / "default" / "local").iterdir()}
    assert kept >= set(names)
    listed = client.get("/v1/documents", state="quarantined", q="uploads/")
    assert listed["total"] == len(names)


@pytest.mark.parametrize(
    "name",
    ["../../x.md", "..\\x.md", "/etc/x.md", "%2e%2e%2fx.md", "\uff0e\uff0e\uff0fx.md", "..", "a/../../x.md", "x.md/.."],
)
def test_no_name_leads_out_of_the_folder(service: ServiceProcess, client: Client, name: str) -> None:
    answer = client.upload((name, b"# X\n\nText of x.\n"))
    assert answer.status_code in {202, 400}
    owned = service.root / "uploads" / "default" / "local"
    if answer.status_code == 202:
        assert (owned / answer.json()["documents"][0]["name"]).is_file()
    assert {path.name for path in service.root.iterdir()} <= {
        "docs",
        "uploads",
        ".ragpress",
        "ragpress.toml",
        "serve.log",
        "repairs",
    }
    assert not (service.root.parent / "x.md").exists()
    assert not Path("/etc/x.md").exists()


def test_what_is_refused_or_breaks_off_leaves_nothing(service: ServiceProcess, client: Client) -> None:
    arriving = service.root / "uploads" / ".ragpress"
    client.upload(("small.md", b"# Small\n"))
    for size in (2_000_001, 4_000_000):
        refused = client.upload(("large.md", b"x" * size))
        assert refused.status_code == 413
    assert not (service.root / "uploads" / "default" / "local" / "large.md").exists()
    head = "POST /v1/documents?name=half.md HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(f"{head}Content-Length: 1900000\r\n\r\n".encode() + b"x" * 1_500_000)
        until(lambda: list(arriving.iterdir()), "the beginning of an upload")
    until(lambda: not list(arriving.iterdir()), "the end of a broken upload")
    assert not (service.root / "uploads" / "default" / "local" / "half.md").exists()


@pytest.mark.fault
def test_a_job_survives_a_kill_of_the_service_and_no_run_outlives_it(tmp_path: Path) -> None:
    Workspace(tmp_path, '[embed]\nmodel = "hashing"\n')
    with ServiceProcess(tmp_path, settings=SERVE) as first:
        accepted = Client(first.base_url).upload(("plan.md", b"# Plan\n\nThe canteen moves in March.\n"))
        workers = first.worker_pids
        run = until(lambda: [pid for worker in workers for pid in children(worker) if is_ingest(pid)], "a run")
        for pid in (first.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        first.wait()
        until(lambda: not any(alive(pid) for pid in run), "the end of the run")
    with ServiceProcess(tmp_path) as second:
        client = Client(second.base_url)
        job = client.done(accepted)
        assert (job["state"], [one["state"] for one in job["documents"]]) == ("done", ["live"])
        assert [one["source"] for one in client.get("/v1/documents")["documents"]] == ["uploads/default/local/plan.md"]


def is_ingest(pid: int) -> bool:
    """Whether a process is an ingest run."""
    try:
        return b"\0ingest\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
