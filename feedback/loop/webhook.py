"""Tells an address of every event of the loop: JSON by POST, signed, tried three times, never in the loop's way."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from index.findings import LoopEvent
from ragpress.errors import SettingsError
from ragpress.settings import secret

if TYPE_CHECKING:
    import httpx2

SIGNATURE_HEADER = "X-Ragpress-Signature"
"""``sha256=`` and the hexadecimal HMAC-SHA256 of the body under the key."""

_LOG = logging.getLogger(__name__)
_TRIES = 3
_FIRST_PAUSE = 1.0
_SECONDS = 5.0
_WAITING = 1000
_CLOSE_SECONDS = 5.0


class Webhook:
    """Sends events in a thread of its own. Where an address cannot be reached this is told once, and again once it can.

    Args:
        address: ``https://…``; ``http://…`` only where it is written so on purpose.
        variable: environment variable with the key that signs; "" signs nothing.
        pause: waits between two tries.

    Raises:
        SettingsError: the address is none, holds a password, or the key is missing.
    """

    def __init__(self, address: str, variable: str = "", pause: Callable[[float], None] = time.sleep) -> None:
        check_address(address)
        self._address, self._key = address, secret(variable)
        if variable and not self._key:
            raise SettingsError(f"[loop] webhook_key names {variable}, which is not set in the environment. Set it.")
        self._pause = pause
        self._events: queue.Queue[LoopEvent | None] = queue.Queue(_WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def send(self, event: LoopEvent) -> None:
        """Hand over an event; returns at once. One that finds a thousand others waiting is left out."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._tell("a thousand events wait already")

    def close(self) -> None:
        """Send what waits, for at most five seconds."""
        try:
            self._events.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        import httpx2  # noqa: PLC0415 - slow import

        with httpx2.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client:
            while (event := self._events.get()) is not None:
                self._deliver(client, event)

    def _deliver(self, client: httpx2.Client, event: LoopEvent) -> None:
        import httpx2  # noqa: PLC0415 - slow import

        body = msgspec.json.encode(event)
        problem = ""
        for number in range(_TRIES):
            if number:
                self._pause(_FIRST_PAUSE * 2 ** (number - 1))
            try:
                answer = client.post(self._address, content=body, headers=self._headers(body))
            except httpx2.HTTPError as error:
                problem = type(error).__name__
                continue
            if answer.is_success:
                self._recovered()
                return
            problem = f"status {answer.status_code}"
            if answer.is_redirect or (answer.is_client_error and answer.status_code not in (408, 429)):
                break
        self._tell(problem)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers[SIGNATURE_HEADER] = "sha256=" + signature(self._key, body)
        return headers

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            _LOG.info("the webhook takes events again")

    def _tell(self, problem: str) -> None:
        if not self._failing:
            self._failing = True
            _LOG.warning("the webhook cannot be told of events (%s); what it misses stands in the loop's log", problem)


def signature(key: str, body: bytes) -> str:
    """HMAC-SHA256 of a body, hexadecimal."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def check_address(address: str) -> None:
    """Refuse what is no address that events may be sent to.

    Raises:
        SettingsError: it is not ``https://host…``, or ``http://`` to this machine or a private network.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingsError(f"[loop] webhook: {address!r} is no address: {error}.") from error
    if parts.username or parts.password:
        raise SettingsError("[loop] webhook: expected an address without a password; sign with webhook_key instead.")
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and host and _is_near(host):
        return
    raise SettingsError(
        f"[loop] webhook: expected https://HOST/…, or http:// to this machine or a private network, found {address!r}."
    )


def _is_near(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
