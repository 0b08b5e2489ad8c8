from __future__ import annotations

import pytest

from ragpress.errors import (
    GeneratorBusyError,
    GeneratorError,
    GeneratorRefusedError,
    GeneratorUnavailableError,
)
from serving.generate.faults import excerpt, refusal, retry_after

EPOCH_OF_2026_11_21 = 1_795_219_200.0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, GeneratorRefusedError),
        (400, GeneratorRefusedError),
        (401, GeneratorRefusedError),
        (404, GeneratorRefusedError),
        (408, GeneratorUnavailableError),
        (422, GeneratorRefusedError),
        (429, GeneratorBusyError),
        (500, GeneratorUnavailableError),
        (503, GeneratorUnavailableError),
    ],
)
def test_every_status_has_its_error(status: int, error: type[GeneratorError]) -> None:
    found = refusal(status, {}, b"")
    assert type(found) is error
    assert str(status) in str(found)
    assert (found.retry_after is None) == (error is GeneratorRefusedError)


def test_a_vllm_whose_queue_is_full_is_busy_not_broken() -> None:
    said = "The engine is currently busy and cannot accept new requests. Please try again later"
    found = refusal(503, {}, f'{{"error": {{"message": "{said}", "code": 503}}}}'.encode())
    assert type(found) is GeneratorBusyError
    assert found.retry_after == 1.0
    assert said in str(found)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no such model", "type": "NotFoundError", "code": 404}}',
        b'{"error": "no such model"}',
        b'{"object": "error", "message": "no such model"}',
        b'{"detail": "no such model"}',
        b"no such model",
    ],
)
def test_the_servers_own_words_are_shown(body: bytes) -> None:
    assert "(404): no such model " in str(refusal(404, {}, body))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("1000000", 3600.0),
        ("Sat, 21 Nov 2026 00:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, EPOCH_OF_2026_11_21) == seconds


def test_a_busy_server_that_names_no_wait_is_asked_again_in_a_second() -> None:
    assert refusal(429, {}, b"").retry_after == 1.0


def test_a_key_in_the_servers_words_is_taken_out() -> None:
    message = str(refusal(401, {}, b'{"error": {"message": "Incorrect API key provided: sk-canary-1"}}', "sk-canary-1"))
    assert "Incorrect API key provided: ***" in message
    assert "canary" not in message


def test_an_excerpt_is_one_short_line() -> None:
    found = excerpt(b"a\r\nb\x1b[31mc\xff" + b"d" * 10_000)
    assert found.startswith("a b [31mc d")
    assert found.isprintable()
    assert len(found) == 301
