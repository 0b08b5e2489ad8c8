"""A real service of two worker processes: its metrics are summed, its log holds nobody's text."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.journal.answers import AnswerJournal, AnswerQuery
from tests.serving.service_process import ServiceProcess
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.process

QUESTION = "Where does the canary-fox-2204 live?"
PASSAGE = "canary-hole-8830"
TOKEN = "rp-canary-key-5511"  # noqa: S105 - not a password, and nobody's key
ANSWERS = 12
GARBAGE = "canary-garbage-3317"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    workspace = Workspace(tmp_path_factory.mktemp("service"))
    workspace.write({"fox.md": f"# Fox\n\nThe canary-fox-2204 lives in the {PASSAGE} behind the mill.\n"})
    workspace.ingest()
    settings = '[telemetry]\nlog_format = "json"\nlog_level = "debug"\n'
    with ServiceProcess(workspace.root, "--workers", "2", settings=settings) as running:
        yield running


def ask(service: ServiceProcess, number: int) -> httpx2.Response:
    body = {"model": "default", "messages": [{"role": "user", "content": QUESTION}], "stream": number % 2 == 0}
    headers = {"X-Request-Id": f"request-{number:05}", "X-Canary": TOKEN, "traceparent": "garbage"}
    return httpx2.post(f"{service.base_url}/v1/chat/completions?q={TOKEN}", json=body, headers=headers, timeout=60)


def metrics(service: ServiceProcess) -> dict[tuple[str, ...], float]:
    response = httpx2.get(f"{service.base_url}/metrics", timeout=60)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name, *(sample.labels[label] for label in sorted(sample.labels))] = sample.value
    return found


def checked(service: ServiceProcess) -> httpx2.Response:
    """What /readyz says once the release is loaded."""
    for _ in range(2000):
        ready = httpx2.get(f"{service.base_url}/readyz", timeout=60)
        if {"name": "releases", "ok": True, "reason": ""} in ready.json()["checks"]:
            break
    return ready


def lines(service: ServiceProcess) -> list[dict[str, Any]]:
    """The log: every line of it is an object."""
    return [json.loads(line) for line in service.log.splitlines()]


def test_the_answers_of_all_workers_are_counted_and_logged_once(service: ServiceProcess) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: ask(service, number), range(ANSWERS)))
    assert {answer.status_code for answer in answers} == {200}
    # A response is with its caller a moment before it is counted.
    for _ in range(200):
        found = metrics(service)
        if found.get(("ragpress_http_requests_total", "POST", "/v1/chat/completions", "200")) == ANSWERS:
            break
    assert found["ragpress_answers_total", "default", "complete"] == ANSWERS
    assert found["ragpress_retrieval_seconds_count", "default"] == ANSWERS
    assert found["ragpress_journal_commit_seconds_count",] == ANSWERS
    assert found["ragpress_http_requests_total", "POST", "/v1/chat/completions", "200"] == ANSWERS
    assert found["ragpress_active_answers",] == 0
    assert found["ragpress_index_age_seconds", "default"] >= 0
    assert found["ragpress_documents", "default", "live"] == 1
    assert found["ragpress_scrape_faults",] == 0
    logged = {line["request_id"]: line for line in lines(service) if line.get("route") == "/v1/chat/completions"}
    assert set(logged) == {f"request-{number:05}" for number in range(ANSWERS)}
    for line in logged.values():
        assert line["status"] == 200
        assert line["collection"] == "default"
        assert line["answer"]
        assert line["release"]
    assert len({line["answer"] for line in logged.values()}) == ANSWERS


def test_the_log_holds_no_text_no_key_and_no_query(service: ServiceProcess) -> None:
    ask(service, 99)
    httpx2.get(f"{service.base_url}/v1/answers/{TOKEN}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    httpx2.get(f"{service.base_url}/{TOKEN}%0d%0aevil", timeout=60)
    httpx2.post(f"{service.base_url}/v1/chat/completions", content=f'{{"model": "{TOKEN}', timeout=60)
    log = service.log
    for canary in (QUESTION, "canary", PASSAGE, TOKEN, "evil"):
        assert canary not in log
    assert len(lines(service)) > 3


def test_it_is_alive_and_ready_and_says_nothing_more(service: ServiceProcess) -> None:
    alive = httpx2.get(f"{service.base_url}/healthz", timeout=60)
    ready = checked(service)
    assert alive.json() == {"status": "ok"}
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert [check["name"] for check in ready.json()["checks"]] == ["process", "releases", "journal", "generator"]


def test_a_service_whose_model_is_gone_is_not_ready(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"fox.md": "# Fox\n\nThe fox lives behind the mill.\n"})
    settings = '[generator]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "gone"\n'
    (tmp_path / "ragpress.toml").write_text((tmp_path / "ragpress.toml").read_text() + settings)
    workspace.ingest()
    with ServiceProcess(tmp_path) as running:
        ready = checked(running)
        alive = httpx2.get(f"{running.base_url}/healthz", timeout=60)
    assert alive.status_code == 200
    assert ready.status_code == 503
    failed = [check for check in ready.json()["checks"] if not check["ok"]]
    assert failed == [{"name": "generator", "ok": False, "reason": "unreachable"}]
    assert "127.0.0.1" not in ready.text


class _Refusing(BaseHTTPRequestHandler):
    """A model's server that refuses, and quotes what it was sent."""

    def do_GET(self) -> None:
        self._send(b'{"object": "list", "data": [{"id": "m", "object": "model"}]}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(json.dumps({"error": {"message": f"no: {GARBAGE}\r\n\x1b[31m"}}).encode(), 400)

    def _send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Say nothing."""


def test_what_a_model_sends_is_in_the_journal_and_not_in_the_log(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as model:
        thread = threading.Thread(target=model.serve_forever)
        thread.start()
        try:
            base_url = f"http://127.0.0.1:{model.server_port}/v1"
            served = f'kind = "openai"\nmodel = "m"\nretries = 0\nbase_url = "{base_url}"\n'
            workspace = Workspace(tmp_path, f"{SETTINGS}[answer]\nabstain = 0.0\n[generator]\n{served}")
            workspace.write({"fox.md": f"# Fox\n\nThe canary-fox-2204 lives in the {PASSAGE} behind the mill.\n"})
            workspace.ingest()
            with ServiceProcess(tmp_path, settings='[telemetry]\nlog_format = "json"\n') as running:
                answer = ask(running, 1)
                found = metrics(running)
                assert running.stop() == 0
                logged = running.log
        finally:
            model.shutdown()
            thread.join()
    assert answer.status_code == 502
    assert "canary" not in answer.text
    assert "canary" not in logged
    failed = [line for line in map(json.loads, logged.splitlines()) if line["event"] == "an answer failed"]
    assert [(line["error"], line["request_id"]) for line in failed] == [("GeneratorRefusedError", "request-00001")]
    assert found["ragpress_generator_errors_total", "default", "GeneratorRefusedError"] == 1
    environment = workspace.environment()
    (kept,) = AnswerJournal(environment, environment.workspace.service.journal).answers(AnswerQuery())
    assert kept.error is not None
    assert GARBAGE in kept.error.message
