"""The connection to a server of chat completions, by the official client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
import openai

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorProtocolError, GeneratorTimeoutError, GeneratorUnavailableError, SettingsError
from serving.generate.faults import LARGEST_REASON, excerpt, refusal

_LARGEST_LIST = 1 << 20
_CONNECT_SECONDS = 10.0
# The client wants a key; servers without one ignore it.
_NO_KEY = "not-set"


class ServedModel(msgspec.Struct, frozen=True):
    """A model that a server offers.

    Attributes:
        id: its name in requests.
        owned_by: what serves it, as it says itself; vLLM says ``vllm``.
    """

    id: str
    owned_by: str = ""


class _ModelList(msgspec.Struct):
    data: list[ServedModel]


class Server:
    """Reaches the server that the settings name. Nothing is opened before the first request.

    An event loop gets its own connections, so one object may be used from several loops one after another.

    Args:
        settings: the ``[generator]`` section.
        key: the server's key; "" for none.

    Raises:
        SettingsError: base_url is no http address, or the key cannot stand in a header.
    """

    def __init__(self, settings: GeneratorSettings, key: str) -> None:
        self.address = shown_address(settings.base_url)
        self.key = key
        if not (key.isascii() and key.isprintable()):
            raise SettingsError(
                f"The environment variable {settings.api_key_env} (api_key_env in [generator]): expected a key of "
                "printable ASCII characters, found others. Look for a line break or a quote that was copied with it."
            )
        self._base_url = settings.base_url
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: openai.AsyncOpenAI | None = None

    def client(self) -> openai.AsyncOpenAI:
        """The client of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self._connect(), loop
        return self._client

    async def models(self, seconds: float) -> tuple[ServedModel, ...]:
        """What the server offers (``GET /models``).

        Args:
            seconds: the longest wait.

        Raises:
            GeneratorError: it did not answer, refused, or sent something else.
        """
        try:
            async with asyncio.timeout(seconds):
                body = await self._get_models()
        except TimeoutError as error:
            raise GeneratorTimeoutError(f"{self.address} did not list its models within {seconds:g} s.") from error
        except openai.APIConnectionError as error:
            raise self.unreachable(error) from error
        except (httpx2.RequestError, OSError) as error:
            raise GeneratorProtocolError(f"{self.address} broke off the list of its models: {error}") from error
        return self._parse_models(body)

    def unreachable(self, error: openai.APIConnectionError) -> GeneratorUnavailableError:
        """The error of a request that got no response."""
        cause = error.__cause__ or error
        reason = excerpt(str(cause) or type(cause).__name__, self.key)
        return GeneratorUnavailableError(
            f"{self.address} cannot be reached: {reason}. See that the server runs and that base_url in [generator] "
            "names it.",
            retry_after=0.0,
        )

    async def aclose(self) -> None:
        """Close all connections of the running event loop."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.close()

    def _connect(self) -> openai.AsyncOpenAI:
        # Redirects are not followed: the prompt holds documents and goes nowhere but where the settings say.
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False, event_hooks={"response": [self._check_status]})
        client = openai.AsyncOpenAI(
            api_key=self.key or _NO_KEY,
            base_url=self._base_url,
            max_retries=0,
            timeout=openai.Timeout(None, connect=_CONNECT_SECONDS),
            http_client=http,
        )
        # The client takes these from variables that are meant for another server.
        client.organization = client.project = None
        return client

    async def _check_status(self, response: httpx2.Response) -> None:
        # Before the client sees the response: it would read the body of an error whole, however large it is.
        if response.status_code >= 300:
            body = await _beginning(response.aiter_bytes(), LARGEST_REASON)
            raise refusal(response.status_code, response.headers, body, self.key)

    async def _get_models(self) -> bytes:
        listing = self.client().models.with_streaming_response.list(extra_headers={"Accept-Encoding": "identity"})
        async with listing as response:
            return await _beginning(response.iter_bytes(), _LARGEST_LIST)

    def _parse_models(self, body: bytes) -> tuple[ServedModel, ...]:
        try:
            return tuple(msgspec.json.decode(body, type=_ModelList).data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GeneratorProtocolError(
                f"{self.address} lists its models in an unknown form: {error}. Expected the JSON of GET /v1/models, "
                f"found {excerpt(body, self.key)!r}. See whether base_url ends in /v1."
            ) from error


def shown_address(base_url: str) -> str:
    """A base URL as messages may show it: without a user's name and password.

    Raises:
        SettingsError: it is no http address.
    """
    try:
        parts = urlsplit(base_url)
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise SettingsError(
            "[generator] base_url: expected an address such as http://127.0.0.1:8000/v1, found "
            f"{base_url.rpartition('@')[2]!r}."
        )
    if ":" in (parts.hostname or ""):
        host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


async def _beginning(blocks: AsyncIterator[bytes], limit: int) -> bytes:
    """What a stream begins with: at least so many bytes, where it has them."""
    body = bytearray()
    async for block in blocks:
        body += block
        if len(body) >= limit:
            break
    return bytes(body)
