"""From a question to groups of candidates: embed, search twice, fuse, rerank, collapse; deeper where groups lack."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import numpy.typing as npt

from index.opened import OpenRelease
from ragpress.answer_settings import RerankSettings
from ragpress.errors import ModelError
from ragpress.settings import RetrievalSettings
from ragpress.types import Embedder
from retrieval.cache import LruCache
from retrieval.collapse import Group, collapse
from retrieval.fuse import fuse
from retrieval.hits import DENSE, LEXICAL, RERANK, Place, Ranking, StageScore
from retrieval.placement import Mask
from retrieval.query import QueryVector, query_vector
from retrieval.rerank import Reranker, rerank_scores
from retrieval.rows import ReleaseRows
from retrieval.scope import Scope
from retrieval.scripts import script

# Candidates fetched beyond the depth, so that ties at the cut are broken by place and not by layout.
_TIE_ROOM = 16
# Copies can fill a whole ranking. Looking so many times as deep for other texts bounds what a flood of them costs.
_DEEPEST = 8


class Question(msgspec.Struct, frozen=True):
    """What is searched for: the text, how many groups, and where."""

    text: str
    wanted: int
    scope: Scope


class Step(msgspec.Struct):
    """What one stage did so far: time of all passes, ranking of the last one."""

    wall: float = 0.0
    cpu: float = 0.0
    cached: bool = False
    ranking: Ranking = []


class Trace:
    """Times of the stages of one search, in the order they first ran; ``cpu`` is that of the calling thread.

    Args:
        timed: whether to read the clocks; a processor clock may take as long as a stage.
    """

    def __init__(self, timed: bool = False) -> None:
        self.steps: dict[str, Step] = {}
        self._timed = timed

    @contextmanager
    def stage(self, name: str) -> Iterator[Step]:
        """Adds the time of a block to a stage."""
        step = self.steps.setdefault(name, Step())
        if not self._timed:
            yield step
            return
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield step
        finally:
            step.wall += time.perf_counter() - wall
            step.cpu += time.thread_time() - cpu


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        groups: what becomes hits, best first.
        scores: rank and score of every candidate, by stage.
        depth: candidates that each search gave to the fusion.
        complete: whether deeper searches would find nothing more.
        best_cosine: of the nearest chunk; None when the dense search did not run or found nothing.
        best_lexical: BM25 score of the best chunk over the question's highest possible one; None when the lexical
            search did not run or the question has no term.
        notes: what went otherwise than set, in words.
        failed: whether another try may go better, so that nothing of this is worth keeping.
        trace: times and rankings of the stages.
    """

    groups: list[Group]
    scores: dict[str, dict[Place, StageScore]]
    depth: int
    complete: bool
    best_cosine: float | None
    best_lexical: float | None
    notes: tuple[str, ...]
    failed: bool
    trace: Trace

    def stages_of(self, place: Place) -> dict[str, StageScore]:
        """What each stage that ranked a row said of it."""
        return {name: by[place] for name, by in self.scores.items() if place in by}


