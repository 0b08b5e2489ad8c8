"""The records that a search gives: hits, and the account of how they were found."""

from __future__ import annotations

import msgspec

DENSE = "dense"
LEXICAL = "lexical"
RERANK = "rerank"

Place = tuple[int, int]
"""A chunk row: segment number and row in it."""

Ranking = list[tuple[Place, float]]
"""Rows with a stage's own score, best first."""


class StageScore(msgspec.Struct, frozen=True):
    """Where a stage ranked a chunk (from 1), and the stage's own score (cosine, BM25, the reranker's)."""

    rank: int
    score: float


class Copy(msgspec.Struct, frozen=True):
    """A chunk of (nearly) the same text that a hit stands for as well."""

    chunk_id: str
    document_id: str
    source: str


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that was found.

    Attributes:
        rank: from 1.
        chunk_id: its id.
        document_id: its document.
        source: the document's source path.
        title: the document's title.
        heading: heading path above it.
        page: 1-based page, slide or sheet; None where the format has none.
        start: first code point in the version's text.
        end: one past the last.
        text: the chunk's text.
        score: fused score.
        stages: rank and score of each stage that found it: ``dense``, ``lexical``, ``rerank``.
        copies: chunks of (nearly) the same text that were found too, best first; only ones the caller may read.
        marks: names of the audit marks on its document (``injection``, ``outdated``, …), sorted.
    """

    rank: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    score: float
    stages: dict[str, StageScore]
    copies: tuple[Copy, ...] = ()
    marks: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True):
    """A chunk as one stage saw it: rank from 1, and the stage's own score."""

    rank: int
    chunk_id: str
    source: str
    score: float


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage of a search did.

    Attributes:
        name: ``scope``, ``embed``, ``dense``, ``lexical``, ``fused``, ``reranked`` or ``collapsed``.
        wall_ms: milliseconds it took.
        cpu_ms: milliseconds of processor time of the calling thread.
        cached: whether its result came out of a cache.
        candidates: what it ranked, best first; empty for stages that rank nothing.
    """

    name: str
    wall_ms: float
    cpu_ms: float
    cached: bool = False
    candidates: tuple[Candidate, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How a question was searched. It speaks only of documents that the caller may find.

    Attributes:
        release: id of the release.
        query: the question.
        k: hits asked for.
        rows: chunks that this caller could find with this filter.
        depth: candidates that each search gave to the fusion.
        cached: whether the results of this very question stood in the cache (they were found anew all the same).
        stages: in the order they ran.
        hits: what a search gives.
        notes: what went otherwise than set, in words: a reranker that failed, a question that was cut.
    """

    release: str
    query: str
    k: int
    rows: int
    depth: int
    cached: bool
    stages: tuple[Stage, ...]
    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()
