"""Caches of question vectors and of results; what a caller may read is a part of every key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

from retrieval.query import QueryVector

Value = TypeVar("Value")


class CacheCounts(msgspec.Struct, frozen=True):
    """How often a cache was asked and answered, and how many entries it holds."""

    hits: int
    misses: int
    entries: int


class LruCache(Generic[Value]):
    """A bounded mapping that forgets what was not used for longest; any number of threads may use it.

    Args:
        size: the most entries; 0 keeps nothing.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return found

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value; the entries used longest ago make room."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def __contains__(self, key: Hashable) -> bool:
        """Whether a key has a value; neither counts nor keeps it longer."""
        with self._lock:
            return key in self._entries

    @property
    def counts(self) -> CacheCounts:
        """Hits, misses and entries so far."""
        with self._lock:
            return CacheCounts(self._hits, self._misses, len(self._entries))

    def clear(self) -> None:
        """Forget every entry."""
        with self._lock:
            self._entries.clear()


class SearchCache:
    """What searches remember. One may serve the searchers of many releases.

    Args:
        queries: the most vectors of questions, by embedder, text and what the rules grant the caller.
        results: the most results, by text, release, settings and what the caller may read.

    Attributes:
        queries: vectors of questions.
        results: hits and contexts.
    """

    def __init__(self, queries: int = 4096, results: int = 1024) -> None:
        self.queries: LruCache[QueryVector] = LruCache(queries)
        self.results: LruCache[object] = LruCache(results)
