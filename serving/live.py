"""What answers now: the live release of every collection, and the releases that callers name.

A publish or a rollback is picked up by the next look (``[serve] watch_seconds``) without dropping a request: the next
release is opened beside the one that answers, requests that come meanwhile still get the one before, and that is
closed when its last answer is done. Each answer is made wholly by one release.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import msgspec

from serving.chain import Answerer


class Served(msgspec.Struct, frozen=True):
    """What answers a request.

    Attributes:
        collection: its collection.
        release: id of its release.
        answerer: makes answers; its ``parts.source`` is the release's searcher.
    """

    collection: str
    release: str
    answerer: Answerer


class LiveAnswers:
    """Gives what answers; follows the live releases."""

    @contextlib.asynccontextmanager
    async def use(self, collection: str, release: str | None = None) -> AsyncIterator[Served]:
        """Hold what answers for the duration of the context.

        Args:
            collection: which collection.
            release: id of a release, or its beginning; None takes the live one.

        Raises:
            ReleaseError: there is no such collection or release; or nothing is live.
            RagpressError: it cannot be opened.
        """
        yield self._open(collection, release)

    def _open(self, collection: str, release: str | None) -> Served:
        raise NotImplementedError
