"""Logs: one line an event, and nobody's text in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from ragpress.errors import GeneratorProtocolError, SettingsError
from ragpress.serve_settings import TelemetrySettings
from serving.telemetry.logs import event, mark_logged, set_up_logs

CANARY = "canary-secret-4711"
_LOGGER = logging.getLogger("serving.somewhere")


@pytest.fixture
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, shown = root.handlers[:], root.level, (warnings.showwarning, warnings.formatwarning)
    names = ("serving", "ragpress", "index", "ingest", "retrieval", "uvicorn", "uvicorn.error", "uvicorn.access")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    logging.captureWarnings(capture=False)
    warnings.showwarning, warnings.formatwarning = shown
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


pytestmark = pytest.mark.usefixtures("_as_before")


def logs(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    set_up_logs(TelemetrySettings(**settings), stream)
    return stream


HOSTILE = "a\r\nb\x1b[31mc\x00d\x85e\u2028f\u202eg\ud800h\U000e0041\tz"


@pytest.mark.parametrize("form", ["json", "text"])
def test_one_line_whatever_the_values_hold(form: str) -> None:
    stream = logs(log_format=form)
    event(_LOGGER, logging.INFO, f"what {HOSTILE}", {HOSTILE: HOSTILE, "many": [HOSTILE]})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert all(character.isprintable() for character in text[:-1])
    text.encode("utf-8")


def test_a_json_line_holds_the_values_as_they_were() -> None:
    stream = logs(log_format="json")
    event(_LOGGER, logging.WARNING, "request", {"route": "/a\r\nb", "status": 200, "cut": None, "key": ""})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "request",
        "logger": "serving.somewhere",
        "route": "/a\r\nb",
        "status": 200,
    }


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_tells_class_and_places_and_no_value(form: str) -> None:
    stream = logs(log_format=form)

    def read(document: str) -> None:
        local = document + " more"
        raise ValueError(f"cannot read {local}")

    try:
        try:
            read(CANARY)
        except ValueError as error:
            raise GeneratorProtocolError(f"the server sent {CANARY}") from error
    except GeneratorProtocolError as error:
        event(_LOGGER, logging.ERROR, "a request failed", {}, error)
    text = stream.getvalue()
    assert CANARY not in text
    assert "GeneratorProtocolError" in text
    assert "ValueError" in text
    assert "test_logs:" in text
    assert text.count("\n") == 1


def test_our_own_messages_about_the_service_are_told() -> None:
    stream = logs(log_format="json")
    event(_LOGGER, logging.ERROR, "failed", {}, SettingsError("[serve] port: expected a number"))
    assert json.loads(stream.getvalue())["message"] == "[serve] port: expected a number"


def test_an_error_of_the_system_tells_its_code_and_no_path() -> None:
    stream = logs(log_format="json")
    event(_LOGGER, logging.ERROR, "failed", {}, OSError(28, "No space left", f"/home/{CANARY}"))
    line = json.loads(stream.getvalue())
    assert line["message"] == "ENOSPC"
    assert CANARY not in stream.getvalue()


def test_libraries_write_lines_of_the_same_form() -> None:
    stream = logs(log_format="json")
    logging.getLogger("some.library").warning("two\nlines of %s", "a library")
    logging.getLogger("some.library").info("every request of %s", CANARY)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("an old\nfunction", UserWarning, stacklevel=1)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"].splitlines()[0] for line in lines] == ["two", lines[1]["event"].splitlines()[0]]
    assert "an old\nfunction" in lines[1]["event"]
    assert CANARY not in stream.getvalue()


async def test_a_task_that_nobody_waits_for_tells_no_message() -> None:
    stream = logs(log_format="json")

    async def fail() -> None:
        raise ValueError(CANARY)

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    message = "Task exception was never retrieved"
    asyncio.get_running_loop().default_exception_handler(
        {"message": message, "exception": task.exception(), "future": task}
    )
    line = json.loads(stream.getvalue())
    assert line["event"] == message
    assert line["error"] == "ValueError"
    assert CANARY not in stream.getvalue()


def test_keys_are_struck_out() -> None:
    stream = logs()
    event(_LOGGER, logging.INFO, "request", {"header": f"Authorization: Bearer {CANARY}", "key": f"sk-{CANARY}"})
    assert CANARY not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") == 2


def test_an_exception_that_was_logged_is_not_logged_by_the_server_again() -> None:
    stream = logs()
    error = ValueError("x")
    mark_logged(error)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    assert stream.getvalue() == ""
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=ValueError("y"))
    assert "Exception in ASGI application" in stream.getvalue()


def test_arguments_that_do_not_fit_stop_nothing() -> None:
    stream = logs(log_format="json")
    logging.getLogger("some.library").error("%d apples", "three")
    assert json.loads(stream.getvalue())["event"] == "%d apples"


def test_levels_are_kept() -> None:
    stream = logs(log_level="warning")
    event(_LOGGER, logging.INFO, "request", {})
    assert stream.getvalue() == ""
