"""Searching whichever release is live: a publish is picked up by the next question, a pin is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from retrieval.search import Searcher


class OpenSearch(NamedTuple):
    """A release that is open for searching.

    Attributes:
        release: its id.
        searcher: searches it.
    """

    release: str
    searcher: Searcher


class LiveSearch:
    """Gives the live release's searcher; opens the next one when the pointer has moved.

    Any number of threads may call it. While one of them opens a new release the others go on with the one before, so
    no question waits for an opening but the first.

    Args:
        live_id: reads the pointer: the live release's id.
        open_live: opens the live release.
    """

    def __init__(self, live_id: Callable[[], str | None], open_live: Callable[[], OpenSearch]) -> None:
        self._live_id = live_id
        self._open_live = open_live
        self._opening = threading.Lock()
        self._current: OpenSearch | None = None

    def __call__(self) -> OpenSearch:
        """The live release, open.

        Raises:
            ReleaseError: nothing is live.
            StorageError: the pointer cannot be read, or the release cannot be opened.
        """
        current = self._current
        if current is not None and self._live_id() == current.release:
            return current
        if not self._opening.acquire(blocking=current is None):
            # Another thread opens the next release; this one is whole all the same.
            return current or self._open_live()
        try:
            opened = self._current
            if opened is None or self._live_id() != opened.release:
                opened = self._current = self._open_live()
            return opened
        finally:
            self._opening.release()
