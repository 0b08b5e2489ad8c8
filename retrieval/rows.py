"""Rows of one open release by position: what ordering, hits and contexts read, without a table scan."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from index.opened import OpenRelease
from index.segment import Segment
from ragpress.types import AuditMark
from retrieval.cache import LruCache
from retrieval.hits import Copy, Hit, Place, Ranking, StageScore
from retrieval.scripts import Scripts
from retrieval.shingles import Shingles, shingle_set

_HIT_COLUMNS = ("chunk_id", "document_id", "source", "title", "page", "start", "end", "text")
_NO_MARKS = "[]"
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
        self._marks  # noqa: B018 - opens it

    def segment(self, number: int) -> SegmentRows:
        """One segment's rows."""
        if number not in self._segments:
            self._segments[number] = SegmentRows(self._release.segments[number])
        return self._segments[number]

    def value(self, place: Place, column: str) -> Any:
        """One cell as a Python value."""
        return self.segment(place[0]).value(place[1], column)

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
        self, rank: int, scored: tuple[Place, float], stages: dict[str, StageScore], copies: Iterable[Place] = ()
    ) -> Hit:
        """A row as a hit.

        Args:
            rank: from 1.
            scored: the row and its fused score.
            stages: what each stage said of it.
            copies: rows it stands for as well.
        """
        place, score = scored
        fields = {name: self.value(place, name) for name in _HIT_COLUMNS}
        return Hit(
            rank=rank,
            heading=tuple(self.value(place, "heading")),
            score=score,
            stages=stages,
            copies=tuple(self.copy(other) for other in copies),
            marks=self.marks(fields["document_id"]),
            **fields,
        )

    def copy(self, place: Place) -> Copy:
        """A row as a copy of another."""
        return Copy(*(self.value(place, name) for name in ("chunk_id", "document_id", "source")))

    def marks(self, document_id: str) -> tuple[str, ...]:
        """Names of the audit marks on a document, sorted."""
        return self._marks.get(document_id, ())

    @cached_property
    def scripts(self) -> Scripts:
        """The rows by writing system."""
        return Scripts(self._release)

    @cached_property
    def _marks(self) -> dict[str, tuple[str, ...]]:
        table = self._release.documents.select(["document_id", "marks", "relations"])
        bare = pc.and_(pc.equal(table["marks"], _NO_MARKS), pc.equal(table["relations"], _NO_MARKS))
        return {row["document_id"]: _names(row) for row in _rows(table.filter(pc.invert(bare)))}


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    marks = (msgspec.json.decode(row[name], type=tuple[AuditMark, ...]) for name in ("marks", "relations"))
    return tuple(sorted({mark.audit for own in marks for mark in own}))
