"""A reranker that remembers the questions it was asked last: a case is searched twice, for hits and for passages."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from retrieval.rerank import Reranker

QUESTIONS = 256
"""Questions whose scores are remembered."""


class RememberedReranker:
    """Gives the scores of another reranker, those of the last questions without asking it. Safe for several threads.

    Args:
        reranker: scores what is not remembered.
    """

    def __init__(self, reranker: Reranker) -> None:
        self.name: str = reranker.name
        self._reranker = reranker
        self._known: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """See :class:`retrieval.rerank.Reranker`."""
        with self._lock:
            known = dict(self._known.get(query, {}))
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, self._reranker.rerank(query, new), strict=True))
        with self._lock:
            self._known[query] = known
            self._known.move_to_end(query)
            while len(self._known) > QUESTIONS:
                self._known.popitem(last=False)
        return [known[text] for text in texts]
