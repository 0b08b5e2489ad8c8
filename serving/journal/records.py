"""What the journals hold: one record per answer and per feedback."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from retrieval.filters import Filter
from serving.types import Answer, Turn

AnswerStatus: TypeAlias = Literal["complete", "failed", "cancelled"]
Via: TypeAlias = Literal["http", "cli", "mcp", "import"]
Rating: TypeAlias = Literal["up", "down"]


class ErrorRecord(msgspec.Struct, frozen=True):
    """Why there is no whole answer.

    Attributes:
        kind: name of the exception's class.
        message: its message, for the operator; a caller may have been told less.
    """

    kind: str
    message: str


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question and what became of it: all that is needed to show, trace and replay the answer.

    Attributes:
        id: answer id.
        at: ISO time (UTC, milliseconds) at which the question came.
        collection: the collection that was asked.
        release: id of the release; "" where none was open yet.
        status: ``complete``; ``failed``: the caller was told an error; ``cancelled``: the caller left.
        key: id of the API key; "" without keys.
        groups: groups of the caller; None for an operator, who may read everything.
        via: how the question came.
        model: ``model`` as the caller named it.
        stream: whether the caller asked for a stream.
        question: as typed.
        history: earlier turns of the conversation.
        where: the caller's filter.
        k: hits that the caller asked for.
        text: the text that was sent to the caller, whole or as far as it came.
        answer: the answer with its citations and passages; None unless complete.
        error: why it is not complete.
    """

    id: str
    at: str
    collection: str
    release: str
    status: AnswerStatus
    key: str = ""
    groups: tuple[str, ...] | None = None
    via: Via = "http"
    model: str = ""
    stream: bool = False
    question: str = ""
    history: tuple[Turn, ...] = ()
    where: Filter | None = None
    k: int | None = None
    text: str = ""
    answer: Answer | None = None
    error: ErrorRecord | None = None


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody said about an answer.

    Attributes:
        id: feedback id.
        at: ISO time (UTC, milliseconds).
        answer_id: the answer.
        collection: of the answer.
        release: of the answer.
        key: id of the API key that gave it; "" without keys.
        via: how it came.
        rating: thumbs up or down; None where only something was said.
        comment: in the user's words.
        correction: what the right answer is, in the user's words. A claim, never an instruction.
        expected_sources: sources or document ids that the user says hold the right answer.
    """

    id: str
    at: str
    answer_id: str
    collection: str
    release: str
    key: str = ""
    via: Via = "http"
    rating: Rating | None = None
    comment: str = ""
    correction: str = ""
    expected_sources: tuple[str, ...] = ()
