"""Rows of one open release by position: what ordering, hits and contexts read, without a table scan."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from index.opened import OpenRelease
from index.row_filter import RowFilter
from index.segment import Segment
from ragpress.types import AuditMark
from retrieval.cache import LruCache
from retrieval.hits import Copy, Hit, Place, Ranking, StageScore
from retrieval.scripts import Scripts
from retrieval.shingles import Shingles, shingle_set

_HIT_COLUMNS = ("chunk_id", "document_id", "source", "title", "page", "start", "end", "text")
_KEY = np.dtype("V16")
_NO_MARKS = "[]"
OUTDATED = "outdated"
# Shingles of the rows found last; those of a chunk take about 10 KB.
_SHINGLED = 2048


class SegmentRows:
    """Chunk rows of one segment.

    Args:
        segment: the segment; its chunk table is a list of record batches, each found by bisection.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        chunks = segment.chunks
        self._columns = {name: chunks[name].chunks for name in chunks.column_names}
        self._firsts = [0, *accumulate(len(batch) for batch in self._columns["start"])]

    def value(self, row: int, column: str) -> Any:
        """One cell as a Python value."""
        batch = bisect_right(self._firsts, row) - 1
        return self._columns[column][batch][row - self._firsts[batch]].as_py()

    @cached_property
    def text_keys(self) -> npt.NDArray[np.void]:
        """The embedding key (16 bytes) of every row: read for every candidate of a search."""
        column = pa.concat_arrays(self._columns["text_key"]) if len(self._segment.chunks) else None
        if column is None:
            return np.empty(0, _KEY)
        return np.frombuffer(column.buffers()[1], _KEY, len(column), column.offset * _KEY.itemsize)

    def version_text(self, document_id: str) -> str:
        """The text of a document's version, to which all of its spans refer."""
        position = self._segment.version_positions[document_id]
        text: str = self._segment.versions["text"][position].as_py()
        return text


