"""Which keys a store accepts, and where an object lies by its content."""

from __future__ import annotations

import re

from ragpress.errors import StorageError

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
_COLLECTION = re.compile(r"[A-Za-z0-9_-]+\Z")
_LOCK = re.compile(r"collections/[A-Za-z0-9_-]+/writer(?:\.lock)?\Z")


def check_key(key: str) -> str:
    """The key itself, if a store accepts it.

    Raises:
        StorageError: it could lead out of the store, is hidden, names a lock, or has other characters.
    """
    if not _KEY.match(key) or is_lock(key):
        raise StorageError(
            f"Key {key!r} is refused: expected a relative path of [A-Za-z0-9._-] separated by single '/', "
            "no part starting with '.', and not a writer lock. If it stands in a manifest, run: ragpress doctor"
        )
    return key


def check_prefix(prefix: str) -> str:
    """The same for a folder prefix, which ends in ``/``; "" is the whole store."""
    if prefix and not prefix.endswith("/"):
        raise StorageError(f"Prefix {prefix!r} is refused: expected a folder prefix that ends in '/', or ''.")
    if prefix:
        check_key(prefix[:-1])
    return prefix


def is_lock(key: str) -> bool:
    """Whether a key is a collection's writer lock, which no listing shows."""
    return _LOCK.match(key) is not None


def is_private(key: str) -> bool:
    """Whether an object is for the service's own user alone: what is known of the API keys."""
    return key.startswith("keys/")


def object_key(sha256: str) -> str:
    """Where the object with this SHA-256 lies."""
    return f"objects/{sha256[:2]}/{sha256}"


def writer_key(collection: str) -> str:
    """The writer lock of a collection.

    Raises:
        StorageError: the name cannot be part of a key.
    """
    if not _COLLECTION.match(collection):
        raise StorageError(f"Collection name {collection!r} is refused: expected letters, digits, '-' and '_' only.")
    return f"collections/{collection}/writer"
