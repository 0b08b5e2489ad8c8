"""A served model: vLLM, or any server of OpenAI's chat completions, streamed.

What a caller waits for is bounded (first token, pause between tokens, the whole answer), failures are tried again
while nothing was streamed, and a circuit leaves a failing server alone. When the caller leaves, by ``aclose`` of the
iterator or by cancelling the task, the connection closes, which is how servers learn that nobody waits any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast

import httpx2
import msgspec
import openai

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import (
    GeneratorBusyError,
    GeneratorError,
    GeneratorRefusedError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
)
from serving.generate.circuit import Attempt, Circuit, CircuitState
from serving.generate.events import Completion, EventDecoder, broken_off
from serving.generate.server import ServedModel, Server
from serving.types import Finish, GenerationEvent, GenerationRequest, GeneratorName

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncStream
    from openai._response import AsyncResponseContextManager
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

KIND = "openai"

_CHARACTERS_PER_TOKEN = 256
_LONGEST_PAUSE = 10.0
_DRAIN_SECONDS = 0.2


class _Facts(msgspec.Struct, frozen=True):
    """What was learnt of the server: the model's name, and whether its prefix cache takes a salt."""

    model: str
    salts: bool


class _Deadlines(msgspec.Struct):
    """Moments of the event loop's clock: the first token's, and the whole answer's."""

    first: float
    whole: float


