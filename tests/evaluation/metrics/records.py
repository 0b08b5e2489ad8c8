"""Records for the tests of metrics, with what does not matter left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from evaluation.metrics.answers import AnswerFacts
from evaluation.records import Case, Evidence, EvidenceState, LocatedEvidence, RankedHit
from retrieval.context import Passage
from serving.evidence.sentences import parse_citations, split_sentences
from serving.types import SentenceCheck


def case(answer: str | None = None, question: str = "What is it?", **fields: Any) -> Case:
    """A case with a reference answer."""
    return msgspec.structs.replace(Case(id="case", question=question, answer=answer), **fields)


def case_with(items: int) -> Case:
    """A case that names so many items of evidence."""
    return case(evidence=tuple(Evidence("notes.md", f"quote {place}") for place in range(items)))


def hit(rank: int, *covers: int) -> RankedHit:
    """A hit that holds some items of evidence."""
    return RankedHit(
        rank=rank, chunk_id=f"c{rank}", document_id="d", source="notes.md", start=0, end=9, score=1 / rank,
        covers=covers,
    )  # fmt: skip


def hits(*covers: Sequence[int]) -> list[RankedHit]:
    """Hits by rank, each with the items that it holds."""
    return [hit(rank, *held) for rank, held in enumerate(covers, start=1)]


def found(index: int, start: int, end: int, document: str = "d", copies: tuple[str, ...] = ()) -> LocatedEvidence:
    """Evidence at a place of a document."""
    return LocatedEvidence(
        index=index, state=EvidenceState.FOUND, source=f"{document}.md", document_id=document, version="v",
        start=start, end=end, copies=copies,
    )  # fmt: skip


def gone(index: int) -> LocatedEvidence:
    """Evidence that the release does not have."""
    return LocatedEvidence(index=index, state=EvidenceState.GONE, source="gone.md")


def passage(text: str, start: int = 0, document: str = "d", index: int = 1) -> Passage:
    """A passage that starts somewhere in a document."""
    end = start + len(text)
    return Passage(
        index=index, chunk_id=f"p{index}", document_id=document, source=f"{document}.md", title="", heading=(),
        page=None, start=start, end=end, chunk=text, text=text, text_start=start, text_end=end, score=1.0,
    )  # fmt: skip


def facts(text: str, *passages: str, abstained: bool = False, support: float = 0.9) -> AnswerFacts:
    """An answer over some passages; every sentence claims something, and has this support by what it cites."""
    checks = []
    for start, end in split_sentences(text):
        cited = tuple(number for mark in parse_citations(text[start:end]) for number in mark.numbers)
        by = support if cited else 0.0
        checks.append(SentenceCheck(start=start, end=end, citations=cited, support=by, supported=by >= 0.5))
    read = tuple(passage(body, index=index) for index, body in enumerate(passages, start=1))
    return AnswerFacts(text=text, abstained=abstained, sentences=tuple(checks), passages=read)
