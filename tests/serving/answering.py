"""What the tests of answers share: passages, a scripted generator, a checker by words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from ragpress.answer_settings import AnswerSettings, ContextSettings
from ragpress.prompts import PromptVersion, built_in
from retrieval.context import Context, Passage
from retrieval.scope import Filter, Principal
from serving.chain import Answerer, AnswerParts
from serving.evidence.terms import terms_of
from serving.types import AnswerEvent, Delta, GenerationEvent, GenerationRequest, GeneratorName, Question


def passage(index: int, text: str, **changes: Any) -> Passage:
    """A passage whose chunk is all of it."""
    made = Passage(
        index=index,
        chunk_id=f"chunk{index}",
        document_id=f"document{index}",
        source=f"docs/{index}.md",
        title=f"Title {index}",
        heading=(),
        page=None,
        start=0,
        end=len(text),
        chunk=text,
        text=text,
        text_start=0,
        text_end=len(text),
        score=1.0 / index,
        family=index,
    )
    return msgspec.structs.replace(made, **changes)


class WordChecker:
    """Share of a sentence's words that its evidence holds."""

    name = "words"

    def support(self, sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[float]:
        return [
            terms_of(sentence).coverage(set(terms_of(" ".join(texts)).stems))
            for sentence, texts in zip(sentences, evidence, strict=True)
        ]


class Passages:
    """Gives the same passages to everybody, and remembers who asked for what."""

    def __init__(self, *passages: Passage, notes: tuple[str, ...] = ()) -> None:
        self.passages = passages
        self.notes = notes
        self.asked: list[tuple[str, Principal, Filter | None, int | None]] = []

    def context(
        self,
        query: str,
        settings: ContextSettings | None = None,
        *,
        k: int | None = None,
        caller: Principal,
        where: Filter | None = None,
    ) -> Context:
        self.asked.append((query, caller, where, k))
        return Context(release="r1", query=query, passages=self.passages, notes=self.notes)

    def scope_key(self, caller: Principal) -> str:
        return "scope of " + ",".join(sorted(caller.groups))


class FixedScore:
    """The same evidence for every question."""

    def __init__(self, value: float) -> None:
        self.value = value

    def score(self, question: str, context: Context) -> float:
        return self.value


class Scripted:
    """A generator that says what it is told to: pieces, usage, names, errors; ``None`` waits for ever.

    Attributes:
        requests: what it was asked.
        closed: how many of its streams were closed or ended.
    """

    def __init__(self, *script: GenerationEvent | Exception | None, kind: str = "openai") -> None:
        self.name = GeneratorName(kind, "scripted")
        self.script = script
        self.requests: list[GenerationRequest] = []
        self.closed = 0
        self.given_back = False

    async def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
        self.requests.append(request)
        try:
            for event in self.script:
                if event is None:
                    await asyncio.Event().wait()
                elif isinstance(event, Exception):
                    raise event
                else:
                    yield event
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        self.given_back = True


def answerer(
    generator: Any,
    *passages: Passage,
    evidence: float = 1.0,
    source: Passages | None = None,
    prompt: Callable[[], PromptVersion] = built_in,
    **settings: Any,
) -> Answerer:
    """An Answerer over fixed passages."""
    return Answerer(
        AnswerParts(
            source=source or Passages(*passages),
            scorer=FixedScore(evidence),
            generator=generator,
            checker=WordChecker(),
            prompt=prompt(),
            answer=AnswerSettings(**settings),
            context=ContextSettings(),
        )
    )


async def events_of(asked: Answerer, question: str | Question) -> list[AnswerEvent]:
    """Every event of an answer."""
    given = Question(text=question) if isinstance(question, str) else question
    return [event async for event in asked.stream(given)]


def text_of(events: Sequence[AnswerEvent]) -> str:
    """The deltas, joined."""
    return "".join(event.text for event in events if isinstance(event, Delta))
