"""An S3 service of our own on loopback (moto), with faults that a test can switch on."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BUCKET = "bucket"


class Fault(StrEnum):
    """What goes wrong with the next requests."""

    NONE = "none"
    REPLY_LOST = "the next PUT is done, its reply is an error"
    REPLY_LOST_THEN_DOWN = "the next PUT is done, its reply is an error and so is every later one"
    NOT_DONE = "the next PUT is not done, its reply is an error"
    REFUSED = "every request lacks the permission"


class FaultyS3:
    """Moto's S3 behind one lock: the conditional writes of the real service are atomic, moto's are not."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self.fault = Fault.NONE
        self.requests = 0
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def start(self) -> None:
        """Serve, with one empty bucket."""
        self._thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", self._server.server_port)
        connection.request("PUT", f"/{BUCKET}")
        assert connection.getresponse().status == 200
        connection.close()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            self.requests += 1
            is_put = environ["REQUEST_METHOD"] == "PUT"
            if self.fault is Fault.REFUSED:
                return _error(start_response, "403 Forbidden")
            if is_put and self.fault is Fault.NOT_DONE:
                self.fault = Fault.NONE
                return _error(start_response, "503 Service Unavailable")
            if is_put and self.fault in (Fault.REPLY_LOST, Fault.REPLY_LOST_THEN_DOWN):
                body = b"".join(self._app(environ, _swallow))
                assert body is not None
                self.fault = Fault.NONE if self.fault is Fault.REPLY_LOST else Fault.REFUSED
                return _error(start_response, "500 Internal Server Error")
            return list(self._app(environ, start_response))


def _swallow(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    assert status.startswith("200"), status
    return lambda data: None


def _error(start_response: StartResponse, status: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]
