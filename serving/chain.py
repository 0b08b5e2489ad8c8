"""From a question to a checked answer in four steps: retrieve → prompt → generate → verify.

:class:`Answerer` is plain asyncio; ``serving.runnable`` gives it LangChain's face. Searching and checking take
processor time and run in threads, so that other answers go on streaming meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

import msgspec

from ragpress.answer_settings import AnswerSettings, ContextSettings
from ragpress.errors import GeneratorError, UsageError
from ragpress.prompts import PromptVersion
from retrieval.context import Context
from retrieval.query import whole_characters
from retrieval.scope import Filter, Principal
from serving.assemble import Made, assemble, turned_down
from serving.language import answer_language
from serving.prompting import Asked, build_messages, delimiter_of, new_answer_id, without_hidden
from serving.safe_text import SafeText
from serving.standalone import checked_rewrite, rewrite_messages, standalone_by_rule
from serving.telemetry import spans
from serving.types import (
    Answer,
    AnswerEvent,
    Checker,
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    Generator,
    GeneratorName,
    Question,
    Turn,
    Usage,
)
from serving.verify import SentenceJudge, VerifiedText

REWRITE_SECONDS = 8.0
"""The longest wait for a model's standalone question; then the rule makes one."""

_QUOTES = "extractive"


class ContextSource(Protocol):
    """Where passages come from: a :class:`retrieval.search.Searcher`."""

    def context(
        self,
        query: str,
        settings: ContextSettings | None = None,
        *,
        k: int | None = None,
        caller: Principal,
        where: Filter | None = None,
    ) -> Context:
        """The passages for a standalone question."""
        ...

    def scope_key(self, caller: Principal) -> str:
        """A name for what the caller may read: equal for callers who may read the same."""
        ...


class EvidenceScore(Protocol):
    """Scores evidence: a :class:`serving.evidence.score.EvidenceScorer`."""

    def score(self, question: str, context: Context) -> float:
        """How well the passages bear on the question, 0..1."""
        ...


