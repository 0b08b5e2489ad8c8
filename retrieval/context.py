"""From hits to the passages that a generator reads: caps, neighbours, a token budget."""

from __future__ import annotations

import msgspec


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered passage of a context.

    Attributes:
        index: its number in the prompt and in citations, from 1.
        chunk_id: the chunk that was found.
        document_id: its document.
        source: the document's source path.
        title: the document's title.
        heading: heading path above it.
        page: 1-based page, slide or sheet of the chunk; None where the format has none.
        start: first code point of the chunk in its version's text.
        end: one past its last.
        chunk: the chunk's own text: what a citation quotes.
        text: what the generator reads: the chunk with its neighbours.
        text_start: first code point of ``text`` in the version's text.
        text_end: one past its last.
        score: fused score of the hit.
        family: number of its family of near-duplicates among the hits, from 1.
        marks: names of the audit marks on its document (``injection``, ``outdated``, ``near_duplicate``, …).
        copies: sources of hits with the same text.
    """

    index: int
    chunk_id: str
    document_id: str
    source: str
    title: str
    heading: tuple[str, ...]
    page: int | None
    start: int
    end: int
    chunk: str
    text: str
    text_start: int
    text_end: int
    score: float
    family: int = 0
    marks: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


class LeftOut(msgspec.Struct, frozen=True):
    """A hit that did not become a passage, and why: ``source_cap``, ``family_cap``, ``passages`` or ``tokens``."""

    chunk_id: str
    source: str
    reason: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a generator may use.

    Attributes:
        release: id of the release.
        query: the standalone question that was searched for.
        passages: numbered from 1, best first.
        left_out: hits that caps or the budget kept out.
        tokens: tokens of all passages together, in the embedder's tokens.
        best_cosine: cosine of the nearest chunk; None when the dense search did not run or found nothing.
        best_lexical: BM25 score of the best chunk over the highest score a chunk could get for the query (0..1); None
            when the lexical search did not run or the query has no term.
    """

    release: str
    query: str
    passages: tuple[Passage, ...]
    left_out: tuple[LeftOut, ...] = ()
    tokens: int = 0
    best_cosine: float | None = None
    best_lexical: float | None = None
