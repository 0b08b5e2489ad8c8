"""Shadow replays: recent questions are asked again on the release before and after a publish; no caller sees it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from evaluation.subjects import Subject
from feedback.loop.desk import Desk
from feedback.loop.signals import asked
from index.findings import Cause, LoopEvent
from retrieval.access import principal_of
from serving.journal.answers import AnswerQuery
from serving.journal.records import AnswerRecord
from serving.types import Answer, Question

_LOOKED_AT = 20


class Replays(msgspec.Struct, frozen=True):
    """What became of recent questions: how many were asked, are answered worse, are answered better."""

    count: int
    worse: int
    better: int


def replay_recent(desk: Desk, event: LoopEvent, before: str, after: str) -> Replays:
    """Ask the last distinct questions of the journal on two releases.

    Those of the repaired cases are left out, as they are meant to change; so are those that were answered from a
    planted document that the repairs took out.

    Args:
        desk: the round.
        event: the publication.
        before: release id.
        after: release id.

    Raises:
        RagpressError: a release cannot be opened.
    """
    old, new = desk.bench.subject(before), desk.bench.subject(after)
    count = worse = better = 0
    for record in _recent(desk, event):
        if desk.stop() or not desk.may_ask:
            break
        first, second = (_standing(_ask(desk, subject, record)) for subject in (old, new))
        count += 1
        worse += second < first
        better += second > first
    return Replays(count, worse, better)


def _recent(desk: Desk, event: LoopEvent) -> Iterator[AnswerRecord]:
    wanted = desk.settings.shadow_replays
    findings = [desk.state.findings[name] for name in event.findings if name in desk.state.findings]
    known = {asked(finding.question) for finding in findings}
    planted = {
        blamed.source
        for finding in findings
        if finding.cause is Cause.POISONED_DOCUMENT
        for blamed in finding.documents
    }
    query = AnswerQuery(collection=desk.bench.collection, limit=wanted * _LOOKED_AT)
    for record in desk.bench.journal.answers(query):
        name = asked(record.question)
        if not wanted:
            return
        if record.status != "complete" or record.answer is None or name in known:
            continue
        if any(citation.source in planted for citation in record.answer.citations):
            continue
        known.add(name)
        wanted -= 1
        yield record


def _ask(desk: Desk, subject: Subject, record: AnswerRecord) -> Answer:
    question = Question(
        text=record.question,
        history=record.history,
        caller=principal_of(record.groups),
        where=record.where,
        k=record.k,
        id=record.id,
    )
    return desk.bench.ask(subject, question)


def _standing(answer: Answer) -> int:
    """How an answer stands: 0 it abstains, 1 a check failed, 2 it is supported."""
    if answer.abstained:
        return 0
    failed = bool(answer.removed_citations) or not all(sentence.supported for sentence in answer.sentences)
    return 1 if failed else 2
