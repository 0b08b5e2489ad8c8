"""What folding needs of the journals: all feedback, and of every answer who asked what and how it went.

Both are kept as Arrow tables from one look to the next, so a look reads only what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
import pyarrow as pa

from evaluation.cases.folding import fold
from ragpress.fingerprint import digest
from serving.evidence.sentences import without_citations
from serving.journal.problems import problem_id
from serving.journal.records import FeedbackRecord
from serving.overview.kept import FactKind
from serving.types import Turn

_LONGEST_WORDS = 1000
_WORDS = pa.list_(pa.string())
_SAID_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("id", pa.string()),
    ("at", pa.string()),
    ("answer_id", pa.string()),
    ("collection", pa.string()),
    ("release", pa.string()),
    ("key", pa.string()),
    ("via", pa.string()),
    ("rating", pa.string()),
    ("comment", pa.string()),
    ("correction", pa.string()),
    ("expected_sources", _WORDS),
)
SAID = pa.schema(list(_SAID_FIELDS))
"""One row for each feedback, fields as of :class:`~serving.journal.records.FeedbackRecord`."""

ASKED = pa.schema(
    [
        ("id", pa.string()),
        ("at", pa.float64()),
        ("collection", pa.string()),
        ("release", pa.string()),
        ("status", pa.string()),
        ("key", pa.string()),
        ("via", pa.string()),
        ("groups", _WORDS),
        ("question", pa.string()),
        ("turns", pa.string()),
        ("problem", pa.string()),
        ("text", pa.string()),
        ("words", pa.string()),
        ("length", pa.int32()),
        ("abstained", pa.bool_()),
        ("evidence", pa.float64()),
        ("failed", pa.int32()),
    ]
)
"""One row for each answer with a question; see :class:`Asked`."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as far as folding looks at it.

    Attributes:
        id: the answer.
        at: seconds since the epoch at which the question came.
        collection: the collection.
        release: the release that made it.
        status: ``complete``, ``failed`` or ``cancelled``.
        key: id of the API key.
        via: how it came.
        groups: groups of the caller; None for an operator.
        question: as typed.
        turns: earlier turns as JSON; "" where there are none.
        problem: id of the problem that it belongs to.
        text: digest of the folded text that was sent: equal for the same text.
        words: that text without citation marks; "" where it is long: nobody would take it for a reference.
        length: code points of the text that was sent.
        abstained: whether it says that the documents do not tell.
        evidence: how well the passages bore on the question (0..1).
        failed: citations that do not exist and sentences that no cited passage supports.
    """

    id: str
    at: float
    collection: str
    release: str
    status: str
    key: str
    via: str
    groups: tuple[str, ...] | None
    question: str
    turns: str
    problem: str
    text: str
    words: str
    length: int
    abstained: bool
    evidence: float
    failed: int

    @property
    def history(self) -> tuple[Turn, ...]:
        """The earlier turns."""
        return turns_of(self.turns)

    @property
    def scope(self) -> tuple[str, ...]:
        """Equal for answers of callers who may read the same, after the same turns."""
        groups = ("operator",) if self.groups is None else ("groups", *sorted(set(self.groups)))
        return (*groups, self.turns)


class _Check(msgspec.Struct, frozen=True):
    supported: bool


class _Answer(msgspec.Struct, frozen=True):
    abstained: bool
    evidence: float = 0.0
    sentences: tuple[_Check, ...] = ()
    removed_citations: tuple[int, ...] = ()


class AskedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is decoded of an answer's record: its passages are skipped."""

    id: str
    at: str
    collection: str
    release: str
    status: str
    key: str = ""
    groups: tuple[str, ...] | None = None
    via: str = "http"
    question: str = ""
    history: tuple[Turn, ...] = ()
    text: str = ""
    answer: _Answer | None = None


def said_table(records: Iterable[FeedbackRecord]) -> pa.Table:
    """Feedback as a table of schema :data:`SAID`."""
    rows = list(records)
    columns = [pa.array([getattr(row, name) for row in rows], kind) for name, kind in _SAID_FIELDS]
    return pa.table(columns, schema=SAID)


def asked_table(records: Iterable[AskedRecord]) -> pa.Table:
    """Answers as a table of schema :data:`ASKED`; those whose question is not in the journal are left out."""
    rows = [asked_of(record) for record in records if record.question.strip()]
    columns = [pa.array([getattr(row, field.name) for row in rows], field.type) for field in ASKED]
    return pa.table(columns, schema=ASKED)


def asked_of(record: AskedRecord) -> Asked:
    """The facts of an answer's record."""
    answer = record.answer
    failed = 0
    if answer is not None:
        failed = len(answer.removed_citations) + sum(not check.supported for check in answer.sentences)
    return Asked(
        id=record.id,
        at=seconds_of(record.at),
        collection=record.collection,
        release=record.release,
        status=record.status,
        key=record.key,
        via=record.via,
        groups=record.groups,
        question=record.question,
        turns=msgspec.json.encode(record.history).decode() if record.history else "",
        problem=problem_id(record.collection, record.question, record.groups, record.history),
        text=text_digest(record.text),
        words=without_citations(record.text) if len(record.text) <= _LONGEST_WORDS else "",
        length=len(record.text),
        abstained=answer is not None and answer.abstained,
        evidence=0.0 if answer is None else answer.evidence,
        failed=failed,
    )


def said_rows(table: pa.Table) -> list[FeedbackRecord]:
    """The records of a table of schema :data:`SAID`."""
    columns = [table[name].to_pylist() for name, _ in _SAID_FIELDS]
    names = [name for name, _ in _SAID_FIELDS[:-1]]
    return [
        FeedbackRecord(**dict(zip(names, row, strict=True)), expected_sources=tuple(sources))
        for *row, sources in zip(*columns, strict=True)
    ]


def asked_rows(table: pa.Table) -> list[Asked]:
    """The rows of a table of schema :data:`ASKED`."""
    names = [field.name for field in ASKED]
    columns = [table[name].to_pylist() for name in names]
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return [Asked(**{**row, "groups": None if row["groups"] is None else tuple(row["groups"])}) for row in rows]


def text_digest(text: str) -> str:
    """Equal for texts that say the same but for citation marks, white space, width and case."""
    return digest("answer text", fold(without_citations(text))).hex()


def seconds_of(at: str) -> float:
    """Seconds since the epoch of an ISO time; UTC where it names no zone, 0 for what is no time."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def time_of(seconds: float) -> str:
    """The ISO time (UTC, milliseconds) of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1024)
def turns_of(turns: str) -> tuple[Turn, ...]:
    """Turns from their JSON."""
    return msgspec.json.decode(turns, type=tuple[Turn, ...]) if turns else ()


def by_id(rows: Sequence[Asked]) -> dict[str, Asked]:
    """Answers by their id."""
    return {row.id: row for row in rows}


SAID_FACTS = FactKind("said", SAID, FeedbackRecord, said_table)
ASKED_FACTS = FactKind("asked", ASKED, AskedRecord, asked_table)