class ReleaseRows:
    """Chunk rows of one open release.

    Args:
        release: the release.
    """

    def __init__(self, release: OpenRelease) -> None:
        self._release = release
        self._segments: dict[int, SegmentRows] = {}
        self._shingled: LruCache[Shingles] = LruCache(_SHINGLED)

    def load(self) -> None:
        """Open what contexts and hits read beside what a search itself reads."""
        for segment in self._release.segments.values():
            segment.version_positions  # noqa: B018 - opens it
        for number in self._release.segments:
            self.segment(number).text_keys  # noqa: B018 - opens it
        self._marks  # noqa: B018 - opens it

    def segment(self, number: int) -> SegmentRows:
        """One segment's rows."""
        if number not in self._segments:
            self._segments[number] = SegmentRows(self._release.segments[number])
        return self._segments[number]

    def value(self, place: Place, column: str) -> Any:
        """One cell as a Python value."""
        return self.segment(place[0]).value(place[1], column)

    def text_key(self, place: Place) -> bytes:
        """A row's embedding key: equal for equal texts."""
        key: bytes = self.segment(place[0]).text_keys[place[1]].tobytes()
        return key

    def count(self, segment: int) -> int:
        """Number of rows of a segment, deleted ones included."""
        return self._release.segments[segment].record.rows

    def version_text(self, place: Place) -> str:
        """The text of the version that a row was cut from; all spans refer to it."""
        return self.segment(place[0]).version_text(self.value(place, "document_id"))

    def shingled(self, place: Place) -> Shingles:
        """The word shingles of a row's text."""
        found = self._shingled.get(place)
        if found is None:
            found = shingle_set(self.value(place, "text"))
            self._shingled.put(place, found)
        return found

    def ordered(self, found: Iterable[tuple[Place, float]]) -> Ranking:
        """Rows by score, descending; equal scores by source and place in the document, whatever the layout."""
        ranking: Ranking = []
        # Most scores are distinct: only the others need a look at their rows.
        for _, equal in groupby(sorted(found, key=itemgetter(1), reverse=True), itemgetter(1)):
            tied = list(equal)
            ranking += tied if len(tied) == 1 else sorted(tied, key=self._position)
        return ranking

    def _position(self, scored: tuple[Place, float]) -> tuple[str, int]:
        return self.value(scored[0], "source"), self.value(scored[0], "start")

    def hit(
        self,
        rank: int,
        scored: tuple[Place, float],
        stages: dict[str, StageScore],
        copies: Iterable[Place],
        scope: RowFilter,
    ) -> Hit:
        """A row as a hit.

        Args:
            rank: from 1.
            scored: the row and its fused score.
            stages: what each stage said of it.
            copies: rows it stands for as well.
            scope: what the caller may find: marks that tell of other documents are left out.
        """
        place, score = scored
        fields = {name: self.value(place, name) for name in _HIT_COLUMNS}
        return Hit(
            rank=rank,
            heading=tuple(self.value(place, "heading")),
            score=score,
            stages=stages,
            copies=tuple(self.copy(other) for other in copies),
            marks=self.marks(fields["document_id"], scope),
            **fields,
        )

    def copy(self, place: Place) -> Copy:
        """A row as a copy of another."""
        return Copy(*(self.value(place, name) for name in ("chunk_id", "document_id", "source")))

    def marks(self, document_id: str, scope: RowFilter) -> tuple[str, ...]:
        """Names of the audit marks on a document, sorted.

        A mark that comes of another document (a newer edition, a copy) is left out where the caller may not read that
        one: it would tell that there is one.
        """
        marks = self._marks.get(document_id, ())
        readable = scope.readable or scope
        return tuple(sorted({mark.name for mark in marks if mark.shows(readable)}))

    def outdated(self, place: Place, scope: RowFilter) -> bool:
        """Whether a newer document that the caller may read takes the place of a row's."""
        return OUTDATED in self.marks(self.value(place, "document_id"), scope)

    @cached_property
    def scripts(self) -> Scripts:
        """The rows by writing system."""
        return Scripts(self._release)

    @cached_property
    def _marks(self) -> dict[str, tuple[_Mark, ...]]:
        table = self._release.documents
        bare = pc.and_(pc.equal(table["marks"], _NO_MARKS), pc.equal(table["relations"], _NO_MARKS))
        found = {
            row["document_id"]: [mark for name in ("marks", "relations") for mark in _decoded(row[name])]
            for row in _rows(table.filter(pc.invert(bare)).select(["document_id", "marks", "relations"]))
        }
        places = self._first_rows({other for marks in found.values() for mark in marks for other in mark.related})
        return {name: tuple(_Mark.of(mark, places) for mark in marks) for name, marks in found.items()}

    def _first_rows(self, documents: set[str]) -> dict[str, Place]:
        """The first row of each document that has any."""
        table = self._release.documents.select(["document_id", "segment", "first_row", "chunks"])
        wanted = pc.is_in(table["document_id"], pa.array(sorted(documents), pa.string()))
        rows = _rows(table.filter(pc.and_(wanted, pc.greater(table["chunks"], 0))))
        return {row["document_id"]: (row["segment"], row["first_row"]) for row in rows}


class _Mark(msgspec.Struct, frozen=True):
    """An audit mark; ``related`` are first rows of the documents it comes of, None where it comes of no other."""

    name: str
    related: tuple[Place, ...] | None

    @classmethod
    def of(cls, mark: AuditMark, places: dict[str, Place]) -> _Mark:
        related = tuple(places[other] for other in mark.related if other in places)
        return cls(mark.audit, related if mark.related else None)

    def shows(self, readable: RowFilter) -> bool:
        """Whether somebody who may read these rows may see it."""
        masks = readable.masks
        if self.related is None or masks is None:
            return True
        return any(segment in masks and bool(masks[segment][row]) for segment, row in self.related)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _decoded(marks: str) -> tuple[AuditMark, ...]:
    return msgspec.json.decode(marks, type=tuple[AuditMark, ...])
