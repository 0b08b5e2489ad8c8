"""What every generator must hold. A test class inherits it and gives the generator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from serving.types import GenerationEvent, GenerationRequest, Generator
from tests.serving.generate.samples import request, told

SECONDS = 60.0
"""A wait that only a fault uses up."""


class GeneratorContract:
    """Tests for any generator that answers the sample request."""

    @pytest.fixture
    def generator(self) -> Generator:
        """The generator under test; a class that inherits overrides it."""
        raise NotImplementedError

    async def test_it_streams_text(self, generator: Generator) -> None:
        answer = await told(generator.stream(request()))
        assert answer.text.strip()
        assert all(answer.pieces)

    async def test_its_name_is_known_once_it_answered(self, generator: Generator) -> None:
        answer = await told(generator.stream(request()))
        name = answer.names[0] if answer.names else generator.name
        assert name.kind
        assert name.model

    async def test_a_name_comes_first_and_usage_last(self, generator: Generator) -> None:
        order = (await told(generator.stream(request()))).order
        assert "GeneratorName" not in order[1:]
        assert "Usage" not in order[:-1]

    async def test_the_same_request_gets_the_same_answer(self, generator: Generator) -> None:
        assert (await told(generator.stream(request()))).text == (await told(generator.stream(request()))).text

    async def test_two_streams_at_once_do_not_mix(self, generator: Generator) -> None:
        asked = [request(), request("How long does the battery last?")]
        alone = [(await told(generator.stream(one))).text for one in asked]
        together = await asyncio.gather(*(told(generator.stream(one)) for one in asked))
        assert [answer.text for answer in together] == alone

    async def test_closed_early_it_answers_again(self, generator: Generator) -> None:
        events = _events(generator, request())
        assert await anext(events)
        await asyncio.wait_for(events.aclose(), SECONDS)
        await asyncio.wait_for(events.aclose(), SECONDS)
        assert (await told(generator.stream(request()))).text

    async def test_cancelled_it_ends_and_answers_again(self, generator: Generator) -> None:
        begun = asyncio.Event()

        async def listen() -> None:
            async for _ in generator.stream(request()):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(listen())
        await asyncio.wait_for(begun.wait(), SECONDS)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await told(generator.stream(request()))).text

    async def test_it_closes_twice(self, generator: Generator) -> None:
        assert (await told(generator.stream(request()))).text
        await generator.aclose()
        await generator.aclose()

    async def test_it_closes_without_having_answered(self, generator: Generator) -> None:
        await generator.aclose()
        assert generator.name.kind


def _events(generator: Generator, asked: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
    return cast("AsyncGenerator[GenerationEvent, None]", generator.stream(asked))
