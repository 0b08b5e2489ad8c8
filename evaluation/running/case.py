"""One case on one release: retrieve, prompt, answer (or take the kept answer), score. What fails becomes data."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import msgspec
from msgspec.structs import replace

from evaluation.cases.locate import EvidenceFinder, Place, covers
from evaluation.cases.review import review_reason
from evaluation.metrics.answers import AnswerFacts, Scorer
from evaluation.metrics.retrieval import retrieval_scores
from evaluation.metrics.spans import span_scores
from evaluation.records import Case, CaseError, CaseResult, Cost, LocatedEvidence, RankedHit, Scored
from evaluation.running.kept import AnswerKeys, KeptAnswer, KeptAnswers, keep
from evaluation.running.metering import MeteredSource, Tally, tallied
from ragpress.fingerprint import hexdigest
from retrieval.access import principal_of
from retrieval.hits import Hit
from serving.chain import Answerer, Prompted
from serving.types import Answer, Question

RETRIEVE, GENERATE, SCORE = "retrieve", "generate", "score"
"""Steps of a case, as errors name them."""


class CaseTools(msgspec.Struct, frozen=True, kw_only=True):
    """What cases of one release are run with.

    Attributes:
        answerer: answers; its source is the metered one.
        source: searches.
        finder: finds evidence.
        scorer: scores answers.
        keys: names answers.
        kept: answers of earlier runs.
        k: hits that retrieval metrics look at.
    """

    answerer: Answerer
    source: MeteredSource
    finder: EvidenceFinder
    scorer: Scorer
    keys: AnswerKeys
    kept: KeptAnswers
    k: int


class CaseRun:
    """A case that is being run, and what is known of it so far.

    Args:
        tools: what it is run with.
        case: the case.
        tally: what it costs.

    Attributes:
        error: the exception that ended it.
        asked: whether a generator was asked.
        made: what a new answer cost; None where it was known, or there is none.
        spared: what a known answer had cost; None where it was made.
        seconds: what a kill would cost that comes before it is sealed; 0 where answer and scores were known.
    """

    def __init__(self, tools: CaseTools, case: Case, tally: Tally) -> None:
        self._tools = tools
        self._case = case
        self._tally = tally
        self._step = RETRIEVE
        self._found = CaseResult(case=case.id, fingerprint=case.fingerprint, key="")
        self.error: Exception | None = None
        self.asked = False
        self.made: Cost | None = None
        self.spared: Cost | None = None
        self.seconds = 0.0

    async def result(self) -> CaseResult:
        """Run it."""
        with tallied(self._tally):
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is this case's result
                self.error = error
                return replace(self._found, error=CaseError(self._step, type(error).__name__, str(error)))
        return self._found

    async def _run(self) -> None:
        kept, (prompted, ranked) = self._tools.kept, await self._retrieved()
        keys = self._tools.keys.of(self._case, prompted)
        self._found = replace(self._found, key=keys.scores.hex())
        answer, scored = kept.answer(keys.answer), kept.scores(keys.scores)
        began = time.perf_counter()
        if answer is None:
            answer = await self._answered(prompted)
            kept.add(keys.answer, answer)
            self.made = answer.cost
        else:
            self.spared = answer.cost
        reused = self.made is None and scored is not None
        found = self._with_answer(answer, reused)
        if not reused or scored is None:
            self._step = SCORE
            scored = await asyncio.to_thread(self._tools.scorer.score, self._case, _facts(found))
            kept.add(keys.scores, scored)
            self.seconds = time.perf_counter() - began
        scores, missing = ranked.scores | scored.scores, ranked.missing | scored.missing
        self._found = replace(found, scores=scores, missing=missing)

    async def _retrieved(self) -> tuple[Prompted, Scored]:
        """The case with its passages, and the metrics of retrieval."""
        tools, case = self._tools, self._case
        question = question_of(case)
        retrieved = await tools.answerer.retrieve(question)
        passages = retrieved.context.passages
        found = await asyncio.to_thread(tools.source.search, retrieved.standalone, tools.k, question.caller)
        located = tools.finder.locate(case)
        copies = tools.finder.copies(case)
        hits = tuple(_ranked(hit, located, copies) for hit in found)
        review = review_reason(located)
        self._found = replace(self._found, passages=passages, hits=hits, evidence=located, review=review)
        prompted = await tools.answerer.prompt(retrieved)
        self._step = SCORE
        quotes = [item.quote for item in case.evidence]
        ranks, spans = retrieval_scores(case, hits, located, tools.k), span_scores(located, passages, quotes)
        return prompted, Scored(ranks.scores | spans.scores, ranks.missing | spans.missing)

    async def _answered(self, prompted: Prompted) -> KeptAnswer:
        self._step, self.asked = GENERATE, prompted.request is not None
        before, answerer = self._tally.embedded, self._tools.answerer
        async with aclosing(answerer.verify(answerer.generate(prompted))) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return keep(event, self._tally.embedded - before)
        raise AssertionError("a stream of an answer ends with the answer")

    def _with_answer(self, answer: KeptAnswer, reused: bool) -> CaseResult:
        return replace(
            self._found,
            answer=answer.answer,
            abstained=answer.abstained,
            citations=answer.citations(self._found.passages),
            sentences=answer.sentences,
            generator=answer.generator,
            cost=answer.cost,
            reused=reused,
        )


def question_of(case: Case) -> Question:
    """The question as it is asked. Its id, and with it the mark in the prompt, is the same in every run."""
    turns = [[turn.role, turn.content] for turn in case.history]
    fixed = hexdigest("evaluation", case.question, turns)
    return Question(id=fixed, text=case.question, history=case.history, caller=principal_of(case.principal))


def _facts(found: CaseResult) -> AnswerFacts:
    return AnswerFacts(
        text=found.answer or "",
        abstained=found.abstained,
        citations=found.citations,
        sentences=found.sentences,
        passages=found.passages,
    )


def _ranked(hit: Hit, located: tuple[LocatedEvidence, ...], copies: tuple[Place, ...]) -> RankedHit:
    return RankedHit(
        rank=hit.rank,
        chunk_id=hit.chunk_id,
        document_id=hit.document_id,
        source=hit.source,
        start=hit.start,
        end=hit.end,
        score=hit.score,
        covers=covers(hit.document_id, hit.source, hit.start, hit.end, located, copies),
    )
