"""Spans of a real service reach a collector, the last ones when it stops."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'ragpress[otel]'")

QUESTION = "Where does the canary-fox-6612 live?"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """A collector that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.process
def test_spans_are_sent_before_the_service_ends(tmp_path: Path, collector: Collector) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    workspace = Workspace(tmp_path)
    workspace.write({"fox.md": "# Fox\n\nThe canary-fox-6612 lives behind the mill.\n"})
    workspace.ingest()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    with ServiceProcess(tmp_path, settings="[telemetry]\ntraces = true\n", environment=environment) as service:
        answer = httpx2.post(
            f"{service.base_url}/v1/chat/completions",
            json={"model": "default", "messages": [{"role": "user", "content": QUESTION}]},
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
            timeout=60,
        )
        assert service.stop() == 0
    assert answer.status_code == 200
    spans: dict[str, Any] = {}
    for body in collector.bodies:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert names["service.name"] == "ragpress"
            spans |= {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert {"POST /v1/chat/completions", "chat default", "retrieval default"} <= set(spans)
    chat = {one.key: one.value.string_value for one in spans["chat default"].attributes}
    assert chat["gen_ai.response.id"] == chat["ragpress.answer.id"] == answer.json()["id"]
    assert chat["ragpress.release"] == answer.json()["release"]
    assert {span.trace_id.hex() for span in spans.values() if "default" in span.name} == {TRACE}
    assert not any(b"canary" in body for body in collector.bodies)
