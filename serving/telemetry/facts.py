"""What is known of the request that is being handled: for its log line, and for what is logged on its way."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec


class RequestFacts(msgspec.Struct):
    """What is known of a request.

    Attributes:
        id: request id: the caller's own ``X-Request-Id`` where it is a plain word, else a random one.
        began: seconds of ``time.perf_counter``.
        status: status of the response; 0 before it began.
        whole: whether the response went out to its end.
        answer: id of the answer that it made.
        collection: what was asked.
        release: what answered.
        outcome: how the answer ended.
    """

    id: str
    began: float
    status: int = 0
    whole: bool = False
    answer: str = ""
    collection: str = ""
    release: str = ""
    outcome: str = ""


request_facts: ContextVar[RequestFacts | None] = ContextVar("ragpress_request", default=None)
"""The request that is being handled in this context."""
