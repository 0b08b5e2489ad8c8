"""A generator that quotes the passages when the one that should write does not answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from ragpress.errors import GeneratorError, GeneratorRefusedError
from serving.generate.circuit import CircuitState, circuit_of
from serving.types import GenerationEvent, GenerationRequest, Generator, GeneratorName


class FallbackGenerator:
    """Asks the first generator; before its first piece of text any failure hands the request to the second one.

    A refusal (a wrong key, model or length) stays an error: that is for a person to mend, and would stay hidden. So
    does a failure after the first piece: two halves of two answers are no answer. And so does one of a request without
    passages, such as a question to be rewritten: there is nothing to quote.

    Args:
        first: the one that should write.
        second: makes the one to fall back to; called when it is first needed.
    """

    def __init__(self, first: Generator, second: Callable[[], Generator]) -> None:
        self._first = first
        self._make_second = second
        self._second: Generator | None = None

    @property
    def name(self) -> GeneratorName:
        """Of the first; an answer by the second yields its own."""
        return self._first.name

    @property
    def circuit(self) -> CircuitState | None:
        """Of the first."""
        return circuit_of(self._first)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """The first generator's events; or the second one's name and its events.

        Raises:
            GeneratorError: the first refused or broke off, or the second failed too.
        """
        begun = False
        try:
            async with contextlib.aclosing(_closable(self._first.stream(request))) as events:
                async for event in events:
                    begun = begun or isinstance(event, str)
                    yield event
        except GeneratorRefusedError:
            raise
        except GeneratorError:
            if begun or not request.context.passages:
                raise
        else:
            return
        second = self._second_generator()
        yield second.name
        async with contextlib.aclosing(_closable(second.stream(request))) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Close both."""
        await self._first.aclose()
        if self._second is not None:
            await self._second.aclose()

    def _second_generator(self) -> Generator:
        if self._second is None:
            self._second = self._make_second()
        return self._second


async def _closable(events: AsyncIterator[GenerationEvent]) -> AsyncGenerator[GenerationEvent, None]:
    """The same events; closing this closes those of plugins too, whose iterators may be no generators."""
    try:
        async for event in events:
            yield event
    finally:
        if close := getattr(events, "aclose", None):
            await close()
