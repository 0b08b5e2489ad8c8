"""A service with something of everything, for requests that nobody would send in earnest."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from tests.serving import found
from tests.serving.evaluated import kept
from tests.serving.service_process import ServiceProcess
from tests.workspace import SETTINGS, Workspace

RULES = """
[access]
rules = { "docs/hr/**" = ["hr"], "uploads/**" = ["hr"] }
"""
DOCUMENTS = {
    "hours.md": "# Hours\n\nThe reading room opens at eight and closes at six.\n",
    "退款.md": "# 退款规定\n\n客户可以在收货后十四天内申请退款。申请时须附上发票号码。\n",
    "hr/leave.md": "# Leave\n\nEvery employee has 25 days of annual leave.\n",
}
QUESTIONS = ("When does the reading room open?", "客户可以在多少天内申请退款？", "What is the weather on Mars?")
SECONDS = 60.0
_LAST_JOB_SECONDS = 60


class Site(msgspec.Struct, frozen=True):
    """A running service and what is to be found in it.

    Attributes:
        service: the process.
        client: keeps its connections.
        keys: a key for each of "admin" and "ask"; none where the service is open to this machine.
        found: ids that exist, by the name of the parameter that takes them.
    """

    service: ServiceProcess
    client: httpx2.Client
    keys: Mapping[str, str]
    found: Mapping[str, list[str]]

    @property
    def url(self) -> str:
        """The address without a slash at the end."""
        return self.service.base_url

    def headers(self, key: str | None = None) -> dict[str, str]:
        """The header that lets a caller in."""
        return {"Authorization": f"Bearer {self.keys[key]}"} if key else {}

    def call(self, method: str, path: str, key: str | None = None, **options: Any) -> httpx2.Response:
        """One request."""
        headers = {**self.headers(key), **options.pop("headers", {})}
        return self.client.request(method, self.url + path, headers=headers, **options)

    def wait(self, job: str, key: str | None = None) -> None:
        """Wait for the end of a job."""
        pause = threading.Event()
        for _ in range(_LAST_JOB_SECONDS * 10):
            if self.call("GET", f"/v1/jobs/{job}", key).json()["ended"]:
                return
            pause.wait(0.1)
        raise AssertionError(f"job {job} did not end")


@contextmanager
def site(root: Path, *, keys: bool, settings: str = "", environment: Mapping[str, str] | None = None) -> Iterator[Site]:
    """Two releases, two evaluations, documents for everybody and for a group, answers, feedback, an upload and its job.

    Args:
        root: an existing folder.
        keys: whether callers need a key.
        settings: what is put behind the settings file.
        environment: variables of the process beside those of this one.
    """
    workspace = Workspace(root, f"{SETTINGS}{RULES}{settings}")
    workspace.write(DOCUMENTS)
    assert workspace.ingest().published
    workspace.write({"hours.md": DOCUMENTS["hours.md"] + "\nOn Sundays it is closed.\n"})
    assert workspace.ingest().published
    for name in ("e1", "e2"):
        kept(workspace.environment(), name)
    found.keep(workspace.environment(), found.finding(), found.finding("f2"), found.wanted())
    found.happened(workspace.environment(), "waiting", "f1", "f2")
    made = {}
    if keys:
        ring = KeyRing(workspace.environment().store)
        made["admin"] = str(ring.add(Grant(name="boss", roles=(Role.ADMIN,)))[1])
        made["ask"] = str(ring.add(Grant(name="visitor", roles=(Role.ASK,)))[1])
    with ServiceProcess(root, environment=environment) as service, httpx2.Client(timeout=SECONDS) as client:
        bare = Site(service, client, made, {})
        yield msgspec.structs.replace(bare, found=_filled(bare, "admin" if keys else None))


def _filled(running: Site, key: str | None) -> dict[str, list[str]]:
    """Use a service once in every way, and tell the ids that came of it."""
    answers = [_answer(running, key, question) for question in QUESTIONS]
    for answer, rating in zip(answers, ("up", "down", "down"), strict=True):
        said = {"answer_id": answer["id"], "rating": rating, "comment": "Seen.", "correction": "At nine."}
        assert running.call("POST", "/v1/feedback", key, json=said).status_code == 201
    files = {"file": ("menu.md", b"# Menu\n\nThere is soup on Mondays.\n")}
    job = running.call("POST", "/v1/documents", key, files=files).json()
    running.wait(job["job_id"], key)
    documents = running.call("GET", "/v1/documents", key).json()["documents"]
    releases = running.call("GET", "/v1/releases", key).json()["releases"]
    citations = [citation for answer in answers for citation in answer["citations"]]
    return {
        "answer": [answer["id"] for answer in answers],
        "document": [document["document_id"] for document in documents],
        "release": [release["id"] for release in releases],
        "job": [job["job_id"]],
        "trace": [
            *(f"{answer['id']}#1" for answer in answers[:2]),
            *(citation["chunk_id"] for citation in citations),
            *(document["source"] for document in documents),
        ],
        "model": ["default", f"default@{releases[0]['id']}"],
        "collection": ["default"],
        "evaluation": ["e1", "e2"],
        "finding": ["f1", "f2", "f9"],
    }


def _answer(running: Site, key: str | None, question: str) -> dict[str, Any]:
    body = {"model": "default", "messages": [{"role": "user", "content": question}]}
    response = running.call("POST", "/v1/chat/completions", key, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
