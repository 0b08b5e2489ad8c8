"""How much of the evidence stands in the passages that the generator reads, and how much else does, by characters.

The definitions are Chroma's for tokens (Smith and Troynikov, *Evaluating Chunking Strategies for Retrieval*, 2024,
research.trychroma.com/evaluating-chunking), taken over code points: ragpress compares releases whose embedders count
tokens differently, and a code point is the same in all of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evaluation.metrics.quotes import find_quote
from evaluation.metrics.retrieval import NO_EVIDENCE
from evaluation.records import LocatedEvidence, Scored
from retrieval.context import Passage

NO_PASSAGES = "the generator reads no passage"
SPAN_METRICS = ("span_recall", "span_precision", "span_iou")


class _Interval(NamedTuple):
    start: int
    end: int


def span_scores(located: Sequence[LocatedEvidence], passages: Sequence[Passage], quotes: Sequence[str] = ()) -> Scored:
    """Overlap of the evidence with the passages. With E the characters of the evidence and R those of the passages:

    - ``span_recall`` = |E ∩ R| / |E|: how much of the evidence is read.
    - ``span_precision`` = |E ∩ R| / |R|: how much of what is read is evidence.
    - ``span_iou`` = |E ∩ R| / (|E| + |R| - |E ∩ R|).

    E and E ∩ R count a character once, however many items or passages hold it; R counts every passage whole, so text
    that is read twice costs precision (as with Chroma). Evidence that a passage of another document holds word for word
    is read as well: a copy's text need not come from the same place. Evidence that is gone counts as not read.

    Args:
        located: where the release has the case's evidence.
        passages: what the generator reads.
        quotes: the words of the evidence, by ``LocatedEvidence.index``; without them copies are not seen, and evidence
            that is gone counts as long as the mean of the others.

    Returns:
        The scores, from 0 to 1; missing where there is no evidence, ``span_precision`` where nothing is read.
    """
    if not located:
        return Scored({}, dict.fromkeys(SPAN_METRICS, NO_EVIDENCE))
    gold = _by_document(located)
    read = _read(located, passages, quotes)
    evidence = sum(_length(spans) for spans in gold.values())
    both = sum(_length(_overlap(spans, _union(read.get(document, ())))) for document, spans in gold.items())
    evidence += _lost(located, quotes, evidence)
    total = sum(passage.text_end - passage.text_start for passage in passages)
    scores = {"span_recall": both / evidence if evidence else 0.0}
    if not total:
        return Scored(scores | {"span_iou": 0.0}, {"span_precision": NO_PASSAGES})
    # A copy may be shorter than what it is a copy of, by its white space.
    both = min(both, total)
    return Scored(scores | {"span_precision": both / total, "span_iou": both / (evidence + total - both)}, {})


def _by_document(located: Iterable[LocatedEvidence]) -> dict[str, list[_Interval]]:
    found: dict[str, list[_Interval]] = defaultdict(list)
    for item in located:
        if item.start is not None and item.end is not None:
            found[item.document_id].append(_Interval(item.start, item.end))
    return {document: _union(spans) for document, spans in found.items()}


def _read(
    located: Sequence[LocatedEvidence], passages: Sequence[Passage], quotes: Sequence[str]
) -> dict[str, list[_Interval]]:
    """What is read of each document, evidence that stands word for word in passages of other documents included."""
    read: dict[str, list[_Interval]] = defaultdict(list)
    for passage in passages:
        read[passage.document_id].append(_Interval(passage.text_start, passage.text_end))
    for item in located:
        quote = quotes[item.index] if item.index < len(quotes) else ""
        if item.start is None or item.end is None or not quote:
            continue
        length = item.end - item.start
        for passage in passages:
            share = find_quote(quote, passage.text) if passage.document_id != item.document_id else None
            if share is not None:
                read[item.document_id].append(
                    _Interval(item.start + math.floor(share.start * length), item.start + math.ceil(share.end * length))
                )
    return read


def _lost(located: Sequence[LocatedEvidence], quotes: Sequence[str], found: int) -> int:
    """Characters of evidence that the release does not have."""
    gone = [item for item in located if not item.found]
    kept = len(located) - len(gone)
    mean = round(found / kept) if kept else 1
    return sum(len(quotes[item.index]) if item.index < len(quotes) else mean for item in gone)


def _union(spans: Iterable[_Interval]) -> list[_Interval]:
    merged: list[_Interval] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = _Interval(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _overlap(ones: Sequence[_Interval], others: Sequence[_Interval]) -> list[_Interval]:
    pairs = (_Interval(max(one.start, other.start), min(one.end, other.end)) for one in ones for other in others)
    return [pair for pair in pairs if pair.start < pair.end]


def _length(spans: Iterable[_Interval]) -> int:
    return sum(span.end - span.start for span in spans)