class ServedGenerator:
    """Streams answers from a server of OpenAI-compatible chat completions.

    Args:
        settings: the ``[generator]`` section.
        key: the server's key; "" for none.
        clock: monotonic seconds, for the circuit.
        sleep: waits between two tries.

    Raises:
        SettingsError: base_url or the key cannot be used.
    """

    def __init__(
        self,
        settings: GeneratorSettings,
        key: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._server = Server(settings, key)
        self._circuit = Circuit(settings.circuit_failures, settings.circuit_seconds, clock)
        self._sleep = sleep
        self._draw = random.SystemRandom().random
        self._facts: _Facts | None = None

    @property
    def name(self) -> GeneratorName:
        """``openai`` and the model; the model is "" while it is to be the server's only one and was not asked for."""
        return GeneratorName(KIND, self._settings.model or (self._facts.model if self._facts else ""))

    @property
    def circuit(self) -> CircuitState:
        """What the circuit to the server does with the next request."""
        return self._circuit.state

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """The model's name where the settings leave it to the server, the text, why it was cut, the usage.

        Raises:
            GeneratorError: see ``docs/generators.md`` for which fault gives which error.
        """
        whole = asyncio.get_running_loop().time() + self._settings.seconds
        for number in itertools.count():
            attempt = self._admit()
            streamed = False
            try:
                async with contextlib.aclosing(self._once(request, whole, attempt)) as events:
                    async for event in events:
                        streamed = True
                        yield event
            except GeneratorError as error:
                self._tell(attempt, error)
                wait = pause(number, error, self._draw())
                if streamed or not self._tries_again(number, error, wait, whole):
                    raise
            else:
                return
            finally:
                attempt.abandoned()
            await self._sleep(wait)

    async def aclose(self) -> None:
        """Close the connections. Answers that still stream fail."""
        await self._server.aclose()

    def _admit(self) -> Attempt:
        attempt = self._circuit.admit()
        if attempt is not None:
            return attempt
        wait = self._circuit.retry_after
        raise GeneratorUnavailableError(
            f"{self._server.address} failed {self._circuit.failures} times in a row and is left alone for now. One "
            f"request may try again in {wait:.0f} s. See the server's log, and `ragpress doctor`.",
            retry_after=wait,
        )

    def _tell(self, attempt: Attempt, error: GeneratorError) -> None:
        match error:
            case GeneratorBusyError():
                attempt.abandoned()
            case GeneratorRefusedError():
                attempt.succeeded()
            case _:
                # It may come back as another server, with another model.
                self._facts = None
                attempt.failed()

    def _tries_again(self, number: int, error: GeneratorError, wait: float, whole: float) -> bool:
        in_time = wait <= _LONGEST_PAUSE and asyncio.get_running_loop().time() + wait < whole
        open_ = self._circuit.retry_after > 0
        return number < self._settings.retries and error.retry_after is not None and in_time and not open_

    async def _once(
        self, request: GenerationRequest, whole: float, attempt: Attempt
    ) -> AsyncGenerator[GenerationEvent, None]:
        now = asyncio.get_running_loop().time()
        until = _Deadlines(first=min(now + self._settings.first_token_seconds, whole), whole=whole)
        facts = await self._know(request, until)
        completion = Completion(self._settings.max_tokens * _CHARACTERS_PER_TOKEN, self._server.key)
        async with contextlib.aclosing(self._blocks(request, facts, completion, until)) as blocks:
            named = bool(self._settings.model)
            async for text in _texts(blocks, completion, attempt):
                if not named:
                    named = True
                    yield self.name
                yield text
            completion.check_whole()
            attempt.succeeded()
            if completion.cut:
                yield Finish(completion.cut)
            yield completion.usage
            await _drain(blocks)

    async def _know(self, request: GenerationRequest, until: _Deadlines) -> _Facts:
        """The server's facts, asked for once and only where the request depends on them."""
        if self._facts is not None:
            return self._facts
        if self._settings.model and not request.cache_salt:
            return _Facts(self._settings.model, salts=False)
        try:
            models = await self._server.models(until.first - asyncio.get_running_loop().time())
        except GeneratorRefusedError:
            # It answers chats, perhaps, but does not list its models.
            models = ()
        self._facts = _Facts(
            model=self._settings.model or only_model(models, self._server.address),
            salts=any(model.owned_by == "vllm" for model in models),
        )
        return self._facts

    async def _blocks(
        self, request: GenerationRequest, facts: _Facts, completion: Completion, until: _Deadlines
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of the response as they come, each waited for no longer than it may take."""
        clock = asyncio.get_running_loop().time
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(until.first):
                    response = await stack.enter_async_context(self._open(request, facts))
                received = response.iter_bytes()
                while True:
                    limit = min(clock() + self._settings.idle_seconds, until.whole) if completion.alive else until.first
                    async with asyncio.timeout_at(limit):
                        block = await anext(received, None)
                    if block is None:
                        return
                    yield block
            except TimeoutError as error:
                raise self._late(completion, until) from error
            except openai.APIConnectionError as error:
                raise self._server.unreachable(error) from error
            except (httpx2.RequestError, OSError) as error:
                raise broken_off(str(error) or type(error).__name__) from error

    def _open(
        self, request: GenerationRequest, facts: _Facts
    ) -> AsyncResponseContextManager[AsyncAPIResponse[AsyncStream[ChatCompletionChunk]]]:
        messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        # Servers that do not know the field refuse the request.
        salt = {"cache_salt": request.cache_salt} if request.cache_salt and facts.salts else None
        return self._server.client().chat.completions.with_streaming_response.create(
            model=facts.model,
            messages=cast("list[ChatCompletionMessageParam]", messages),
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            seed=self._settings.seed,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=salt,
            extra_headers={"Accept-Encoding": "identity"},
        )

    def _late(self, completion: Completion, until: _Deadlines) -> GeneratorTimeoutError:
        settings = self._settings
        if asyncio.get_running_loop().time() >= until.whole:
            what, name, limit = "The answer was not complete", "seconds", settings.seconds
        elif completion.alive:
            what, name, limit = "No further token came", "idle_seconds", settings.idle_seconds
        else:
            what, name, limit = "No first token came", "first_token_seconds", settings.first_token_seconds
        return GeneratorTimeoutError(
            f"{what} from {self._server.address} within {limit:g} s ({name} in [generator]). See the server's load, "
            "or allow more time."
        )


def pause(number: int, error: GeneratorError, draw: float) -> float:
    """Seconds before the next try: exponential with jitter, and never less than the server asks for.

    Args:
        number: tries that failed before this one.
        error: why this one failed.
        draw: random, from 0 to 1.
    """
    backoff: float = min(0.25 * 2**number, _LONGEST_PAUSE) * (0.5 + draw / 2)
    return max(backoff, error.retry_after or 0.0)


def only_model(models: tuple[ServedModel, ...], address: str) -> str:
    """The model of a server that has just one.

    Raises:
        GeneratorRefusedError: it has none or several; the message names them.
    """
    if len(models) == 1:
        return models[0].id
    found = ", ".join(model.id for model in models) or "none"
    raise GeneratorRefusedError(
        f"[generator] model is empty, and {address} does not offer exactly one model. Found: {found}. "
        "Name the one to use."
    )


async def _texts(blocks: AsyncIterator[bytes], completion: Completion, attempt: Attempt) -> AsyncIterator[str]:
    """The pieces of text in a response, until its end mark or its end."""
    decoder = EventDecoder()
    async for block in blocks:
        for event in decoder.feed(block):
            if text := completion.read(event):
                attempt.answered()
                yield text
        if completion.done:
            return
    for event in decoder.finish():
        if text := completion.read(event):
            yield text


async def _drain(blocks: AsyncIterator[bytes]) -> None:
    # A response read to its very end leaves the connection open for the next question.
    with contextlib.suppress(TimeoutError, GeneratorError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in blocks:
                pass
