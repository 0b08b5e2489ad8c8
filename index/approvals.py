"""A person's word on a finding: let what it proposes through, or not. It is recorded; the worker acts on it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from index.environment import Environment
from index.findings import EventKind, Finding, FindingState, LoopEvent, iso, record_event
from index.repairs.records import MissingDocument

Word: TypeAlias = Literal["approve", "reject"]

_RESULTS: dict[Word, tuple[EventKind, FindingState]] = {
    "approve": ("approved", "approved"),
    "reject": ("rejected", "rejected"),
}
_TEXTS = {
    ("approve", "en"): "{by} let through what is proposed for “{question}”{reason}.",
    ("reject", "en"): "{by} rejected what is proposed for “{question}”{reason}.",
    ("approve", "zh"): "{by} 批准了针对“{question}”的修复{reason}。",
    ("reject", "zh"): "{by} 否决了针对“{question}”的修复{reason}。",
}
_QUESTION = 120


def undecidable(finding: Finding, state: FindingState, word: Word) -> str:
    """Why a person cannot say that of a finding, in words; "" where it can be said.

    Args:
        finding: the finding.
        state: what became of it.
        word: what the person wants to say.
    """
    if state == "published":
        return "Its repairs are live already. To go back: ragpress releases rollback, or ragpress repair revert"
    if word == "reject":
        return ""
    if not finding.repairs:
        return "It proposes no repair, so there is nothing to approve."
    if all(isinstance(repair, MissingDocument) for repair in finding.repairs):
        return "It asks for a document, which only a person can add: put it into a source folder, or upload it."
    return ""


def decide(environment: Environment, finding: Finding, word: Word, by: str, reason: str) -> FindingState:
    """Record a person's word; returns what the finding is from now on.

    Args:
        environment: the outside.
        finding: the finding; see :func:`undecidable` first.
        word: what the person says.
        by: who.
        reason: why, in one line; may be "".

    Raises:
        StorageError: the disk is full or refuses.
    """
    kind, state = _RESULTS[word]
    settings = environment.workspace.collection(finding.collection).loop
    question = finding.question if len(finding.question) <= _QUESTION else finding.question[: _QUESTION - 1] + "…"
    between = "：" if settings.language == "zh" else ": "
    said = f"{between}{reason.rstrip('.。')}" if reason else ""
    text = _TEXTS[word, settings.language].format(by=by, question=" ".join(question.split()), reason=said)
    at = iso(environment.now())
    event = LoopEvent(at=at, collection=finding.collection, kind=kind, text=text, findings=(finding.finding_id,), by=by)
    record_event(environment, event)
    return state
