"""The passages of a case: both sides' in one list, each cut to what is worth reading, with its evidence marked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from evaluation.records import Case, CaseResult
from evaluation.report.contents import PassageRow, Span
from retrieval.context import Passage

AROUND = 160
UNMARKED = 220
MOST = 1_200
EVIDENCE, CITED = "evidence", "cited"


class _Merged(msgspec.Struct):
    """A passage of one side or of both, as it is put together."""

    passage: Passage
    spans: list[Span]
    baseline_rank: int | None = None
    candidate_rank: int | None = None


def passage_rows(case: Case, baseline: CaseResult | None, candidate: CaseResult) -> tuple[PassageRow, ...]:
    """What the generator read for a case, on either side, in the order of the ranks (the candidate's first)."""
    merged: dict[tuple[str, str], _Merged] = {}
    for result, field in ((baseline, "baseline_rank"), (candidate, "candidate_rank")):
        if result is None:
            continue
        for passage in result.passages:
            entry = merged.setdefault((passage.document_id, passage.text), _Merged(passage, []))
            setattr(entry, field, passage.index)
            entry.spans += _spans(passage, result, case)
    # What only the baseline has stands after the passage of the same rank that the candidate has.
    ordered = sorted(merged.values(), key=lambda one: (_rank(one), one.candidate_rank is None))
    covered = _covered(case, [result for result in (baseline, candidate) if result is not None])
    return tuple(_row(entry, covered) for entry in ordered)


def quote_span(quote: str, text: str) -> tuple[int, int] | None:
    """Where a text says a quote, white space aside; None where it does not."""
    words = quote.split()
    if not words or len(quote) > 20_000:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text)
    return found.span() if found else None


def _rank(entry: _Merged) -> int:
    ranks = [rank for rank in (entry.candidate_rank, entry.baseline_rank) if rank is not None]
    return ranks[0]


def _spans(passage: Passage, result: CaseResult, case: Case) -> list[Span]:
    """What is marked in a passage: the case's evidence, and what this side's answer cites."""
    found = []
    for item in result.evidence:
        within = None
        if item.start is not None and item.end is not None and item.document_id == passage.document_id:
            within = _within(passage, item.start, item.end)
        elif item.found:
            within = quote_span(case.evidence[item.index].quote, passage.text)
        if within:
            found.append(Span(*within, EVIDENCE))
    for citation in result.citations:
        if citation.chunk_id == passage.chunk_id:
            within = _within(passage, citation.start, citation.end)
            if within:
                found.append(Span(*within, CITED))
    return found


def _within(passage: Passage, start: int, end: int) -> tuple[int, int] | None:
    """A stretch of the version's text, as a stretch of the passage's."""
    if len(passage.text) != passage.text_end - passage.text_start:
        return None
    low, high = max(start, passage.text_start), min(end, passage.text_end)
    return (low - passage.text_start, high - passage.text_start) if low < high else None


def _covered(case: Case, results: Sequence[CaseResult]) -> dict[str, tuple[int, ...]]:
    """By chunk: places of the evidence that it holds."""
    del case
    return {hit.chunk_id: hit.covers for result in results for hit in result.hits if hit.covers}


def _row(entry: _Merged, covered: dict[str, tuple[int, ...]]) -> PassageRow:
    passage = entry.passage
    start, end = _window(passage.text, entry.spans)
    spans = {(max(span.start, start), min(span.end, end), span.kind) for span in entry.spans}
    return PassageRow(
        source=passage.source,
        heading=passage.heading,
        page=passage.page,
        text=passage.text[start:end],
        before=start,
        after=len(passage.text) - end,
        spans=tuple(Span(low - start, high - start, kind) for low, high, kind in sorted(spans) if low < high),
        covers=covered.get(passage.chunk_id, ()),
        baseline_rank=entry.baseline_rank,
        candidate_rank=entry.candidate_rank,
        marks=passage.marks,
    )


def _window(text: str, spans: Sequence[Span]) -> tuple[int, int]:
    """The part of a text that is shown: what is marked with its surroundings, else the beginning."""
    if not spans:
        return 0, _word_end(text, UNMARKED)
    # The evidence decides where two marks lie far apart.
    first = min((span for span in spans if span.kind == EVIDENCE), default=spans[0], key=lambda span: span.start)
    low = max(0, min(first.start, *(span.start for span in spans if first.start - span.start < MOST // 2)) - AROUND)
    high = max(span.end for span in spans) + AROUND
    return _word_start(text, low), _word_end(text, min(high, low + MOST))


def _word_start(text: str, at: int) -> int:
    if at <= 0:
        return 0
    blank = text.find(" ", at, at + 20)
    return at if blank < 0 else blank + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    blank = text.rfind(" ", at - 20, at)
    return at if blank < 0 else blank
