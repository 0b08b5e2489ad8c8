"""Hands every new event of the loop to who wants to hear of it, whichever process recorded it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from index.environment import Environment
from index.findings import LoopEvent, list_events

Sink = Callable[[LoopEvent], None]


class Teller:
    """Tells events once each, in their order, from its making on.

    Args:
        environment: the outside.
        collection: the collection.
        sinks: who is told.
    """

    def __init__(self, environment: Environment, collection: str, sinks: Sequence[Sink]) -> None:
        self._environment, self._collection, self._sinks = environment, collection, tuple(sinks)
        newest = list_events(environment, collection, limit=1)
        self._last = newest[0].id if newest else ""

    def tell(self) -> None:
        """Tell what is new.

        Raises:
            StorageError: the journal cannot be read.
        """
        found = list_events(self._environment, self._collection, limit=None)
        for event in sorted((event for event in found if event.id > self._last), key=lambda event: event.id):
            for sink in self._sinks:
                sink(event)
            self._last = event.id
