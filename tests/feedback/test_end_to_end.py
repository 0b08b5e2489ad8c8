"""The whole loop over HTTP, in the service's own process: a bad answer, a thumbs-down with a correction, a release."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

import examples
from feedback.loop.worker import run_once
from index.findings import finding_states, list_events, list_findings
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = [pytest.mark.process, pytest.mark.model]

EXAMPLES = Path(examples.__path__[0])
SETTINGS = """\
[sources]
folders = ["docs"]

[workers]
processes = 1

[loop]
poll_seconds = 0.2
debounce_seconds = 0.2
"""
QUESTION = "How many batteries may be kept in one cabinet?"
CORRECTION = "At most 20 batteries."
OUTDATED, RIGHT = "docs/workshop-binder/battery-safety-sheet.md", "docs/safety/battery-safety-sheet.md"
TRIES, PAUSE = 600, 0.2
"""So often, and so many seconds apart, a test looks whether the worker has done its part: two minutes at most."""


class Client:
    """What a user and an operator do over HTTP.

    Args:
        http: sends requests to the service.
    """

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def ask(self) -> Any:
        """Ask the question; returns the completion."""
        body = {"model": "default", "messages": [{"role": "user", "content": QUESTION}]}
        return self.post("/v1/chat/completions", body)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Post and take the JSON."""
        return self._http.post(path, json=body).raise_for_status().json()

    def get(self, path: str, **query: Any) -> Any:
        """Get the JSON."""
        return self._http.get(path, params=query).raise_for_status().json()

    def text(self, path: str) -> str:
        """Get a text."""
        told: str = self._http.get(path).raise_for_status().text
        return told

    def live(self) -> str:
        """The live release."""
        release: str = self.get("/v1/releases")["live"]["release"]
        return release

    def events(self) -> list[str]:
        """What the loop did, oldest first."""
        return [event["kind"] for event in reversed(self.get("/v1/loop")["events"])]

    def wait(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fails with what the loop did after two minutes."""
        pause = threading.Event()
        for _ in range(TRIES):
            if holds():
                return
            pause.wait(PAUSE)
        pytest.fail(f"{what} did not come; the loop did: {self.get('/v1/loop')['events']}")


def text_of(answer: Any) -> str:
    """The words of a completion."""
    told: str = answer["choices"][0]["message"]["content"]
    return told


def cited(answer: Any) -> list[str]:
    """The sources that a completion cites."""
    return [citation["source"] for citation in answer["citations"]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The sample's handbook and safety sheets, published, and an outdated copy of one of them among them."""
    workspace = Workspace(tmp_path, SETTINGS)
    for folder in ("handbook", "safety"):
        shutil.copytree(EXAMPLES / "sample" / folder, workspace.docs / folder)
    (workspace.docs / "workshop-binder").mkdir()
    shutil.copy(EXAMPLES / "outdated" / "battery-safety-sheet.md", workspace.docs / "workshop-binder")
    assert workspace.ingest().published
    return workspace


@contextmanager
def service(workspace: Workspace) -> Iterator[Client]:
    """The service with its worker beside it."""
    with (
        ServiceProcess(workspace.root, "--loop") as running,
        httpx2.Client(base_url=running.base_url, timeout=60) as http,
    ):
        yield Client(http)
        assert running.stop() == 0, running.log


def test_a_thumbs_down_becomes_a_published_repair_and_a_rollback_undoes_it(workspace: Workspace) -> None:
    with service(workspace) as client:
        first = client.live()
        wrong = client.ask()
        assert "40" in text_of(wrong)
        assert cited(wrong) == [OUTDATED]

        repaired_after_feedback(client, wrong, first)

        client.post("/v1/releases/rollback", {"reason": "I want to see it again."})
        client.wait("the rollback", lambda: bool(client.ask()["release"] == first))
        assert cited(client.ask()) == [OUTDATED]
        client.wait("the worker's notice of it", lambda: "rolled_back" in client.events())
    for _ in range(2):
        run_once(workspace.environment(), "default", [])
    environment = workspace.environment()
    assert environment.releases("default").live_id() == first
    (found,) = list_findings(environment)
    assert finding_states([found], list_events(environment)) == {found.finding_id: "rolled_back"}


def repaired_after_feedback(client: Client, wrong: Any, first: str) -> None:
    """Say that an answer is wrong, and wait until the worker has put it right."""
    began = time.monotonic()
    said = {"answer_id": wrong["id"], "rating": "down", "correction": CORRECTION}
    feedback = client.post("/v1/feedback", said)
    client.wait("a release of the worker", lambda: client.live() != first)
    print(f"\nfrom the feedback to the release that is live: {time.monotonic() - began:.1f} s")
    second = client.live()
    client.wait("the service's notice of it", lambda: bool(client.ask()["release"] == second))
    right = client.ask()
    assert "20" in text_of(right)
    assert "40" not in text_of(right)
    assert cited(right) == [RIGHT]
    the_story_is_told(client, wrong["id"], feedback, second)


def the_story_is_told(client: Client, answer: str, feedback: Any, release: str) -> None:
    """Every face of the loop tells the same."""
    client.wait("the event", lambda: "published" in client.events())
    (found,) = client.get("/v1/findings")["findings"]
    assert (found["cause"], found["state"], found["published"]) == ("stale_document", "published", release)
    assert [blamed["source"] for blamed in found["documents"]] == [OUTDATED]
    assert found["proof"]["fixed"]
    (repair,) = client.get("/v1/repairs")["repairs"]
    assert (repair["kind"], repair["source"], repair["newer"]) == ("supersede", OUTDATED, RIGHT)
    assert (repair["state"], repair["finding"]) == ("in_force", found["finding_id"])
    assert OUTDATED in client.text(f"/v1/releases/{release}/changes")
    traced = client.get(f"/v1/trace/{answer}")
    story = [link["link"] for link in traced["used_by"]]
    assert story[:5] == ["feedback", "case", "finding", "repair", "release"]
    told = {key: value for link in traced["used_by"] for key, value in link.items()}
    assert (told["feedback_id"], told["case_id"]) == (feedback["feedback_id"], feedback["case_id"])
    assert (told["finding_id"], told["repair_id"]) == (found["finding_id"], repair["repair_id"])
    assert (told["event"], told["release"]) == ("published", release)
    assert client.get("/v1/admin/overview")["bad_cases"][0]["finding"] == found["finding_id"]
