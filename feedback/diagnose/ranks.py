"""How far a place in a document comes along the chain for a question: each search, fusion, hits, passages."""

from __future__ import annotations

from collections.abc import Sequence, Set

import pyarrow as pa
from msgspec.structs import replace

from evaluation.subjects import Subject
from feedback.records import Ranks
from ragpress.errors import ReleaseError
from retrieval.context import PASSAGES, Context, Passage
from retrieval.hits import DENSE, LEXICAL, Explanation, Hit, Stage
from serving.standalone import standalone_by_rule
from serving.types import Question

DEEP = 200
"""Hits that are looked at for a place that the release's own search does not find."""

COPY = "copy"
"""Why a hit became no passage: another chunk that says the same stands for it."""

_ABOVE = 50
_SPARE = 3
_ORDERED = ("reranked", "fused")


def ranks_of(subject: Subject, question: Question, document_id: str, start: int, end: int) -> Ranks:
    """How far a place comes for a question, as its caller asks it.

    The release's own depth is looked at first, as an answer does; where the place is not found there, a deeper search
    tells how far away it is.

    Args:
        subject: the release.
        question: as asked.
        document_id: the document.
        start: first code point of the place in the version's text.
        end: one past its last.

    Raises:
        RagpressError: searching failed.
    """
    chunks = chunks_at(subject, document_id, start, end)
    text = standalone_by_rule(question.text, question.history)
    settings = subject.answerer.parts.context
    searcher, caller, where = subject.searcher, question.caller, question.where
    context = searcher.context(text, settings, k=question.k, caller=caller, where=where)
    shallow = searcher.explain(text, question.k or settings.passages + _SPARE, caller=caller, where=where)
    explained, found = shallow, _ranks(shallow, set(chunks))
    if found.hit is None:
        explained = searcher.explain(text, DEEP, caller=caller, where=where)
        deep = _ranks(explained, set(chunks))
        found = replace(
            found,
            dense=found.dense or deep.dense,
            lexical=found.lexical or deep.lexical,
            fused=found.fused or deep.fused,
            hit=deep.hit,
            above=found.above if found.fused else deep.above,
        )
    number = _passage_number(context.passages, document_id, (start, end), set(chunks))
    left_out = "" if number is not None else _left_out(context, set(chunks), _hit(explained.hits, set(chunks)))
    return replace(found, passage=number, left_out=left_out)


def chunks_at(subject: Subject, document_id: str, start: int, end: int) -> tuple[str, ...]:
    """Ids of the chunks that a place lies in, in order: those that hold all of it, else those that hold a part."""
    try:
        rows = subject.release.chunk_rows(subject.release.document(document_id))
    except ReleaseError:
        return ()
    return chunks_over(rows, start, end)


def chunks_over(rows: pa.Table, start: int, end: int) -> tuple[str, ...]:
    """The same, given the chunk rows of the document."""
    places = list(zip(rows["chunk_id"].to_pylist(), rows["start"].to_pylist(), rows["end"].to_pylist(), strict=True))
    whole = tuple(name for name, first, last in places if first <= start and end <= last)
    return whole or tuple(name for name, first, last in places if first < end and start < last)


def _ranks(explained: Explanation, chunks: Set[str]) -> Ranks:
    stages = {stage.name: stage for stage in explained.stages}
    order = next((stages[name] for name in _ORDERED if name in stages), None)
    fused, above = (None, ()) if order is None else _ordered(order, chunks)
    hit = _hit(explained.hits, chunks)
    return Ranks(
        dense=_rank(stages.get(DENSE), chunks),
        lexical=_rank(stages.get(LEXICAL), chunks),
        fused=fused,
        hit=None if hit is None else hit.rank,
        above=above,
    )


def _rank(stage: Stage | None, chunks: Set[str]) -> int | None:
    if stage is None:
        return None
    return next((candidate.rank for candidate in stage.candidates if candidate.chunk_id in chunks), None)


def _ordered(stage: Stage, chunks: Set[str]) -> tuple[int | None, tuple[str, ...]]:
    rank = _rank(stage, chunks)
    above = stage.candidates if rank is None else stage.candidates[: rank - 1]
    return rank, tuple(candidate.source for candidate in above[:_ABOVE])


def _hit(hits: Sequence[Hit], chunks: Set[str]) -> Hit | None:
    """The first hit that is one of the chunks, or stands for one as its copy."""
    return next(
        (hit for hit in hits if hit.chunk_id in chunks or any(copy.chunk_id in chunks for copy in hit.copies)), None
    )


def _passage_number(
    passages: Sequence[Passage], document_id: str, place: tuple[int, int], chunks: Set[str]
) -> int | None:
    """The passage that holds a place: all of it, or else the chunk that does."""
    own = [passage for passage in passages if passage.document_id == document_id]
    whole = (item.index for item in own if item.text_start <= place[0] and place[1] <= item.text_end)
    part = (item.index for item in own if item.chunk_id in chunks)
    return next(whole, None) or next(part, None)


def _left_out(context: Context, chunks: Set[str], hit: Hit | None) -> str:
    """Why a hit became no passage: a cap's name; ``copy`` where another chunk that says the same stands for it."""
    if hit is None:
        return ""
    if hit.chunk_id not in chunks and any(passage.chunk_id == hit.chunk_id for passage in context.passages):
        return COPY
    left_out = {item.chunk_id: item.reason for item in context.left_out}
    return left_out.get(hit.chunk_id, PASSAGES)
