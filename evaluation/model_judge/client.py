"""Asks a served model for one JSON object: no stream, bounded in time and size, tried again where that may help.

The connection, its errors and its limits are those of the generator (:mod:`serving.generate.server`).
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import httpx2
import msgspec
import openai

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError, GeneratorProtocolError, GeneratorTimeoutError
from serving.generate.faults import excerpt
from serving.generate.served import only_model, pause
from serving.generate.server import Server
from serving.types import Turn

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.shared_params import ResponseFormatJSONSchema

_LARGEST_REPLY = 1 << 20


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model wrote.

    Attributes:
        text: its text.
        whole: whether it came to its end; else ``max_tokens`` or a content filter cut it.
        prompt_tokens: tokens it read; None where the server does not say.
        completion_tokens: tokens it wrote.
    """

    text: str
    whole: bool
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


class JsonModel:
    """A served model that answers with JSON. Use it in one event loop, and close it.

    Args:
        settings: how to reach the server, and how it samples.
        key: the server's key; "" for none.
        section: the settings' section, which messages name.
        sleep: waits between two tries.

    Raises:
        SettingsError: base_url or the key cannot be used.
    """

    def __init__(
        self,
        settings: GeneratorSettings,
        key: str = "",
        section: str = "generator",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._server = Server(settings, key)
        self._section = section
        self._sleep = sleep
        self._draw = random.SystemRandom().random
        self._model = settings.model

    async def name(self) -> str:
        """The model's name; the server is asked where the settings do not say.

        Raises:
            GeneratorError: it does not answer, or has not exactly one model.
        """
        if not self._model:
            try:
                models = await self._server.models(self._settings.seconds)
                self._model = only_model(models, self._server.address)
            except GeneratorError as error:
                raise self._named(error) from error
        return self._model

    async def ask(self, messages: Sequence[Turn], name: str, schema: Mapping[str, object], seed: int) -> Reply:
        """One completion in the form of a JSON schema. Whether the model kept to it is for the caller to see.

        Args:
            messages: the prompt.
            name: of the schema.
            schema: JSON schema.
            seed: of the sampling.

        Raises:
            GeneratorError: no completion came, after the tries that the settings allow.
        """
        until = asyncio.get_running_loop().time() + self._settings.seconds
        for number in itertools.count():
            try:
                async with asyncio.timeout_at(until):
                    return self._parsed(await self._once(messages, name, schema, seed))
            except TimeoutError as error:
                raise GeneratorTimeoutError(
                    f"{self._server.address} did not answer within {self._settings.seconds:g} s (seconds in "
                    f"[{self._section}]). See the server's load, or allow more time."
                ) from error
            except GeneratorError as error:
                wait = pause(number, error, self._draw())
                late = asyncio.get_running_loop().time() + wait >= until
                if number >= self._settings.retries or error.retry_after is None or late:
                    raise self._named(error) from error
            await self._sleep(wait)
        raise AssertionError("the loop has no end")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    async def _once(self, messages: Sequence[Turn], name: str, schema: Mapping[str, object], seed: int) -> bytes:
        turns = [{"role": turn.role, "content": turn.content} for turn in messages]
        form = {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema), "strict": True}}
        asked = self._server.client().chat.completions.with_streaming_response.create(
            model=await self.name(),
            messages=cast("list[ChatCompletionMessageParam]", turns),
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            seed=seed,
            response_format=cast("ResponseFormatJSONSchema", form),
            extra_headers={"Accept-Encoding": "identity"},
        )
        try:
            async with asked as response:
                return await self._bounded(response)
        except openai.APIConnectionError as error:
            raise self._server.unreachable(error) from error
        except (httpx2.RequestError, OSError) as error:
            raise GeneratorProtocolError(
                f"{self._server.address} broke its reply off: {error or type(error).__name__}.", retry_after=0.0
            ) from error

    async def _bounded(self, response: Any) -> bytes:
        body = bytearray()
        async for block in response.iter_bytes():
            body += block
            if len(body) > _LARGEST_REPLY:
                raise GeneratorProtocolError(
                    f"{self._server.address} sent more than {_LARGEST_REPLY} bytes for one reply. Expected one JSON "
                    "object. See whether base_url names a chat completion server."
                )
        return bytes(body)

    def _parsed(self, body: bytes) -> Reply:
        try:
            completion = msgspec.json.decode(body, type=_Completion)
            choice = completion.choices[0]
        except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
            raise GeneratorProtocolError(
                f"{self._server.address} sent something else than a chat completion: {error}. Found "
                f"{excerpt(body, self._server.key)!r}. See whether base_url in [{self._section}] ends in /v1."
            ) from error
        usage = completion.usage or _Usage()
        return Reply(
            text=choice.message.content or "",
            whole=choice.finish_reason in (None, "stop"),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def _named(self, error: GeneratorError) -> GeneratorError:
        """The error with the section that was meant; the connection speaks of the generator's."""
        return type(error)(str(error).replace("[generator]", f"[{self._section}]"), error.retry_after)
