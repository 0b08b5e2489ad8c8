"""The answer chain as a LangChain Runnable of four Runnables: ``retrieve | prompt | generate | verify``.

Sources: ``langchain_core.runnables.base`` of langchain-core 1.7. A generator's connections belong to the event loop
they were opened on, so every call without ``await`` runs on one loop of its own, in a thread that all chains share;
that also lets such calls be made where a loop is already running.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import msgspec
from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.config import patch_config

from ragpress.errors import UsageError
from serving.chain import Answerer, Generation, Prompted, Retrieved
from serving.types import Answer, AnswerEvent, Question

T = TypeVar("T")
Step = TypeVar("Step", bound=Runnable[Any, Any])

_STARTING = threading.Lock()

AskedFor: TypeAlias = Question | str | Mapping[str, Any]
"""What the chain takes: a Question, its text, or its fields as a mapping."""


class _EventStep(Runnable[T, Answer]):
    """A Runnable over a stream that ends with the answer: ``invoke`` gives the answer, ``stream`` everything."""

    @abstractmethod
    def events(self, inputs: T, config: RunnableConfig) -> AsyncGenerator[AnswerEvent, None]:
        """The deltas and the answer for one input."""

    def invoke(self, input: T, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002 - LangChain's
        """The whole answer."""
        return _run(self.ainvoke(input, config, **kwargs))

    async def ainvoke(self, input: T, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002
        """The whole answer."""
        # Read to the end: to leave at the answer would look like an interruption to those who trace.
        async with contextlib.aclosing(self.astream(input, config, **kwargs)) as events:
            (answer,) = [event async for event in events if isinstance(event, Answer)]
        return answer

    def stream(  # type: ignore[override]  # more than answers comes out
        self,
        input: T,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Generator[AnswerEvent, None, None]:
        """The deltas, then the answer. Closing the iterator stops the generator."""
        events = self.astream(input, config, **kwargs)
        try:
            while (event := _run(_next(events))) is not None:
                yield event
        finally:
            _run(events.aclose())

    async def astream(  # type: ignore[override]  # more than answers comes out
        self,
        input: T,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[AnswerEvent, None]:
        """The deltas, then the answer. Closing the iterator stops the generator."""
        transform = cast("Callable[[AsyncIterator[T]], AsyncIterator[Answer]]", self._transformed)
        stream = self._atransform_stream_with_config(_one(input), transform, config, **kwargs)
        async with contextlib.aclosing(cast("AsyncGenerator[AnswerEvent, None]", stream)) as events:
            async for event in events:
                yield event

    async def _transformed(
        self, inputs: AsyncIterator[T], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncGenerator[AnswerEvent, None]:
        child = patch_config(config, callbacks=run_manager.get_child())
        async for given in inputs:
            async with contextlib.aclosing(self.events(given, child)) as events:
                async for event in events:
                    yield event


class VerifyStep(_EventStep[Generation]):
    """The last step: an answer that is being written, as it is checked."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self.name = "verify"

    def events(self, inputs: Generation, config: RunnableConfig) -> AsyncGenerator[AnswerEvent, None]:  # noqa: ARG002
        """See :meth:`serving.chain.Answerer.verify`."""
        return self._answerer.verify(inputs)


class AnswerChain(_EventStep[AskedFor]):
    """Answers questions: ``chain.invoke("How long is the warranty?").answer``.

    ``invoke``, ``ainvoke``, ``batch`` and ``abatch`` give :class:`serving.types.Answer`; ``stream`` and ``astream``
    give :class:`serving.types.Delta` after Delta, then the Answer.

    Attributes:
        retrieve: Question → :class:`serving.chain.Retrieved`.
        prompt: Retrieved → :class:`serving.chain.Prompted`.
        generate: Prompted → :class:`serving.chain.Generation`, which asks nothing before it is iterated.
        verify: Generation → the events of the answer.

    Args:
        answerer: makes the answers.
    """

    def __init__(self, answerer: Answerer) -> None:
        async def generate(prompted: Prompted) -> Generation:
            return answerer.generate(prompted)

        self.name = "answer"
        self.retrieve: Runnable[AskedFor, Retrieved] = _step(
            "retrieve", RunnableLambda(lambda asked: _run(answerer.retrieve(as_question(asked))), _retrieve(answerer))
        )
        self.prompt: Runnable[Retrieved, Prompted] = _step(
            "prompt", RunnableLambda(lambda found: _run(answerer.prompt(found)), answerer.prompt)
        )
        self.generate: Runnable[Prompted, Generation] = _step("generate", RunnableLambda(answerer.generate, generate))
        self.verify = VerifyStep(answerer)

    async def events(self, inputs: AskedFor, config: RunnableConfig) -> AsyncGenerator[AnswerEvent, None]:
        """One step after another, each a run of its own for those who trace."""
        retrieved = await self.retrieve.ainvoke(inputs, config)
        prompted = await self.prompt.ainvoke(retrieved, config)
        generation = await self.generate.ainvoke(prompted, config)
        async with contextlib.aclosing(self.verify.astream(generation, config)) as events:
            async for event in events:
                yield event


def as_question(asked: AskedFor) -> Question:
    """A question out of what a caller gives.

    Raises:
        UsageError: it has an unknown field, or a value of the wrong type.
    """
    if isinstance(asked, Question):
        return asked
    if isinstance(asked, str):
        return Question(text=asked)
    try:
        return msgspec.convert(asked, Question)
    except msgspec.ValidationError as error:
        known = ", ".join(Question.__struct_fields__)
        raise UsageError(f"The question cannot be read: {error}. Expected text, or a mapping with: {known}.") from error


def _retrieve(answerer: Answerer) -> Any:
    async def retrieve(asked: AskedFor) -> Retrieved:
        return await answerer.retrieve(as_question(asked))

    return retrieve


def _step(name: str, step: Step) -> Step:
    step.name = name
    return step


async def _next(events: AsyncIterator[AnswerEvent]) -> AnswerEvent | None:
    return await anext(events, None)


async def _one(item: T) -> AsyncIterator[T]:
    yield item


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run on the shared loop and wait; when the waiting is broken off, so is the work."""
    loop = _shared_loop()
    if threading.current_thread() is loop.thread:
        work.close()
        raise RuntimeError("The answer chain was called without await from its own event loop: use ainvoke or astream.")
    future = asyncio.run_coroutine_threadsafe(work, loop.loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class _Loop(NamedTuple):
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


def _shared_loop() -> _Loop:
    with _STARTING:
        return _started_loop()


@cache
def _started_loop() -> _Loop:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="ragpress-answers", daemon=True)
    thread.start()
    return _Loop(loop, thread)
