"""Limits of keys through the application: what is refused, and what a caller is told of what is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ragpress.serve_settings import ServeSettings
from ragpress.wiring import open_environment
from serving.api.app import create_app
from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.server.worker import open_service
from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"hours.md": "# Hours\n\nThe reading room opens at eight and closes at six.\n"})
    assert made.ingest().published
    return made


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    app = create_app(lambda: open_service(open_environment(workspace.root)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def key(workspace: Workspace, requests: int | None = None, tokens: int | None = None) -> dict[str, str]:
    grant = Grant(name="alice", roles=(Role.ASK,), requests_per_minute=requests, tokens_per_minute=tokens)
    token = KeyRing(workspace.environment().store).add(grant)[1]
    return {"Authorization": f"Bearer {token}"}


def body(stream: bool = False) -> dict[str, object]:
    question = {"role": "user", "content": "When does the reading room open?"}
    return {"model": "default", "messages": [question], "stream": stream}


def test_requests_beyond_the_limit_are_refused_with_the_time_to_wait(workspace: Workspace) -> None:
    headers = key(workspace, requests=2)
    app = create_app(lambda: open_service(open_environment(workspace.root)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answers = [client.post("/v1/chat/completions", headers=headers, json=body(stream)) for stream in (True, False)]
        refused = client.post("/v1/chat/completions", headers=headers, json=body())
        free = client.get("/v1/models", headers=headers)
        no_answer = client.post("/v1/retrieve", headers=headers, json={"query": "hours"})

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["x-ratelimit-limit-requests"] for answer in answers] == ["2", "2"]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0"]
    assert answers[0].headers["x-ratelimit-reset-requests"].endswith("s")
    assert refused.status_code == no_answer.status_code == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    told = [response.headers["x-ratelimit-remaining-requests"] for response in (refused, no_answer)]
    assert told == ["0", "0"]
    assert free.status_code == 200


def test_an_answers_tokens_count_for_the_requests_that_follow(workspace: Workspace) -> None:
    headers = key(workspace, tokens=1)
    app = create_app(lambda: open_service(open_environment(workspace.root)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        first = client.post("/v1/chat/completions", headers=headers, json=body())
        second = client.post("/v1/chat/completions", headers=headers, json=body())

    assert first.status_code == 200
    assert first.headers["x-ratelimit-limit-tokens"] == "1"
    assert second.status_code == 429


def test_a_worker_that_starts_later_goes_on_counting(workspace: Workspace) -> None:
    headers = key(workspace, requests=1)
    statuses = []
    for _ in range(2):
        app = create_app(lambda: open_service(open_environment(workspace.root)), ServeSettings())
        with TestClient(app, base_url="http://127.0.0.1") as client:
            statuses.append(client.post("/v1/retrieve", headers=headers, json={"query": "hours"}).status_code)

    assert statuses == [200, 429]


def test_without_keys_nothing_is_counted(client: TestClient) -> None:
    answer = client.post("/v1/chat/completions", headers={"Authorization": "Bearer unused"}, json=body())

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
