"""Errors as OpenAI's API words them: ``{"error": {"message", "type", "code", "param"}}``.

Every error of an endpoint is an :class:`ApiError`, or an exception that :func:`api_error` turns into one. What a
caller is told holds no address of a server, no path of this machine and no text of a document; the log has it all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
from pydantic import BaseModel, Field

from ragpress import errors
from serving.server import closing

ErrorType: TypeAlias = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "server_error",
]

RETRY_SECONDS = 1.0

STOPPING = "ServiceStopping"
"""What the journal calls an answer that the service's end cut off."""


class ErrorDetail(BaseModel):
    """What went wrong.

    Attributes:
        message: for a person: what was expected, what was found, what to do.
        type: the family of the error.
        code: for a program.
        param: the field of the request that is at fault.
    """

    message: str = Field(description="For a person: what was expected, what was found, what to do.")
    type: ErrorType = Field(description="The family of the error.")
    code: str | None = Field(default=None, description="For a program.")
    param: str | None = Field(default=None, description="The field of the request that is at fault.")


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class ApiError(Exception):
    """An error for the caller.

    Args:
        status: HTTP status.
        message: for a person.
        kind: the family.
        code: for a program.
        param: the field at fault.
        retry_after: seconds after which the same request may succeed; None when it will not.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: ErrorType = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(message=message, type=kind, code=code, param=param)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer. ``Retry-After`` is in whole seconds, at least 1; a 401 names the way to a key."""
        headers = {"WWW-Authenticate": 'Bearer realm="ragpress"'} if self.status == 401 else {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        return headers

    def for_caller(self, left: Mapping[str, str]) -> dict[str, str]:
        """The same with what is left of the caller's limits, where it is asked to come back later."""
        return {**self.headers, **left} if self.status == 429 else self.headers

    def body(self) -> ErrorBody:
        """The body of the answer, and the ``data`` of an error event in a stream."""
        return ErrorBody(error=self.detail)


class _Rule(msgspec.Struct, frozen=True):
    """How one family of exceptions is told. ``message`` None tells the exception's own."""

    error: type[Exception]
    status: int
    kind: ErrorType
    code: str
    message: str | None = None
    retries: bool = False


_RULES = (
    _Rule(errors.UsageError, 400, "invalid_request_error", "invalid_value"),
    _Rule(errors.ReleaseError, 404, "not_found_error", "model_not_found"),
    _Rule(errors.GateRefusedError, 409, "invalid_request_error", "gate_refused"),
    _Rule(errors.GeneratorBusyError, 429, "rate_limit_error", "generator_busy", "The model is busy. Try again.", True),
    _Rule(
        errors.GeneratorUnavailableError,
        503,
        "server_error",
        "generator_unavailable",
        "The model that writes answers cannot be reached at the moment. Try again later.",
        True,
    ),
    _Rule(
        errors.GeneratorTimeoutError,
        504,
        "server_error",
        "generator_timeout",
        "The model that writes answers took too long. Try again later.",
        True,
    ),
    _Rule(
        errors.GeneratorProtocolError,
        502,
        "server_error",
        "generator_protocol",
        "The model that writes answers sent something unreadable, or broke off. Try again.",
        True,
    ),
    _Rule(
        errors.GeneratorRefusedError,
        502,
        "server_error",
        "generator_refused",
        "The model that writes answers refused the request: the service is set up wrongly. Tell its operator.",
    ),
    _Rule(
        errors.GeneratorError, 502, "server_error", "generator_failed", "The model that writes answers failed.", True
    ),
    _Rule(errors.ServiceFullError, 429, "rate_limit_error", "service_full", retries=True),
    _Rule(
        errors.WriterBusyError,
        409,
        "invalid_request_error",
        "writer_busy",
        "The collection is being changed by somebody else. Try again when they are done.",
        True,
    ),
    _Rule(
        errors.ConflictError,
        409,
        "invalid_request_error",
        "conflict",
        "Another release went live meanwhile. Look at what is live, then try again.",
    ),
    _Rule(
        errors.StorageError,
        503,
        "server_error",
        "storage_unavailable",
        "The service cannot read or write its data at the moment. Tell its operator.",
        True,
    ),
    _Rule(
        errors.RagpressError,
        500,
        "server_error",
        "internal_error",
        "The service failed. Tell its operator the answer's id.",
    ),
)


def api_error(error: Exception) -> ApiError:
    """What a caller is told of an exception."""
    if isinstance(error, ApiError):
        return error
    for rule in _RULES:
        if isinstance(error, rule.error):
            return ApiError(
                rule.status,
                rule.message or str(error),
                kind=rule.kind,
                code=rule.code,
                retry_after=_retry_after(error) if rule.retries else None,
            )
    return ApiError(500, "The service failed. Tell its operator.", kind="server_error", code="internal_error")


def error_code(kind: str) -> str:
    """The code that callers were told of an exception, by the name of its class."""
    known = getattr(errors, kind, None)
    if isinstance(known, type):
        for rule in _RULES:
            if issubclass(known, rule.error):
                return rule.code
    return closing.CODE if kind == STOPPING else "internal_error"


def responses(*statuses: int) -> Mapping[int | str, dict[str, object]]:
    """The error answers of an endpoint for its OpenAPI description.

    An endpoint that needs a key (401) also turns away who sends too many wrong ones (429), and everybody while the
    keys cannot be read (503).
    """
    told = {*statuses, 429, 503} if 401 in statuses else set(statuses)
    return {status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]} for status in sorted(told)}


_DESCRIPTIONS = {
    400: "The request is wrong.",
    401: "No API key, or one that does not exist.",
    403: "The key has not the role that this needs.",
    404: "There is no such thing, or the caller may not see it.",
    405: "The method is not allowed here.",
    408: "The body came too slowly.",
    409: "It is not possible in the present state.",
    411: "The body has no known length.",
    413: "The body is too large.",
    415: "The body is of the wrong type.",
    421: "The service is not called by this host name.",
    429: "Too many requests, or too many tokens, in this minute; or the service is full.",
    431: "The head of the request is too large.",
    500: "The service failed.",
    502: "The model that writes answers failed.",
    503: "The service cannot answer at the moment.",
    504: "The model that writes answers took too long.",
    507: "The disk of the service is full.",
}


def _retry_after(error: Exception) -> float:
    after = getattr(error, "retry_after", None)
    return RETRY_SECONDS if after is None else float(after)
