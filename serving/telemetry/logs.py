"""Structured logs: one line an event, whatever its values hold.

A line tells what happened, to which request, by which key (its id, never the key). It holds no question, no answer, no
text of a document and no query string: those are in the journal of answers, where access rules guard them. So of an
exception a line holds its class and the places it passed, and its message only where that is about the service itself
(:data:`TOLD`); the values of variables are never looked at.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import types
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from ragpress import errors
from ragpress.serve_settings import TelemetrySettings

OURS = ("ragpress", "ingest", "index", "retrieval", "serving")
"""Loggers that take the set level; those of libraries tell warnings and errors only."""

TOLD = (
    errors.SettingsError,
    errors.MissingDependencyError,
    errors.ModelError,
    errors.StorageError,
    errors.WriterBusyError,
    errors.ReleaseError,
)
"""Errors whose messages are about the service, its files and its settings. What a generator sent, what a parser read
and what a caller typed may stand in the messages of the others."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_PLACES = 12
_LONGEST = 2000
# Controls, line separators, halves of characters, and what turns the direction of text or hides it.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SECRET = re.compile(r"(?i)(bearer\s+|authorization['\"]?[:=]\s*['\"]?|\bsk-|\brp[-_]|\brgp[-_])[\w.~+/=-]{8,}")

Value = str | int | float | bool | None | list[str]
"""What a field of a log line may be."""


def set_up_logs(settings: TelemetrySettings, stream: TextIO | None = None) -> None:
    """Let every logger of this process, those of libraries too, write lines of one form.

    Args:
        settings: the ``[telemetry]`` section.
        stream: where to; standard error when None.
    """
    level = _LEVELS[settings.log_level]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    _quieten_uvicorn(max(level, logging.INFO))
    logging.captureWarnings(capture=True)
    warnings.formatwarning = _warning_line


def event(
    logger: logging.Logger, level: int, what: str, fields: Mapping[str, Value], error: BaseException | None = None
) -> None:
    """Log an event.

    Args:
        logger: the module's logger.
        level: a level of ``logging``.
        what: what happened, in words that are always the same.
        fields: what it happened to. Fields that are None or "" are left out.
        error: why.
    """
    if logger.isEnabledFor(level):
        logger.log(level, what, extra={"fields": fields}, exc_info=error)


class JsonLines(logging.Formatter):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See the base class."""
        return _safe(msgspec.json.encode(_content(record)).decode())


class TextLines(logging.Formatter):
    """A line to read on a terminal: time, level, event, then ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """See the base class."""
        content = _content(record)
        time, level, what = (str(content.pop(name)) for name in ("time", "level", "event"))
        pairs = (f"{key}={_shown(value)}" for key, value in content.items())
        return _safe(" ".join([time, f"{level:<7}", what, *pairs]))


def places(error: BaseException) -> list[str]:
    """Where an exception passed, outermost first: ``module:line function``. Reads no variable's value."""
    found = []
    frame: types.TracebackType | None = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        module = frame.tb_frame.f_globals.get("__name__", "?")
        found.append(f"{module}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return found[-_PLACES:]


def told(error: BaseException) -> str:
    """An exception in words that hold nobody's text."""
    if isinstance(error, TOLD):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, str(error.errno))
    return ""


def _content(record: logging.LogRecord) -> dict[str, Value]:
    content: dict[str, Value] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event": _message(record),
        "logger": record.name,
    }
    fields = getattr(record, "fields", None)
    if isinstance(fields, Mapping):
        content |= {_text(str(key)): _clean(value) for key, value in fields.items() if value not in (None, "")}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        content |= _error_fields(error)
    return content


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit their format
        text = str(record.msg)
    if record.exc_info:
        # Further lines hold the exception as text, as asyncio writes it.
        text = text.partition("\n")[0]
    return _text(text)


def _error_fields(error: BaseException) -> dict[str, Value]:
    fields: dict[str, Value] = {"error": type(error).__name__}
    if message := told(error):
        fields["message"] = _text(message)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        fields["cause"] = type(cause).__name__
    fields["at"] = places(error)
    return fields


def _clean(value: object) -> Value:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_text(str(one)) for one in value]
    return _text(str(value))


def _text(text: str) -> str:
    return _SECRET.sub(r"\1[redacted]", text[:_LONGEST]).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _shown(value: Value) -> str:
    if isinstance(value, list):
        return "[" + " < ".join(reversed(value)) + "]"
    text = str(value)
    return msgspec.json.encode(text).decode() if not text or re.search(r"[\s\"=]", text) else text


def _safe(line: str) -> str:
    return _UNSAFE.sub(_escape, line)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x10000:
        return f"\\u{number:04x}"
    above = number - 0x10000
    return f"\\u{0xD800 + (above >> 10):04x}\\u{0xDC00 + (above & 0x3FF):04x}"


def _quieten_uvicorn(level: int) -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
        logger.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = True
    error = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _ToldBefore) for one in error.filters):
        error.addFilter(_ToldBefore())


class _ToldBefore(logging.Filter):
    """Leaves out exceptions that have been logged with their request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See the base class."""
        error = record.exc_info[1] if record.exc_info else None
        return error is None or not was_logged(error)


def mark_logged(error: BaseException) -> None:
    """Note on an exception that it has been logged, so that nobody logs it again."""
    error.__dict__["ragpress_logged"] = True


def was_logged(error: BaseException) -> bool:
    """Whether an exception has been logged."""
    return bool(error.__dict__.get("ragpress_logged"))


def _warning_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    del line, filename
    return f"{category.__name__} at line {lineno}: {message}"