class Finder(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Finds candidates in one release.

    Attributes:
        release: the release.
        rows: its rows by position.
        embedder: gives the embedder that made its vectors.
        settings: retrieval settings.
        reranker: scores the best fused candidates again.
        vectors: vectors of questions that were embedded before.
    """

    release: OpenRelease
    rows: ReleaseRows
    embedder: Callable[[], Embedder]
    settings: RetrievalSettings
    reranker: Reranker | None
    vectors: LruCache[QueryVector]

    def find(self, question: Question, trace: Trace | None = None) -> Found:
        """Search as deep as it takes to fill the groups that are wanted, within bounds.

        Raises:
            ModelError: the embedder cannot be loaded.
            IntegrityError: a file of the release is damaged.
        """
        search = _Search(self, question, trace or Trace())
        depth = max(self.settings.depth, question.wanted)
        deepest = depth * _DEEPEST
        while True:
            found = search.at(depth)
            if len(found.groups) >= question.wanted or found.complete or depth >= deepest:
                return found
            depth *= 2


class _Search:
    """One question's search, which may go deeper step by step."""

    def __init__(self, finder: Finder, question: Question, trace: Trace) -> None:
        self._finder = finder
        self._question = question
        self._trace = trace
        self._notes: list[str] = []
        self._failed = False
        self._reranked: dict[str, float] = {}
        settings, empty = finder.settings, not question.scope.rows
        self._vector = None if empty or settings.dense_weight <= 0 else self._embedded()
        self._lexical_runs = not empty and settings.lexical_weight > 0
        self._balanced: dict[Place, float] = {}
        self._foreign: set[Place] = set()
        self._ceiling = finder.release.lexical.ceiling(question.text, question.scope) if self._lexical_runs else 0.0

    def at(self, depth: int) -> Found:
        """Search at one depth."""
        finder = self._finder
        dense, lexical = self._dense(depth), self._lexical(depth)
        with self._trace.stage("fused") as step:
            comparable = [(place, self._balanced.get(place, score)) for place, score in dense]
            fused = fuse(comparable, lexical, finder.settings, self._ceiling, depth, self._foreign)
            step.ranking = finder.rows.ordered(fused.items())
        order, reranked = self._rerank(step.ranking)
        with self._trace.stage("collapsed") as step:
            question, threshold = self._question, finder.settings.collapse
            groups = collapse(order, question.wanted, threshold, finder.rows, question.scope)
            step.ranking = [(group.place, group.score) for group in groups]
        scores = {DENSE: _scores(dense), LEXICAL: _scores(lexical), RERANK: _scores(reranked)}
        return Found(
            groups=groups,
            scores={name: found for name, found in scores.items() if found},
            depth=depth,
            complete=max(len(dense), len(lexical)) < depth,
            best_cosine=max((score for _, score in dense), default=None),
            best_lexical=self._share(lexical),
            notes=tuple(self._notes),
            failed=self._failed,
            trace=self._trace,
        )

    def _share(self, lexical: Ranking) -> float | None:
        if self._ceiling <= 0:
            return None
        return lexical[0][1] / self._ceiling if lexical else 0.0

    def _embedded(self) -> npt.NDArray[np.float32]:
        text = self._question.text
        with self._trace.stage("embed") as step:
            embedder = self._finder.embedder()
            # Whether a question was asked before is nobody's business who reads other documents.
            key = vector_key(embedder, text, self._question.scope)
            found = self._finder.vectors.get(key)
            step.cached = found is not None
            if found is None:
                found = query_vector(embedder, text)
                self._finder.vectors.put(key, found)
        if found.read < len(text):
            self._notes.append(
                f"The question has {len(text)} characters; the embedder {embedder.name!r} reads the first {found.read}."
            )
        return found.vector

    def _dense(self, depth: int) -> Ranking:
        if self._vector is None:
            return []
        finder, scope = self._finder, self._question.scope
        balance = finder.settings.script_balance
        groups = finder.rows.scripts.of(scope) if balance else ()
        with self._trace.stage(DENSE) as step:
            if not groups:
                step.ranking = finder.rows.ordered(self._nearest(self._vector, depth, scope.masks))[:depth]
                return step.ranking
            own = script(self._question.text)
            cosines: dict[Place, float] = {}
            for group in groups:
                found = dict(self._nearest(self._vector, depth, group.masks))
                shift = balance * float(self._vector @ group.centre)
                cosines.update(found)
                self._balanced.update({place: cosine - shift for place, cosine in found.items()})
                self._foreign.update(found if group.script != own else ())
            ordered = finder.rows.ordered((place, self._balanced[place]) for place in cosines)[:depth]
            step.ranking = [(place, cosines[place]) for place, _ in ordered]
        return step.ranking

    def _nearest(self, vector: npt.NDArray[np.float32], depth: int, masks: dict[int, Mask] | None) -> Ranking:
        found: Ranking = []
        for number, segment in self._finder.release.segments.items():
            scores, rows = segment.search(vector, depth + _TIE_ROOM, None if masks is None else masks[number])
            places = ((number, row) for row in rows.tolist())
            found += zip(places, scores.tolist(), strict=True)
        return found

    def _lexical(self, depth: int) -> Ranking:
        if not self._lexical_runs:
            return []
        finder = self._finder
        with self._trace.stage(LEXICAL) as step:
            text, scope = self._question.text, self._question.scope
            scores, numbers, rows = finder.release.lexical.search(text, depth + _TIE_ROOM, scope)
            found = zip(zip(numbers, rows, strict=True), scores, strict=True)
            step.ranking = finder.rows.ordered(found)[:depth]
        return step.ranking

    def _rerank(self, fused: Ranking) -> tuple[Ranking, Ranking]:
        """The order after reranking, with fused scores; and the reranked part of it with the reranker's scores."""
        reranker = self._finder.reranker
        if reranker is None or self._failed or not fused:
            return fused, []
        head = fused[: rerank_depth(self._finder.release)]
        with self._trace.stage("reranked") as step:
            try:
                scores = self._second_look(reranker, [place for place, _ in head])
            except ModelError as error:
                self._failed = True
                self._notes.append(f"Not reranked, the fused order stands: {error}")
                return fused, []
            ranked = sorted(zip(head, scores, strict=True), key=lambda item: -item[1])
            step.ranking = [(place, score) for (place, _), score in ranked]
        return [scored for scored, _ in ranked] + fused[len(head) :], step.ranking

    def _second_look(self, reranker: Reranker, places: list[Place]) -> list[float]:
        texts = [str(self._finder.rows.value(place, "text")) for place in places]
        fresh = [text for text in dict.fromkeys(texts) if text not in self._reranked]
        if fresh:
            scores = rerank_scores(reranker, self._question.text, fresh)
            self._reranked.update(zip(fresh, scores, strict=True))
        return [self._reranked[text] for text in texts]


def vector_key(embedder: Embedder, text: str, scope: Scope) -> tuple[Hashable, ...]:
    """Under which key a question's vector is kept."""
    return embedder.fingerprint, text, scope.reader


def rerank_depth(release: OpenRelease) -> int:
    """How many of the best fused candidates are reranked in a release."""
    answering = release.manifest.answering
    return (RerankSettings() if answering is None else answering.rerank).depth


def _scores(ranking: Ranking) -> dict[Place, StageScore]:
    return {place: StageScore(rank, score) for rank, (place, score) in enumerate(ranking, start=1)}
