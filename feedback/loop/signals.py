"""What users and checks said of the answers of releases: thumbs, abstentions, citations that failed their check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from feedback.workbench import Workbench
from index.findings import LoopEvent
from ragpress.storage.journal_entry import RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.record_ids import TIME_DIGITS, first_id_at
from serving.journal.answers import ANSWERS, FEEDBACK
from serving.journal.codec import describe_answer, describe_feedback

_MOST = 2000
_DAYS = timedelta(days=30)
_NUMBER = re.compile(r"r(\d+)-")


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one answer, of the last one where a caller asked the same again.

    Attributes:
        question: as typed, white space and case apart.
        key: id of the API key that asked; "" without keys.
        release: the release that made it.
        down: whether it got a thumbs-down, or a correction.
        abstained: whether it says that the documents do not answer.
        unsupported: whether a sentence or a citation of it failed its check.
    """

    question: str
    key: str
    release: str
    down: bool
    abstained: bool
    unsupported: bool


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers: asked at ``since`` or later and before ``until``, by releases of these numbers.

    Attributes:
        since: the least id of a record that counts; ids sort by time.
        until: the least id that does not any more; "" for no end.
        lowest: the lowest number of a release.
        highest: the highest one; None for no bound.
        without: releases that do not count.
        only: the only release that counts; "" for all.
    """

    since: str
    until: str = ""
    lowest: int = 0
    highest: int | None = None
    without: frozenset[str] = frozenset()
    only: str = ""

    def takes(self, release: str) -> bool:
        """Whether answers of a release count."""
        if self.only:
            return release == self.only
        number = number_of(release)
        return release not in self.without and self.lowest <= number and (self.highest is None or number < self.highest)


class _Sentence(msgspec.Struct):
    supported: bool = True


class _Answer(msgspec.Struct):
    abstained: bool = False
    sentences: tuple[_Sentence, ...] = ()
    removed_citations: tuple[int, ...] = ()


class _Record(msgspec.Struct):
    id: str
    release: str
    status: str
    key: str = ""
    question: str = ""
    answer: _Answer | None = None


class _Feedback(msgspec.Struct):
    id: str
    answer_id: str
    rating: str | None = None
    correction: str = ""


_record = msgspec.json.Decoder(_Record)
_feedback = msgspec.json.Decoder(_Feedback)


def before(event: LoopEvent, without: frozenset[str]) -> Span:
    """The answers before a publication, of the last 30 days."""
    published = datetime.fromtimestamp(int(event.id[:TIME_DIGITS], 16) / 1_000_000, UTC)
    return Span(since=first_id_at(published - _DAYS), until=event.id, without=without)


def answers_seen(bench: Workbench, span: Span) -> tuple[Seen, ...]:
    """The complete answers of a span in the order of their time, each key's question once; at most 2,000.

    The newest are taken of an open span's past, the oldest where it has no end: a watch looks at what came first.

    Raises:
        StorageError: a journal cannot be read.
    """
    records = _records(bench, span)
    downs = _downs(bench, span)
    latest: dict[tuple[str, str, str], tuple[int, _Record]] = {}
    for number, record in enumerate(records):
        # Without keys nobody can tell whether the same one asks again.
        who = record.key or record.id
        latest[who, asked(record.question), record.release] = (number, record)
    kept = [record for _, record in sorted(latest.values(), key=lambda pair: pair[0])]
    kept = kept[-_MOST:] if span.until else kept[:_MOST]
    return tuple(_seen(record, record.id in downs) for record in kept)


def asked(question: str) -> str:
    """A question as it is compared: white space and case apart."""
    return " ".join(question.split()).casefold()


def number_of(release: str) -> int:
    """Position of a release in its collection's history; -1 for what is no release's id."""
    match = _NUMBER.match(release)
    return int(match[1]) if match else -1


def callers_of_downs(seen: Iterable[Seen]) -> int:
    """How many different callers gave thumbs down."""
    return len({one.key for one in seen if one.down})


def _records(bench: Workbench, span: Span) -> list[_Record]:
    reader = JournalReader(bench.environment.journal(ANSWERS), describe_answer)
    limit = 2 * _MOST if span.until else None
    query = RecordQuery(collection=bench.collection, statuses=("complete",), since=span.since)
    lines = (record for record in reader.select(query) if not span.until or record.entry.id < span.until)
    chosen = [record.line for record in lines if span.takes(record.entry.release)][:limit]
    return [_record.decode(line) for line in reversed(chosen)]


def _downs(bench: Workbench, span: Span) -> frozenset[str]:
    """Ids of the answers whose last word is a thumbs-down or a correction."""
    reader = JournalReader(bench.environment.journal(FEEDBACK), describe_feedback)
    found = reader.select(RecordQuery(collection=bench.collection, since=span.since))
    last: dict[str, bool] = {}
    for record in found:
        said = _feedback.decode(record.line)
        if said.rating is not None or said.correction:
            last.setdefault(said.answer_id, said.rating == "down" or (said.rating is None and bool(said.correction)))
    return frozenset(answer for answer, is_down in last.items() if is_down)


def _seen(record: _Record, down: bool) -> Seen:
    answer = record.answer or _Answer()
    failed = bool(answer.removed_citations) or any(not sentence.supported for sentence in answer.sentences)
    return Seen(
        question=asked(record.question),
        key=record.key,
        release=record.release,
        down=down,
        abstained=answer.abstained,
        unsupported=failed and not answer.abstained,
    )


def without_questions(seen: Sequence[Seen], questions: frozenset[str]) -> list[Seen]:
    """Those that are not about some questions."""
    return [one for one in seen if one.question not in questions]
