"""Reranking by a served model: ``POST {base_url}/rerank`` as vLLM, Jina and Cohere speak it."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from ragpress.errors import ModelError

if TYPE_CHECKING:
    import httpx2

_MOST_BYTES = 8 << 20
_SHOWN = 200


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Result]


class ServedReranker:
    """Asks a server for scores. Any number of threads may use it.

    Args:
        base_url: of the server, ``/v1`` included.
        model: the served model's name; left out of the request when empty.
        seconds: the most that one request may take.
        key: sent as a bearer token; nothing is sent where it is empty.
    """

    def __init__(self, base_url: str, model: str, seconds: float, key: str = "") -> None:
        self.name = f"served {model}".strip()
        self._url = base_url.rstrip("/") + "/rerank"
        self._model = model
        self._seconds = seconds
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text.

        Raises:
            ModelError: the server cannot be reached, is too slow, refuses, or answers something else.
        """
        body: dict[str, object] = {"query": query, "documents": list(texts), "top_n": len(texts)}
        if self._model:
            body["model"] = self._model
        return self._scores(self._post(msgspec.json.encode(body)), len(texts))

    def _post(self, body: bytes) -> bytes:
        import httpx2  # noqa: PLC0415 - slow import

        deadline = time.monotonic() + self._seconds
        found = bytearray()
        try:
            with self._client.stream("POST", self._url, content=body, headers=self._headers) as response:
                for block in response.iter_bytes():
                    found += block
                    # The client's limit is one of a single read: a server that drips would outlast it.
                    if time.monotonic() > deadline:
                        raise self._error(f"did not finish its answer in {self._seconds:g} s")
                    if len(found) > _MOST_BYTES:
                        raise self._error(f"sent more than {_MOST_BYTES} bytes")
                if response.status_code != httpx2.codes.OK:
                    raise self._error(f"answered with HTTP {response.status_code}: {_shown(found)}")
        except httpx2.TimeoutException as error:
            raise self._error(f"did not answer in {self._seconds:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._error(f"cannot be reached: {error or type(error).__name__}") from error
        return bytes(found)

    def _scores(self, body: bytes, expected: int) -> list[float]:
        try:
            results = msgspec.json.decode(body, type=_Answer).results
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._error(f"sent no list of results ({error}): {_shown(body)}") from error
        scores = {result.index: result.relevance_score for result in results}
        if len(results) != expected or scores.keys() != set(range(expected)):
            raise self._error(f"sent {len(results)} results for {expected} texts, {len(scores)} of them distinct")
        return [scores[index] for index in range(expected)]

    @cached_property
    def _client(self) -> httpx2.Client:
        import httpx2  # noqa: PLC0415 - slow import

        client = httpx2.Client(timeout=self._seconds)
        # Connections are kept between searches and given back with the reranker.
        weakref.finalize(self, client.close)
        return client

    def _error(self, what: str) -> ModelError:
        return ModelError(f"The reranking server {self._url} {what}. Check [rerank] base_url and model.")


def _shown(body: bytes | bytearray) -> str:
    return repr(bytes(body[:_SHOWN]).decode("utf-8", "replace"))
