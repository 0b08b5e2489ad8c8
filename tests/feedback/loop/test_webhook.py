from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from feedback.loop.webhook import SIGNATURE_HEADER, Webhook, check_address
from index.findings import LoopEvent
from ragpress.errors import SettingsError

EVENT = LoopEvent(at="2026-01-31T12:00:00.000+00:00", collection="default", kind="found", text="Gefunden: 找到了")


class Receiver(ThreadingHTTPServer):
    """Keeps what is sent to it and answers with the next of some statuses, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.got: list[tuple[bytes, dict[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((body, dict(self.headers.items())))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.server_address[1]}/events"


def test_an_event_arrives_as_signed_json(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", "a secret")
    webhook = Webhook(address(receiver), "HOOK_KEY")
    webhook.send(EVENT)
    webhook.close()
    ((body, headers),) = receiver.got
    assert json.loads(body)["text"] == "Gefunden: 找到了"
    assert json.loads(body)["id"] == EVENT.id
    assert headers[SIGNATURE_HEADER] == "sha256=" + hmac.new(b"a secret", body, hashlib.sha256).hexdigest()


def test_it_is_tried_three_times_with_growing_pauses_and_told_once(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    receiver.statuses = [500, 503, 500, 500, 500, 500, 200]
    webhook = Webhook(address(receiver), pause=pauses.append)
    for _ in range(3):
        webhook.send(EVENT)
    webhook.close()
    assert len(receiver.got) == 7
    assert pauses == [1.0, 2.0, 1.0, 2.0]
    assert [record.message for record in caplog.records].count(
        "the webhook cannot be told of events (status 500); what it misses stands in the loop's log"
    ) == 1


def test_redirects_and_refusals_are_not_followed(receiver: Receiver) -> None:
    receiver.statuses = [302, 404]
    webhook = Webhook(address(receiver), pause=lambda _: None)
    webhook.send(EVENT)
    webhook.send(EVENT)
    webhook.close()
    assert len(receiver.got) == 2


def test_an_address_where_nobody_is_stops_nothing(receiver: Receiver) -> None:
    receiver.server_close()
    webhook = Webhook(address(receiver), pause=lambda _: None)
    webhook.send(EVENT)
    webhook.close()
    assert receiver.got == []


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "hook",
        "ftp://host/x",
        "http://example.org/hook",
        "https://user:word@example.org/",
        "https://",
        "http://[::1",
    ],
)
def test_what_is_no_safe_address_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="webhook"):
        check_address(wrong)


@pytest.mark.parametrize(
    "right", ["https://example.org/hook", "http://localhost:9/", "http://10.0.0.2/x", "http://[::1]:80/"]
)
def test_addresses_that_may_be_told(right: str) -> None:
    check_address(right)


def test_a_key_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_KEY", raising=False)
    with pytest.raises(SettingsError, match="HOOK_KEY, which is not set"):
        Webhook("https://example.org/", "HOOK_KEY")
