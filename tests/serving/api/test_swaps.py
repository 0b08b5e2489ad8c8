"""Publishes and rollbacks while a service answers: no failed request, and no answer out of two releases."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.serving.api.services import chat, events
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = pytest.mark.process

SWAPS = 20
NUMBERS = (25, 31)


def test_twenty_swaps_under_load(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    releases: dict[str, int] = {}
    for number in NUMBERS:
        files = {f"{name}.md": f"# {name}\n\nThe {name} office has {number} desks.\n" for name in ("north", "south")}
        workspace.write(files)
        release = workspace.ingest().release
        assert release is not None
        releases[release] = number
    chunks = {release: {hit.chunk_id for hit in workspace.search("desks", release=release)} for release in releases}
    assert not set.intersection(*chunks.values())
    answers: list[dict[str, Any]] = []
    ended = threading.Event()
    with ServiceProcess(workspace.root) as service, ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_until, ended, service.base_url, stream, answers) for stream in (True, False) * 2]
        try:
            for number in range(SWAPS):
                release = list(releases)[number % 2]
                publish(workspace, release)
                wait_until_live(service.base_url, release)
        finally:
            ended.set()
        for one in asking:
            one.result()
    assert {answer["release"] for answer in answers} == set(releases)
    for answer in answers:
        cited = {citation["chunk_id"] for citation in answer["citations"]}
        assert cited
        assert cited <= chunks[answer["release"]]
        assert f"{releases[answer['release']]} desks" in answer["text"]


def publish(workspace: Workspace, release: str) -> None:
    releases = workspace.environment().releases("default")
    found = releases.pointer()
    assert found is not None
    releases.publish(release, "a test swaps", found[1].token, datetime.now(UTC))


def wait_until_live(base_url: str, release: str) -> None:
    until = time.monotonic() + 60
    with httpx2.Client(base_url=base_url, timeout=60) as http:
        while True:
            body = http.post("/v1/retrieve", json={"query": "desks"}).json()
            if body["release"] == release:
                return
            assert time.monotonic() < until


def ask_until(ended: threading.Event, base_url: str, stream: bool, answers: list[dict[str, Any]]) -> None:
    question = "How many desks does the north office have?"
    with httpx2.Client(base_url=base_url, timeout=60) as http:
        while not ended.is_set():
            response = http.post("/v1/chat/completions", json=chat(question, stream=stream))
            assert response.status_code == 200, response.text
            if stream:
                told = events(response.text)
                assert told[-1] == "[DONE]"
                text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in told[:-1])
                answers.append({**told[-2], "text": text})
            else:
                body = response.json()
                answers.append({**body, "text": body["choices"][0]["message"]["content"]})
