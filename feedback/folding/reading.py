"""Reads what folding needs, and only what is new since the last look of the same workbench."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feedback.folding.callers import Callers
from feedback.folding.facts import ASKED_FACTS, SAID_FACTS, Asked, AskedRecord, asked_rows, said_rows, seconds_of
from feedback.folding.weak import ABANDONED, REPHRASED_SECONDS, WEAK_SECONDS
from feedback.records import BadCase
from feedback.workbench import Workbench
from serving.journal.answers import ANSWERS, FEEDBACK
from serving.journal.records import AnswerRecord, FeedbackRecord
from serving.overview.kept import KeptFacts


class Memory(msgspec.Struct, kw_only=True):
    """What was reckoned of records that never change, from one look to the next. It decides nothing but the cost.

    Attributes:
        doubts: by feedback, why it is set aside by itself.
        folded: by all that decides it, a problem as a bad case.
        answers: whole answers that were read last.
    """

    doubts: dict[str, str] = {}
    folded: dict[Hashable, BadCase] = {}
    answers: dict[str, AnswerRecord] = {}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the journals say of one collection.

    Attributes:
        said: all feedback, oldest first.
        asked: the answers that it is about, by id.
        weak: answers that show a weak signal of their own.
        later: what was asked soon after one of both with the same key.
        answered: by caller, the times (seconds, ascending) at which it was answered.
        callers: tells who said something.
        memory: what was reckoned before.
    """

    said: tuple[FeedbackRecord, ...]
    asked: dict[str, Asked]
    weak: tuple[Asked, ...]
    later: tuple[Asked, ...]
    answered: dict[str, list[float]]
    callers: Callers
    memory: Memory


class _Reader:
    """Keeps the facts of a workbench's journals from one look to the next."""

    def __init__(self, bench: Workbench) -> None:
        environment = bench.environment
        folder = environment.local / "cache" / "folding"
        self._collection = bench.collection
        self._said = KeptFacts(environment.journal(FEEDBACK), SAID_FACTS, folder)
        self._asked: KeptFacts[AskedRecord] = KeptFacts(environment.journal(ANSWERS), ASKED_FACTS, folder)
        self._records: dict[str, FeedbackRecord] = {}
        self._rows: dict[str, Asked] = {}
        self._memory = Memory()

    def facts(self, callers: Callers, oldest: float) -> Facts:
        """What the journals say now; weak signals of answers from a time on, in seconds since the epoch."""
        said = self._all_said()
        table = self._of_collection(self._asked.table())
        complained = pa.array({record.answer_id for record in said}, pa.string())
        weak = pc.and_(_weak_rows(table), pc.greater(table["at"], oldest))
        asked = {row.id: row for row in self._taken(table.filter(pc.is_in(table["id"], value_set=complained)))}
        near = self._taken(table.filter(weak))
        keys = {row.key for row in (*asked.values(), *near)}
        return Facts(
            said=said,
            asked=asked,
            weak=tuple(near),
            later=tuple(self._taken(table.filter(pa.array(_soon_after(table, [*asked.values(), *near]))))),
            answered=_answered(table, keys, callers),
            callers=callers,
            memory=self._memory,
        )

    def _all_said(self) -> tuple[FeedbackRecord, ...]:
        table = self._of_collection(self._said.table())
        ids = table["id"].to_pylist()
        if len(self._records) != len(ids) or not self._records.keys() >= set(ids):
            fresh = [at for at, name in enumerate(ids) if name not in self._records]
            found = {record.id: record for record in said_rows(table.take(fresh))}
            self._records = {name: found.get(name) or self._records[name] for name in sorted(set(ids))}
        return tuple(self._records.values())

    def _of_collection(self, table: pa.Table) -> pa.Table:
        return table.filter(pc.equal(table["collection"], self._collection))

    def _taken(self, table: pa.Table) -> list[Asked]:
        ids = table["id"].to_pylist()
        fresh = [at for at, name in enumerate(ids) if name not in self._rows]
        if fresh:
            self._rows |= {row.id: row for row in asked_rows(table.take(fresh))}
        return [self._rows[name] for name in dict.fromkeys(ids)]


_READERS: WeakKeyDictionary[Workbench, _Reader] = WeakKeyDictionary()


def read_facts(bench: Workbench) -> Facts:
    """What the journals say of a workbench's collection now.

    Raises:
        StorageError: a journal, or the keys, cannot be read.
    """
    reader = _READERS.get(bench)
    if reader is None:
        reader = _READERS[bench] = _Reader(bench)
    oldest = bench.environment.now().timestamp() - WEAK_SECONDS
    return reader.facts(Callers.of(bench.environment), oldest)


def _weak_rows(table: pa.Table) -> pa.ChunkedArray:
    """Which answers show a weak signal of their own; see :func:`feedback.folding.weak.is_weak`."""
    complete = pc.and_(
        pc.equal(table["status"], "complete"), pc.or_(table["abstained"], pc.greater(table["failed"], 0))
    )
    left = pc.and_(pc.equal(table["status"], "cancelled"), pc.greater_equal(table["length"], ABANDONED))
    return pc.or_(complete, left)


def _soon_after(table: pa.Table, rows: Sequence[Asked]) -> npt.NDArray[np.bool_]:
    found = np.zeros(table.num_rows, np.bool_)
    times = table["at"].to_numpy()
    keys = table["key"].to_pylist()
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(key, len(codes)) for key in keys], np.int64)
    moments_of: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        moments_of[row.key].append(row.at)
    order = np.lexsort((times, numbers))
    sorted_numbers = numbers[order]
    for key, known in moments_of.items():
        moments = np.sort(np.array(known))
        first, last = np.searchsorted(sorted_numbers, [codes[key], codes[key] + 1])
        own = order[first:last]
        before = np.searchsorted(moments, times[own]) - 1
        near = (before >= 0) & (times[own] - moments[np.maximum(before, 0)] <= REPHRASED_SECONDS)
        found[own[near]] = True
    return found


def _answered(table: pa.Table, keys: set[str], callers: Callers) -> dict[str, list[float]]:
    known = table.select(["key", "via", "at"]).filter(pc.is_in(table["key"], value_set=pa.array(keys, pa.string())))
    by_caller: dict[str, list[float]] = defaultdict(list)
    columns: Iterable[tuple[str, str, float]] = zip(
        *(known[name].to_pylist() for name in ("key", "via", "at")), strict=True
    )
    for key, via, at in columns:
        by_caller[callers.voice(key, via).name].append(at)
    return {name: sorted(times) for name, times in by_caller.items()}


def given_at(record: FeedbackRecord) -> float:
    """Seconds since the epoch at which a feedback was given."""
    return seconds_of(record.at)
