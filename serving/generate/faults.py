"""From what a server said, or did not say, to the error that a caller can act on. Pure."""

from __future__ import annotations

import contextlib
import email.utils
import re
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from ragpress.errors import (
    GeneratorBusyError,
    GeneratorError,
    GeneratorRefusedError,
    GeneratorUnavailableError,
)

LARGEST_REASON = 1 << 16
"""Bytes that are read of the body of an error."""

STATUS_OF_BROKEN_STREAM = int(HTTPStatus.INTERNAL_SERVER_ERROR)

_SHOWN = 300
_LONGEST_WAIT = 3600.0
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd]+")


class _Reason(msgspec.Struct):
    message: str = ""


class _Body(msgspec.Struct):
    error: _Reason | str | None = None
    message: str | None = None
    detail: str | None = None


def refusal(status: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> GeneratorError:
    """The error for an HTTP status.

    Args:
        status: 300 or above.
        headers: of the response, names in lower case.
        body: of the response, or its beginning.
        secret: taken out of the message.
    """
    reason = excerpt(_reason(body), secret)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and _FULL.search(reason)):
        wait = retry_after(headers, time.time())
        return GeneratorBusyError(f"The server is busy ({status}): {reason}", 1.0 if wait is None else wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        wait = retry_after(headers, time.time())
        return GeneratorUnavailableError(f"The server failed ({status}): {reason}", 0.0 if wait is None else wait)
    hint = _HINTS.get(status, "Expected a chat completion.")
    return GeneratorRefusedError(f"The server refused the request ({status}): {reason} {hint}")


# What vLLM says with 503 when its queue is full (--max-num-queued-reqs, --max-num-queued-tokens): a healthy server,
# whose circuit must not open.
_FULL = re.compile(r"currently busy and cannot accept|prefill token backlog limit")
_HINTS = {
    400: "See model, max_tokens and the length of the context in the settings.",
    401: "See the environment variable that api_key_env names in [generator].",
    403: "See the environment variable that api_key_env names in [generator].",
    404: "See base_url (it ends in /v1 on most servers) and model in [generator].",
}


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait (RFC 9110, 10.2.3), at most an hour; None without one.

    Args:
        headers: names in lower case.
        now: seconds since the epoch, for headers that name a date.
    """
    value = headers.get("retry-after", "").strip()
    seconds: float | None = None
    with contextlib.suppress(ValueError):
        seconds = float(value) if value[:1].isdigit() else email.utils.parsedate_to_datetime(value).timestamp() - now
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def excerpt(text: bytes | str, secret: str = "") -> str:
    """The beginning of what a server said, on one line, without control characters and without the key."""
    shown = text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text
    if secret:
        shown = shown.replace(secret, "***")
    shown = _UNPRINTABLE.sub(" ", shown[: 4 * _SHOWN]).strip()
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _reason(body: bytes) -> bytes | str:
    """The server's own words, out of the shapes that OpenAI, vLLM and FastAPI give an error."""
    try:
        parsed = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body or "it gives no reason"
    if isinstance(parsed.error, _Reason):
        return parsed.error.message or body
    return parsed.error or parsed.message or parsed.detail or body
