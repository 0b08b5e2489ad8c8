"""Search of one release: dense and lexical candidates, fused, reranked, near-duplicates collapsed.

The order of equal scores never depends on how the index is laid out, so an incremental release answers as
a fresh build of the same documents does. What the caller may not read, or does not want, is left out before anything
is ranked (``retrieval.scope``).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import msgspec

from index.opened import OpenRelease
from ragpress.answer_settings import AccessSettings, ContextSettings
from ragpress.errors import UsageError
from ragpress.settings import RetrievalSettings
from ragpress.types import Embedder
from retrieval.access import OPERATOR, AccessRules, Principal
from retrieval.cache import SearchCache
from retrieval.collapse import Group
from retrieval.context import Context, Selection, passages, select
from retrieval.filters import Filter
from retrieval.hits import DENSE, LEXICAL, Candidate, Copy, Explanation, Hit, Place, Stage, StageScore
from retrieval.passes import Finder, Found, Question, Step, Trace, vector_key
from retrieval.query import QueryVector, whole_characters
from retrieval.rerank import Reranker
from retrieval.rows import ReleaseRows
from retrieval.scope import Scope, Scopes

__all__ = [
    "DENSE",
    "LEXICAL",
    "Candidate",
    "Copy",
    "Explanation",
    "Hit",
    "Place",
    "Searcher",
    "Stage",
    "StageScore",
]

# Hits looked at beside those that a context takes, at first: most contexts are full before the caps used them up.
_SPARE_HITS = 3
_WIDER = 4
_MOST_HITS = 400


class Searcher:
    """Searches one open release. Any number of threads may use it at once.

    Args:
        release: the release.
        embedder: gives the embedder that made its vectors; called when a query must be embedded.
        settings: retrieval settings; the release's own unless something is tried out.
        rules: the access rules as they are now; without any, everybody reads everything.
        reranker: scores the best fused candidates again.
        cache: what is remembered of earlier searches; a cache of its own when None.
    """

    def __init__(
        self,
        release: OpenRelease,
        embedder: Callable[[], Embedder],
        settings: RetrievalSettings | None = None,
        *,
        rules: AccessRules | None = None,
        reranker: Reranker | None = None,
        cache: SearchCache | None = None,
    ) -> None:
        self._release = release
        self._settings = settings or release.manifest.retrieval
        self._scopes = Scopes(release, rules or AccessRules(AccessSettings()))
        self._reranker = reranker
        self.cache = cache or SearchCache()
        self._rows = ReleaseRows(release)
        self._finder = Finder(
            rows=self._rows,
            release=release,
            embedder=embedder,
            settings=self._settings,
            reranker=reranker,
            vectors=self.cache.queries,
        )

    def load(self) -> None:
        """Open every file that searches and contexts read, so that they go on when the release is collected.

        It also prepares the vector indexes for many searches.

        Raises:
            NotFoundError: one is gone, with a release that was collected.
            IntegrityError: one is damaged.
        """
        self._release.load()
        self._rows.load()
        for segment in self._release.segments.values():
            segment.vectors.prepare()

    def scope_key(self, caller: Principal) -> str:
        """A name for what a caller may read in this release: equal for callers who may read the same documents.

        Raises:
            IntegrityError: a file of the release is damaged.
        """
        return self._scopes.of(caller).key.hex()

    def remember(self, query: str, vector: QueryVector, caller: Principal = OPERATOR) -> None:
        """Keep a question's vector, as if the caller had asked it before."""
        embedder, scope = self._finder.embedder(), self._scopes.of(caller)
        self.cache.queries.put(vector_key(embedder, query, scope), vector)

    def search(
        self, query: str, k: int | None = None, *, caller: Principal = OPERATOR, where: Filter | None = None
    ) -> list[Hit]:
        """The best chunks for a question.

        Args:
            query: the question, as typed.
            k: how many; the setting's number when None.
            caller: who asks.
            where: which documents are wanted; all when None.

        Raises:
            UsageError: the query is empty, ``k`` is not positive or the filter is wrong.
            ModelError: the embedder cannot be loaded.
            IntegrityError: a file of the release is damaged.
        """
        question = self._question(query, k, self._scopes.of(caller, where))
        key = self._key("search", question)
        kept = self.cache.results.get(key)
        if isinstance(kept, tuple):
            return list(kept)
        found = self._finder.find(question)
        hits = self._hits(found, question.scope)
        if not found.failed:
            self.cache.results.put(key, hits)
        return list(hits)

    def explain(
        self, query: str, k: int | None = None, *, caller: Principal = OPERATOR, where: Filter | None = None
    ) -> Explanation:
        """How a question is searched: every stage with its candidates, its time, and what it took from a cache.

        Args:
            query: the question, as typed.
            k: how many hits; the setting's number when None.
            caller: who asks; nothing that this caller may not find is named or counted.
            where: which documents are wanted; all when None.

        Raises:
            UsageError, ModelError, IntegrityError: as :meth:`search` does.
        """
        asked = self._question(query, k, Scope(key=b"", rows=0))
        trace = Trace(timed=True)
        with trace.stage("scope"):
            scope = self._scopes.of(caller, where)
        question = msgspec.structs.replace(asked, scope=scope)
        found = self._finder.find(question, trace)
        return Explanation(
            release=self._release.manifest.id,
            query=query,
            k=question.wanted,
            rows=scope.rows,
            depth=found.depth,
            cached=self._key("search", question) in self.cache.results,
            stages=tuple(self._stage(name, step) for name, step in trace.steps.items()),
            hits=self._hits(found, scope),
            notes=found.notes,
        )

    def context(
        self,
        query: str,
        settings: ContextSettings | None = None,
        *,
        k: int | None = None,
        caller: Principal = OPERATOR,
        where: Filter | None = None,
    ) -> Context:
        """The passages that a generator may use for a question.

        Args:
            query: the standalone question.
            settings: caps and budget; the release's own when None.
            k: the most hits that are looked at; as many as it takes to fill the context when None.
            caller: who asks.
            where: which documents are wanted; all when None.

        Raises:
            UsageError, ModelError, IntegrityError: as :meth:`search` does.
        """
        chosen = settings or self._context_settings
        scope = self._scopes.of(caller, where)
        question = self._question(query, chosen.passages + _SPARE_HITS if k is None else k, scope)
        key = (*self._key("context", question), chosen, k is None)
        kept = self.cache.results.get(key)
        if isinstance(kept, Context):
            return kept
        found, selection = self._selected(question, chosen)
        while (
            k is None and len(selection.chosen) < chosen.passages and selection.crowded and _has_more(found, question)
        ):
            question = msgspec.structs.replace(question, wanted=question.wanted * _WIDER)
            found, selection = self._selected(question, chosen)
        made = self._context(query, found, selection, chosen)
        if not found.failed:
            self.cache.results.put(key, made)
        return made

    @property
    def _context_settings(self) -> ContextSettings:
        answering = self._release.manifest.answering
        return ContextSettings() if answering is None else answering.context

    def _selected(self, question: Question, settings: ContextSettings) -> tuple[Found, Selection]:
        found = self._finder.find(question)
        return found, select(self._grouped(found, question.scope), settings, self._rows)

    def _context(self, query: str, found: Found, selection: Selection, settings: ContextSettings) -> Context:
        made, tokens = passages(selection, settings, self._rows)
        return Context(
            release=self._release.manifest.id,
            query=query,
            passages=made,
            left_out=selection.left_out,
            tokens=tokens,
            best_cosine=found.best_cosine,
            best_lexical=found.best_lexical,
            notes=found.notes,
        )

    def _question(self, query: str, k: int | None, scope: Scope) -> Question:
        wanted = self._settings.k if k is None else k
        if not query.strip():
            raise UsageError("The query is empty: expected a question or some words.")
        if wanted < 1:
            raise UsageError(f"k is {wanted}: expected at least 1.")
        return Question(whole_characters(query), wanted, scope)

    def _key(self, kind: str, question: Question) -> tuple[Hashable, ...]:
        reranker = self._reranker.name if self._reranker else ""
        settings = (self._settings, reranker)
        release = self._release.manifest.id
        return kind, question.text, question.wanted, release, settings, question.scope.key

    def _hits(self, found: Found, scope: Scope) -> tuple[Hit, ...]:
        return tuple(hit for hit, _ in self._grouped(found, scope))

    def _grouped(self, found: Found, scope: Scope) -> list[tuple[Hit, Group]]:
        hits = []
        for rank, group in enumerate(found.groups, start=1):
            scored, stages = (group.place, group.score), found.stages_of(group.place)
            hits.append((self._rows.hit(rank, scored, stages, group.copies, scope), group))
        return hits

    def _stage(self, name: str, step: Step) -> Stage:
        candidates = (
            Candidate(rank, self._rows.value(place, "chunk_id"), self._rows.value(place, "source"), score)
            for rank, (place, score) in enumerate(step.ranking, start=1)
        )
        return Stage(
            name=name,
            wall_ms=step.wall * 1000,
            cpu_ms=step.cpu * 1000,
            cached=step.cached,
            candidates=tuple(candidates),
        )


def _has_more(found: Found, question: Question) -> bool:
    return len(found.groups) == question.wanted < _MOST_HITS