class AnswerParts(msgspec.Struct, frozen=True, kw_only=True):
    """What answers of one release are made of.

    Attributes:
        source: finds passages.
        scorer: scores the evidence before anything is generated.
        generator: writes.
        checker: checks what was written.
        prompt: the release's prompt version.
        answer: how answers are checked.
        context: which passages are read.
    """

    source: ContextSource
    scorer: EvidenceScore
    generator: Generator
    checker: Checker
    prompt: PromptVersion
    answer: AnswerSettings
    context: ContextSettings


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its passages.

    Attributes:
        question: as asked, with an id.
        standalone: what was searched for.
        language: ISO code of the language to answer in.
        context: the passages.
        evidence: how well they bear on the question, 0..1.
        began: when the question came, seconds of ``time.perf_counter``.
    """

    question: Question
    standalone: str
    language: str
    context: Context
    evidence: float
    began: float


class Prompted(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its prompt.

    Attributes:
        retrieved: the question with its passages.
        request: what the generator gets; None where the evidence is too weak to generate anything.
        seconds: from the question until now.
    """

    retrieved: Retrieved
    request: GenerationRequest | None
    seconds: float


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is being written.

    Attributes:
        prompted: the question with its prompt.
        events: what the generator yields; None where nothing is generated. Nothing is asked before it is iterated.
    """

    prompted: Prompted
    events: AsyncIterator[GenerationEvent] | None


class Answerer:
    """Answers questions from one release. Any number of answers may be made at once, on one event loop.

    Args:
        parts: what answers are made of.
    """

    def __init__(self, parts: AnswerParts) -> None:
        self.parts = parts

    async def answer(self, question: Question) -> Answer:
        """The whole answer.

        Raises:
            UsageError: the question is empty, or its filter is wrong.
            GeneratorError: the generator failed.
            RagpressError: searching failed.
        """
        async with contextlib.aclosing(self.stream(question)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream of an answer ends with the answer")

    async def stream(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """The answer's text as it is checked, then the answer. Closing the iterator stops the generator.

        Raises:
            RagpressError: as :meth:`answer` does, also after some text.
        """
        retrieved = await self.retrieve(question)
        prompted = await self.prompt(retrieved)
        async with contextlib.aclosing(self.verify(self.generate(prompted))) as events:
            async for event in events:
                yield event

    async def retrieve(self, question: Question) -> Retrieved:
        """Make the question stand alone, find its passages and score them.

        Raises:
            UsageError: the question is empty, or its filter is wrong.
            RagpressError: searching failed.
        """
        began = time.perf_counter()
        if not without_hidden(question.text).strip():
            raise UsageError("The question is empty: expected some words.")
        asked = _received(question)
        with spans.retrieving(asked.k) as span:
            standalone = await self._standalone(asked)
            retrieved = await asyncio.to_thread(self._search, asked, standalone, began)
            span.found(retrieved.context)
        return retrieved

    async def prompt(self, retrieved: Retrieved) -> Prompted:
        """Write the prompt, unless the evidence is too weak."""
        context, settings = retrieved.context, self.parts.answer
        request = None
        if context.passages and retrieved.evidence >= settings.abstain:
            request = self._request(retrieved)
        return Prompted(retrieved=retrieved, request=request, seconds=time.perf_counter() - retrieved.began)

    def generate(self, prompted: Prompted) -> Generation:
        """Hand the prompt to the generator. Nothing is asked of it before the events are iterated."""
        request = prompted.request
        return Generation(prompted=prompted, events=self.parts.generator.stream(request) if request else None)

    async def verify(self, generation: Generation) -> AsyncGenerator[AnswerEvent, None]:
        """The text as it is checked, then the answer. Closing the iterator closes the generator's.

        Raises:
            GeneratorError: the generator failed.
        """
        made = Made(prompted=generation.prompted, parts=self.parts)
        if generation.events is not None:
            with spans.generating(self.parts.generator.name) as span:
                async with _closing(generation.events) as events:
                    async for delta in self._checked(events, made):
                        yield delta
                span.wrote(made.generator, made.usage, made.finish)
        if not made.text:
            made.text = turned_down(self.parts.prompt.prompt, made.retrieved.language)
            made.abstained = True
            yield Delta(made.text)
        answer = await asyncio.to_thread(assemble, made)
        spans.answered(answer, made.retrieved.question.history)
        yield answer

    async def aclose(self) -> None:
        """Close the generator's connections."""
        await self.parts.generator.aclose()

    async def _checked(self, events: AsyncIterator[GenerationEvent], made: Made) -> AsyncIterator[Delta]:
        verified = self._verified(made.retrieved)
        async for event in events:
            if isinstance(event, Usage):
                made.usage = event
            elif isinstance(event, GeneratorName):
                made.generator = event
            elif isinstance(event, Finish):
                made.finish = event.reason
            else:
                made.wrote_at(time.perf_counter())
                async for text in verified.feed(event):
                    yield Delta(text)
        async for text in verified.finish():
            yield Delta(text)
        made.take(verified)

    def _verified(self, retrieved: Retrieved) -> VerifiedText:
        settings, prompt = self.parts.answer, self.parts.prompt.prompt
        passages = retrieved.context.passages
        return VerifiedText(
            SafeText(
                [passage.index for passage in passages],
                [passage.text for passage in passages],
                delimiter_of(retrieved.question.id),
            ),
            SentenceJudge(self.parts.checker, passages, settings.support, prompt),
            settings.unsupported,
            prompt.in_language(prompt.unsupported, retrieved.language),
        )

    def _search(self, asked: Question, standalone: str, began: float) -> Retrieved:
        context = self.parts.source.context(
            standalone, self.parts.context, k=asked.k, caller=asked.caller, where=asked.where
        )
        return Retrieved(
            question=asked,
            standalone=standalone,
            language=answer_language(asked.text, asked.history),
            context=context,
            evidence=self.parts.scorer.score(standalone, context),
            began=began,
        )

    def _request(self, retrieved: Retrieved) -> GenerationRequest:
        asked = retrieved.question
        about = Asked(text=asked.text, language=retrieved.language, history=asked.history)
        passages = retrieved.context.passages
        return GenerationRequest(
            messages=build_messages(self.parts.prompt.prompt, passages, about, delimiter_of(asked.id)),
            context=retrieved.context,
            question=retrieved.standalone,
            language=retrieved.language,
            prompt=self.parts.prompt,
            typed=asked.text,
            cache_salt=self.parts.source.scope_key(asked.caller),
        )

    async def _standalone(self, asked: Question) -> str:
        text = without_hidden(asked.text)
        if not any(turn.role == "user" for turn in asked.history):
            return text
        if self.parts.answer.rewrite and self.parts.generator.name.kind != _QUOTES:
            rewritten = await self._rewritten(asked)
            if rewritten is not None:
                return rewritten
        return await asyncio.to_thread(standalone_by_rule, text, asked.history)

    async def _rewritten(self, asked: Question) -> str | None:
        """The standalone question as a model writes it; None where it fails, or writes none."""
        request = GenerationRequest(
            messages=rewrite_messages(self.parts.prompt.prompt, asked.text, asked.history),
            context=Context(release="", query=asked.text, passages=()),
            question=asked.text,
            language=answer_language(asked.text, asked.history),
            prompt=self.parts.prompt,
            cache_salt=self.parts.source.scope_key(asked.caller),
        )
        try:
            async with asyncio.timeout(REWRITE_SECONDS), _closing(self.parts.generator.stream(request)) as events:
                pieces = [event async for event in events if isinstance(event, str)]
        except (TimeoutError, GeneratorError):
            # The answer itself will tell what is wrong with the server; the question can be made without it.
            return None
        return checked_rewrite("".join(pieces), asked.text, asked.history)


def _received(question: Question) -> Question:
    """A question with an id, and without the halves of characters that terminals and JSON can bring."""
    return msgspec.structs.replace(
        question,
        id=question.id or new_answer_id(),
        text=whole_characters(question.text),
        history=tuple(Turn(turn.role, whole_characters(turn.content)) for turn in question.history),
    )


@contextlib.asynccontextmanager
async def _closing(events: AsyncIterator[GenerationEvent]) -> AsyncIterator[AsyncIterator[GenerationEvent]]:
    """Close an iterator in the end, where it can be closed: that is what stops a generator."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
