"""What a case costs: processor time of retrieval and embedding, texts that were embedded, and the embedder that counts.

The tally of the case that is being run goes with its task (a context variable), also into the threads that it starts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

from ingest.memo import VectorMemo
from ragpress.answer_settings import ContextSettings
from ragpress.fingerprint import digest
from ragpress.types import Embedder, Float32Matrix, TokenCounter
from retrieval.access import Principal
from retrieval.context import Context
from retrieval.filters import Filter
from retrieval.hits import Hit
from retrieval.search import Searcher

Clock = Callable[[], float]

_SEALED_TOGETHER = 256
"""New vectors of questions that are made durable together."""


class Tally:
    """What one case cost so far.

    Attributes:
        embedded: texts that a model embedded.
        inside: processor seconds of retrieval and embedding.

    Args:
        clock: processor seconds: of the process where one case runs at a time, else of the thread.
    """

    def __init__(self, clock: Clock = time.process_time) -> None:
        self.embedded = 0
        self.inside = 0.0
        self._clock = clock
        self._running = False

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Add the processor time of a block; a block inside another one counts once."""
        if self._running:
            yield
            return
        self._running, began = True, self._clock()
        try:
            yield
        finally:
            self._running = False
            self.inside += self._clock() - began


_TALLY: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied(tally: Tally) -> Iterator[None]:
    """Let what the running task costs go to a tally."""
    token = _TALLY.set(tally)
    try:
        yield
    finally:
        _TALLY.reset(token)


@contextmanager
def _spent(texts: int = 0) -> Iterator[None]:
    tally = _TALLY.get()
    if tally is None:
        yield
        return
    tally.embedded += texts
    with tally.spent():
        yield


class MeteredEmbedder:
    """Gives the vectors of another embedder, counts what it computes, and keeps the vectors of questions.

    A question is embedded once, however many parts of an answer want its vector and however often it is evaluated.

    Args:
        embedder: computes.
        questions: vectors of questions of this run and of earlier ones.
    """

    def __init__(self, embedder: Embedder, questions: VectorMemo) -> None:
        self.name: str = embedder.name
        self.fingerprint: str = embedder.fingerprint
        self.dimension: int = embedder.dimension
        self.window: int = embedder.window
        self.passage_limit: int = embedder.passage_limit
        self.tokens: TokenCounter = embedder.tokens
        self._embedder = embedder
        self._questions = questions
        self._lock = threading.Lock()
        self._unsealed = 0

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        with _spent(len(texts)):
            return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`."""
        # Apart from passages: many models embed a question and a passage of the same words differently.
        key = digest("question", text)
        with self._lock:
            known, found = self._questions.get_many([key])
        if found[0]:
            vector: npt.NDArray[np.float32] = known[0]
            return vector
        with _spent(1):
            vector = self._embedder.embed_query(text)
        with self._lock:
            self._questions.put_many([key], vector.reshape(1, -1))
            self._unsealed += 1
            if self._unsealed >= _SEALED_TOGETHER:
                self._seal()
        return vector

    def seal(self) -> None:
        """Make the questions' vectors durable.

        Raises:
            StorageError: they cannot be written.
        """
        with self._lock:
            self._seal()

    def _seal(self) -> None:
        self._questions.seal()
        self._unsealed = 0


class MeteredSource:
    """A searcher as a source of passages, its processor time counted.

    Args:
        searcher: searches.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def context(
        self,
        query: str,
        settings: ContextSettings | None = None,
        *,
        k: int | None = None,
        caller: Principal,
        where: Filter | None = None,
    ) -> Context:
        """See :class:`serving.chain.ContextSource`."""
        with _spent():
            return self._searcher.context(query, settings, k=k, caller=caller, where=where)

    def scope_key(self, caller: Principal) -> str:
        """See :class:`serving.chain.ContextSource`."""
        return self._searcher.scope_key(caller)

    def search(self, query: str, k: int, caller: Principal) -> list[Hit]:
        """The best chunks, as :meth:`retrieval.search.Searcher.search` gives them."""
        with _spent():
            return self._searcher.search(query, k, caller=caller)
