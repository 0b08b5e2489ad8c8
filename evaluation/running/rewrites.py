"""A generator whose rewritten follow-ups are kept: a conversation is searched for the same in every run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from evaluation.running.kept import AnswerKeys, KeptAnswers
from serving.types import GenerationEvent, GenerationRequest, Generator, GeneratorName


class KeptRewrites:
    """Another generator, whose standalone questions are kept and taken again. Answers go through.

    Args:
        generator: writes.
        keys: names what it wrote.
        kept: keeps it.
    """

    def __init__(self, generator: Generator, keys: AnswerKeys, kept: KeptAnswers) -> None:
        self._generator = generator
        self._keys = keys
        self._kept = kept

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return self._generator.name

    def stream(self, request: GenerationRequest) -> AsyncIterator[GenerationEvent]:
        """See :class:`serving.types.Generator`."""
        # Only a question that is to be rewritten comes without passages.
        return self._generator.stream(request) if request.context.passages else self._rewritten(request)

    async def aclose(self) -> None:
        """See :class:`serving.types.Generator`."""
        await self._generator.aclose()

    async def _rewritten(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        key = self._keys.of_rewrite(request)
        known = self._kept.text(key)
        if known is not None:
            yield known
            return
        pieces: list[str] = []
        async with aclosing(_closable(self._generator.stream(request))) as events:
            async for event in events:
                if isinstance(event, str):
                    pieces.append(event)
                yield event
        self._kept.add(key, "".join(pieces))


async def _closable(events: AsyncIterator[GenerationEvent]) -> AsyncGenerator[GenerationEvent, None]:
    """The same events; closing this closes those of plugins too, whose iterators may be no generators."""
    try:
        async for event in events:
            yield event
    finally:
        if close := getattr(events, "aclose", None):
            await close()
