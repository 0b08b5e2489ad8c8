"""How far a place in a document comes along the chain for a question: each search, fusion, hits, passages."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property

import pyarrow as pa
from msgspec.structs import replace

from evaluation.subjects import Subject
from feedback.records import Ranks
from ragpress.errors import ReleaseError
from retrieval.context import PASSAGES, Context, Passage
from retrieval.hits import DENSE, LEXICAL, Explanation, Hit, Stage
from serving.standalone import standalone_by_rule
from serving.types import Question

DEEP = 100
"""Hits that are looked at for a place that the release's own search does not find."""

COPY = "copy"
"""Why a hit became no passage: another chunk that says the same stands for it."""

_ABOVE = 50
_SPARE = 3
_ORDERED = ("reranked", "fused")


def ranks_of(subject: Subject, question: Question, document_id: str, start: int, end: int) -> Ranks:
    """How far a place comes for a question, as its caller asks it; see :class:`Searched`.

    Args:
        subject: the release.
        question: as asked.
        document_id: the document.
        start: first code point of the place in the version's text.
        end: one past its last.

    Raises:
        RagpressError: searching failed.
    """
    return Searched(subject, question).ranks(document_id, start, end)


class Searched:
    """A question as a release searches it, for the ranks of any number of places.

    The release's own depth is looked at first, as an answer does; where a place is not found there, one deeper search
    tells how far away it is.

    Args:
        subject: the release.
        question: as asked.
    """

    def __init__(self, subject: Subject, question: Question) -> None:
        self._subject = subject
        self._question = question
        self._text = standalone_by_rule(question.text, question.history)

    @cached_property
    def context(self) -> Context:
        """The passages of the prompt."""
        asked, settings = self._question, self._subject.answerer.parts.context
        return self._subject.searcher.context(self._text, settings, k=asked.k, caller=asked.caller, where=asked.where)

    @cached_property
    def shallow(self) -> Explanation:
        """The search that the passages come of."""
        return self._explained(self._question.k or self._subject.answerer.parts.context.passages + _SPARE)

    @cached_property
    def deep(self) -> Explanation:
        """A search that goes deeper than any answer does."""
        return self._explained(DEEP)

    def ranks(self, document_id: str, start: int, end: int) -> Ranks:
        """How far a place came.

        Raises:
            RagpressError: searching failed.
        """
        chunks = set(chunks_at(self._subject, document_id, start, end))
        explained, found = self.shallow, _ranks(self.shallow, chunks)
        if found.hit is None:
            explained, deep = self.deep, _ranks(self.deep, chunks)
            found = replace(
                found,
                dense=found.dense or deep.dense,
                lexical=found.lexical or deep.lexical,
                fused=found.fused or deep.fused,
                hit=deep.hit,
                above=found.above if found.fused else deep.above,
            )
        number = _passage_number(self.context.passages, document_id, (start, end), chunks)
        left_out = "" if number is not None else _left_out(self.context, chunks, _hit(explained.hits, chunks))
        return replace(found, passage=number, left_out=left_out)

    def _explained(self, k: int) -> Explanation:
        asked = self._question
        return self._subject.searcher.explain(self._text, k, caller=asked.caller, where=asked.where)


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
