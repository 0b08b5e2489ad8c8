"""Secrets and personal data in logs and errors (fault S7): what callers, documents and models say is in neither."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.hostile_model import HostileModel
from tests.serving.fuzz.site import Site, site

pytestmark = pytest.mark.process

BREAK = "\r\n2026-01-01T00:00:00Z ERROR forged \x1b[2J\x1b[31m\u2028\u202e"
SETTINGS = """
[answer]
abstain = 0.0

[generator]
kind = "openai"
model = "m"
retries = 0
base_url = "{base_url}"

[telemetry]
log_level = "debug"
log_format = "{form}"
"""


def canary(name: str) -> str:
    """A text that stands nowhere else, as a person's address, with characters that would forge a line of a log."""
    return f"canary.{name}@mail.example{BREAK}"


@pytest.fixture(scope="module", params=["json", "text"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root: Path = tmp_path_factory.mktemp("canaries")
    with HostileModel() as model:
        model.text = f"The reading room opens at eight [1]. {canary('model')}"
        settings = SETTINGS.format(base_url=model.base_url, form=request.param)
        with site(root, keys=True, settings=settings) as running:
            yield running


def say_everything(running: Site) -> list[Any]:
    """Put canaries wherever a caller can write something, in requests that succeed and in requests that fail."""
    answer, document = running.found["answer"][0], running.found["document"][0]

    def post(path: str, key: str | None, body: object, **options: Any) -> Any:
        return running.call("POST", path, key, json=body, **options)

    heads = {
        "User-Agent": "canary.agent@mail.example",
        "Referer": "http://canary.referer/",
        "Cookie": "session=canary.cookie",
        "X-Request-Id": "canary.request id with blanks",
        "X-Forwarded-For": "canary.forwarded",
        "traceparent": "canary.trace",
        "Accept-Language": "canary.language",
    }
    question = {"model": "default", "messages": [{"role": "user", "content": canary("question")}]}
    upload = {"file": ("canary.name@mail.example\u202e\x1b.md", canary("upload").encode())}
    segment = quote(canary("path"), safe="")
    return [
        post("/v1/chat/completions", "ask", question, headers=heads),
        post("/v1/chat/completions", "ask", {**question, "stream": True, "user": canary("user")}),
        post("/v1/chat/completions", "ask", {**question, "model": canary("model")}),
        post("/v1/chat/completions", "ask", {**question, "n": 2, canary("field"): canary("value")}),
        post("/v1/chat/completions", None, question, headers={"Authorization": "Bearer canary.wrong.key"}),
        post("/v1/retrieve", "ask", {"query": canary("query"), "filter": {"tags": [canary("tag")]}}),
        post("/v1/retrieve", "ask", {"query": canary("query"), "filter": {"after": canary("date")[:40]}}),
        post("/v1/retrieve", "ask", {"query": "x", canary("unknown"): 1}),
        post("/v1/feedback", "ask", {"answer_id": canary("id")[:60], "comment": canary("comment")}),
        post("/v1/feedback", "admin", {"answer_id": answer, "comment": canary("comment"), "correction": canary("c")}),
        running.call("POST", "/v1/documents", "admin", files=upload),
        post(f"/v1/documents/{document}/quarantine", "admin", {"reason": canary("reason")}),
        post("/v1/releases/rollback", "admin", {"release": canary("release")[:60]}),
        *(
            running.call("GET", path, key)
            for path in (f"/v1/answers/{segment}", f"/v1/trace/{segment}", f"/v1/models/{segment}", f"/{segment}")
            for key in ("ask", None)
        ),
        running.call("GET", f"/v1/documents?q={segment}&collection={segment}", "ask"),
        running.call("GET", f"/v1/models?api_key={running.keys['ask']}", "ask"),
        running.call("DELETE", f"/v1/documents/{segment}", "admin"),
    ]


def test_neither_logs_nor_errors_hold_what_others_said(running: Site) -> None:
    responses = say_everything(running)
    assert {response.status_code for response in responses} >= {200, 201, 202, 400, 401, 404}
    assert max(response.status_code for response in responses) < 500
    errors = [response.text for response in responses if response.status_code >= 400]
    assert running.service.stop() == 0
    log = running.service.log
    assert "request" in log

    secrets = [key.rpartition("_")[2] for key in running.keys.values()]
    texts = ("canary", "forged", "mail.example", "opens at eight", "annual leave", "发票", "reading room")
    for text in (*secrets, *texts):
        assert text not in log, f"{text!r} is in the log"
    for text in (*secrets, "canary.wrong.key", str(running.service.root), "opens at eight", "annual leave"):
        assert not [error for error in errors if text in error], f"{text!r} is in an error"
    for line in log.splitlines():
        assert line.isprintable()
    if log.startswith("{"):
        assert all(isinstance(json.loads(line), dict) for line in log.splitlines())
