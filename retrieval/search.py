"""Search of one release: dense and lexical candidates, fused, ties broken by source and place.

The order of equal scores never depends on how the index is laid out, so an incremental release answers as
a fresh build of the same documents does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from index.opened import OpenRelease
from ragpress.errors import UsageError
from ragpress.settings import RetrievalSettings
from ragpress.types import Embedder
from retrieval.fuse import fuse

DENSE = "dense"
LEXICAL = "lexical"
# Candidates fetched beyond the depth, so that ties at the cut are broken by place and not by layout.
_TIE_ROOM = 16

Place = tuple[int, int]


class StageScore(msgspec.Struct, frozen=True):
    """Where a stage ranked a chunk (from 1), and the stage's own score (cosine, BM25)."""

    rank: int
    score: float


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was found.

    Attributes:
        rank: from 1.
        chunk_id: its id.
        document_id: its document.
        source: the document's source path.
        title: the document's title.
        heading: heading path above it.
        page: 1-based page, slide or sheet; None where the format has none.
        start: first code point in the version's text.
        end: one past the last.
        text: the chunk's text.
        score: fused score.
        stages: rank and score of each stage that found it.
    """

    rank: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    score: float
    stages: dict[str, StageScore]


class Searcher:
    """Searches one open release.

    Args:
        release: the release.
        embedder: gives the embedder that made its vectors; called when a query must be embedded.
        settings: retrieval settings; the release's own unless something is tried out.
    """

    def __init__(
        self, release: OpenRelease, embedder: Callable[[], Embedder], settings: RetrievalSettings | None = None
    ) -> None:
        self._release = release
        self._embedder = embedder
        self._settings = settings or release.manifest.retrieval

    def search(self, query: str, k: int | None = None) -> list[Hit]:
        """The best chunks for a question.

        Args:
            query: the question, as typed.
            k: how many; the setting's number when None.

        Raises:
            UsageError: the query is empty or ``k`` is not positive.
            IntegrityError: a file of the release is damaged.
        """
        wanted = self._settings.k if k is None else k
        if not query.strip():
            raise UsageError("The query is empty: expected a question or some words.")
        if wanted < 1:
            raise UsageError(f"k is {wanted}: expected at least 1.")
        depth = max(self._settings.depth, wanted)
        stages = {DENSE: self._dense(query, depth), LEXICAL: self._lexical(query, depth)}
        ceiling = self._release.lexical.ceiling(query) if stages[LEXICAL] else 0.0
        fused = fuse(stages[DENSE], stages[LEXICAL], self._settings, ceiling, depth)
        best = self._ordered(fused.items())[:wanted]
        scores = {
            name: {place: StageScore(rank, score) for rank, (place, score) in enumerate(found, start=1)}
            for name, found in stages.items()
        }
        return [
            self._hit(rank, place, score, {name: by[place] for name, by in scores.items() if place in by})
            for rank, (place, score) in enumerate(best, start=1)
        ]

    def _dense(self, query: str, depth: int) -> list[tuple[Place, float]]:
        if self._settings.dense_weight <= 0 or not self._release.segments:
            return []
        vector = self._embedder().embed_query(query)
        found: list[tuple[Place, float]] = []
        for number, segment in self._release.segments.items():
            scores, rows = segment.search(vector, depth + _TIE_ROOM)
            places = ((number, row) for row in rows.tolist())
            found += zip(places, scores.tolist(), strict=True)
        return self._ordered(found)[:depth]

    def _lexical(self, query: str, depth: int) -> list[tuple[Place, float]]:
        if self._settings.lexical_weight <= 0 or not self._release.segments:
            return []
        scores, numbers, rows = self._release.lexical.search(query, depth + _TIE_ROOM)
        return self._ordered(zip(zip(numbers, rows, strict=True), scores, strict=True))[:depth]

    def _ordered(self, found: Iterable[tuple[Place, float]]) -> list[tuple[Place, float]]:
        return sorted(found, key=lambda item: (-item[1], *self._position(item[0])))

    def _position(self, place: Place) -> tuple[str, int]:
        chunks = self._release.segments[place[0]].chunks
        return chunks["source"][place[1]].as_py(), chunks["start"][place[1]].as_py()

    def _hit(self, rank: int, place: Place, score: float, stages: dict[str, StageScore]) -> Hit:
        row = self._release.segments[place[0]].chunks.slice(place[1], 1).to_pylist()[0]
        names = ("chunk_id", "document_id", "source", "title", "page", "start", "end", "text")
        fields = {name: row[name] for name in names}
        return Hit(rank=rank, heading=tuple(row["heading"]), score=score, stages=stages, **fields)
