"""The answer's record out of what the steps found: citations with quotes, warnings, times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ragpress.prompts import Prompt
from retrieval.context import Passage
from serving.abstention import is_abstention
from serving.evidence.support import best_quote
from serving.notices import notices
from serving.types import Answer, Citation, FinishReason, GeneratorName, Seconds, SentenceCheck, Usage
from serving.verify import VerifiedText

if TYPE_CHECKING:
    from serving.chain import AnswerParts, Prompted, Retrieved

NOBODY = GeneratorName("none", "")
"""Who writes an abstention that no generator was asked for."""


class Made:
    """What has been made of one answer so far.

    Attributes:
        text: what has left.
        abstained: whether the service itself turned the question down.
        generator: who wrote it.
        usage: tokens.
        first_token: seconds from the question to the first piece; None while there was none.
        checks: of its sentences.
        removed: numbers of made-up citations.
        finish: why the text ends.

    Args:
        prompted: the question with its prompt.
        parts: what answers are made of.
    """

    def __init__(self, prompted: Prompted, parts: AnswerParts) -> None:
        self.prompted = prompted
        self.parts = parts
        self.text = ""
        self.abstained = False
        self.generator = parts.generator.name if prompted.request else NOBODY
        self.usage = Usage()
        self.first_token: float | None = None
        self.checks: tuple[SentenceCheck, ...] = ()
        self.removed: tuple[int, ...] = ()
        self.finish: FinishReason = "stop"
        self._named = False

    @property
    def retrieved(self) -> Retrieved:
        """The question with its passages."""
        return self.prompted.retrieved

    def wrote_at(self, moment: float) -> None:
        """A piece of text came at a moment of ``time.perf_counter``."""
        if self.first_token is None:
            self.first_token = moment - self.retrieved.began

    def take(self, verified: VerifiedText) -> None:
        """The text is whole; keep what its check found."""
        self.text = verified.text
        self.checks = tuple(verified.checks)
        self.removed = verified.removed_citations
        self.abstained = is_abstention(verified.claims, self.parts.prompt.prompt)


def turned_down(prompt: Prompt, language: str) -> str:
    """What the service says when the documents do not answer."""
    return prompt.in_language(prompt.abstain, language).strip()


def assemble(made: Made) -> Answer:
    """The record of an answer."""
    retrieved, parts = made.retrieved, made.parts
    passages = retrieved.context.passages
    citations = _citations(made, passages)
    return Answer(
        id=retrieved.question.id,
        question=retrieved.question.text,
        standalone=retrieved.standalone,
        answer=made.text,
        abstained=made.abstained,
        language=retrieved.language,
        citations=citations,
        sentences=made.checks,
        evidence=retrieved.evidence,
        release=retrieved.context.release,
        generator=made.generator,
        prompt=f"{parts.prompt.name}@{parts.prompt.fingerprint}",
        seconds=Seconds(made.prompted.seconds, made.first_token, time.perf_counter() - retrieved.began),
        usage=made.usage,
        context=passages,
        warnings=(
            *retrieved.context.notes,
            *notices(retrieved.standalone, passages, frozenset(citation.index for citation in citations)),
        ),
        removed_citations=made.removed,
        finish=made.finish,
    )


def _citations(made: Made, passages: tuple[Passage, ...]) -> tuple[Citation, ...]:
    """Every passage that the text cites, by number, with what it says about the sentence it supports best."""
    best: dict[int, SentenceCheck] = {}
    for check in made.checks:
        for number in check.citations:
            if number not in best or (check.support or 0.0) > (best[number].support or 0.0):
                best[number] = check
    return tuple(_citation(passage, best[passage.index], made.text) for passage in passages if passage.index in best)


def _citation(passage: Passage, check: SentenceCheck, text: str) -> Citation:
    start, end = best_quote(text[check.start : check.end], passage.chunk)
    return Citation(
        index=passage.index,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        source=passage.source,
        title=passage.title,
        heading=passage.heading,
        page=passage.page,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.chunk[start:end],
        score=check.support or 0.0,
        copies=passage.copies,
    )
