"""Which words of a text to quote as evidence: whole sentences, enough of them to be found again."""

from __future__ import annotations

from evaluation.cases.folding import TELLING, FoldedText, Span, weight
from serving.evidence.sentences import split_sentences
from serving.evidence.support import best_quote

# Longer quotes are cut to the surroundings of the answer.
_MOST = 600
_AROUND = 200
_EDGES = " \t\r\n\u3000"


def answer_place(context: str, answer: str, start: int) -> Span | None:
    """Where an answer stands in its context: at the place given, else at the one nearest to it, else at the first."""
    if not answer.strip():
        return None
    if start >= 0 and context[start : start + len(answer)] == answer:
        return Span(start, start + len(answer))
    places = list(FoldedText(context).find_all(answer))
    return min(places, key=lambda place: abs(place.start - start) if start >= 0 else place.start, default=None)


def quote_around(context: str, place: Span) -> str:
    """The sentences of a text that hold a place, with neighbours where they are short."""
    spans = split_sentences(context)
    first = max((at for at, span in enumerate(spans) if span.start <= place.start), default=0)
    last = min((at for at, span in enumerate(spans) if span.end >= place.end), default=len(spans) - 1)
    if not spans:
        return ""
    last = max(first, last)
    while weight(context[spans[first].start : spans[last].end]) < TELLING and last - first + 1 < len(spans):
        first, last = (first, last + 1) if last + 1 < len(spans) else (first - 1, last)
    start, end = spans[first].start, spans[last].end
    return context[start:end] if end - start <= _MOST else _cut(context, Span(start, end), place)


def quote_for(text: str, wanted: str) -> str:
    """The part of a text that bears on a question or supports a claim best; all of it where it is short."""
    body = text.strip()
    if len(body) <= _AROUND:
        return body
    start, end = best_quote(wanted, text)
    if end - start > _MOST:
        return _cut(text, Span(start, end), Span(start, start))
    return quote_around(text, Span(start, end))


def _cut(text: str, whole: Span, place: Span) -> str:
    """The surroundings of a place, begun and ended between words."""
    start, end = max(whole.start, place.start - _AROUND), min(whole.end, place.end + _AROUND)
    while whole.start < start < place.start and text[start - 1] not in _EDGES and text[start].isascii():
        start += 1
    while place.end < end < whole.end and text[end] not in _EDGES and text[end].isascii():
        end -= 1
    return text[start:end].strip()
