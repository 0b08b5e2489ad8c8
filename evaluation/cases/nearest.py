"""What a text says in place of a quote that it no longer holds."""

from __future__ import annotations

import difflib
import heapq
from collections import Counter

from evaluation.cases.folding import fold
from serving.evidence.sentences import Span, split_sentences
from serving.evidence.terms import stems_of

# difflib compares at most so many windows, and so much of each: its time grows with the square of the length.
_WINDOWS = 12
_LONGEST = 600
_LEAST = 0.45


def nearest(text: str, quote: str) -> str:
    """The sentences of a text that are most like a quote; "" where none is like it.

    Args:
        text: of a document.
        quote: what it said once.

    Returns:
        As many sentences as the quote has, white space collapsed; ratio of ``difflib.SequenceMatcher`` at least 0.45.
    """
    spans = split_sentences(text)
    width = max(1, len(split_sentences(quote)))
    words = Counter(stems_of(quote))
    own = fold(quote)[:_LONGEST]
    windows = {text[window.start : window.end] for window in _windows(spans, width)}
    likely = heapq.nlargest(_WINDOWS, windows, key=lambda body: (_shared(words, body), body))
    best, ratio = "", _LEAST
    for body in likely:
        found = difflib.SequenceMatcher(None, own, fold(body)[:_LONGEST], autojunk=False).ratio()
        if found > ratio:
            best, ratio = body, found
    return " ".join(best.split())


def _windows(spans: list[Span], width: int) -> list[Span]:
    count = max(1, len(spans) - width + 1)
    return [Span(spans[at].start, spans[min(at + width, len(spans)) - 1].end) for at in range(count) if spans]


def _shared(words: Counter[str], body: str) -> float:
    found = Counter(stems_of(body))
    shared = (words & found).total()
    return 2 * shared / max(1, words.total() + found.total())
