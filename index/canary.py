"""The canary: a candidate that answers a share of the conversations before it goes live.

One pointer beside the live one says which, moved by compare-and-swap and emptied in the end. A conversation stays on
the side that it began on: what decides is a hash of it and of the candidate's id.
"""

from __future__ import annotations

import hashlib

import msgspec

from index.environment import Environment
from ragpress.errors import IntegrityError
from ragpress.fingerprint import digest
from ragpress.storage.store import Store

_BUCKETS = 1 << 32


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate on trial.

    Attributes:
        release: the candidate.
        base: the release that was live when it began; where another one goes live the canary is over.
        share: share of the conversations that it answers (0..1).
    """

    release: str
    base: str
    share: float

    def takes(self, conversation: str) -> bool:
        """Whether it answers a conversation."""
        number = int.from_bytes(digest("canary", self.release, conversation)[:4])
        return number < self.share * _BUCKETS


def canary_of(environment: Environment, collection: str) -> Canary | None:
    """The canary of a collection; None where there is none, or where it is over.

    Raises:
        StorageError: the store cannot be read.
        IntegrityError: its pointer is damaged.
    """
    found = read_canary(environment.store, collection)
    if found is None or environment.releases(collection).live_id() != found.base:
        return None
    return found


def read_canary(store: Store, collection: str) -> Canary | None:
    """What the pointer says; None where it is empty or was never set.

    Raises:
        StorageError: the store cannot be read.
        IntegrityError: the pointer is damaged.
    """
    pointer = store.read_pointer(_key(collection))
    if pointer is None or not pointer.data:
        return None
    try:
        return msgspec.json.decode(pointer.data, type=Canary)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"The canary pointer {_key(collection)} is damaged ({error}). Remove it.") from error


def set_canary(store: Store, collection: str, canary: Canary | None) -> None:
    """Begin a canary, or end it with None.

    Raises:
        ConflictError: somebody else moved the pointer meanwhile.
    """
    pointer = store.read_pointer(_key(collection))
    data = b"" if canary is None else msgspec.json.encode(canary)
    if pointer is None and canary is None:
        return
    store.swap_pointer(_key(collection), None if pointer is None else pointer.token, data)


def conversation_of(key: str, first: str) -> str:
    """Name of a conversation: who asks (id of the API key), and its first question. It tells nothing of either."""
    return hashlib.sha256(msgspec.json.encode([key, first])).hexdigest()


def _key(collection: str) -> str:
    return f"collections/{collection}/canary"
