"""The contract of a store: immutable objects and small pointers moved by compare-and-swap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from ragpress.errors import SettingsError


class Pointer(msgspec.Struct, frozen=True):
    """A pointer's content and the token that a compare-and-swap must name.

    Attributes:
        data: what it holds.
        token: opaque; changes with every write of the pointer, also when the data is the same.
    """

    data: bytes
    token: str


class StoredFile(msgspec.Struct, frozen=True):
    """An immutable file in a store, as a manifest names it.

    Attributes:
        name: logical name inside its release, for example ``lexical/meta.json``.
        key: the object's key in the store.
        sha256: hexadecimal digest of its bytes.
        size: bytes.
    """

    name: str
    key: str
    sha256: str
    size: int


class Store(Protocol):
    """Immutable objects under keys such as ``objects/ab/abcd…``, and pointers.

    Keys are relative POSIX paths of ``[A-Za-z0-9._/-]``; an implementation refuses any other.
    """

    location: str

    def put_file(self, name: str, path: Path) -> StoredFile:
        """Move a finished local file in under its content address ``objects/<2>/<sha256>``, durably.

        The local file is gone afterwards. Storing bytes that are already there is a no-op.
        """
        ...

    def put_bytes(self, name: str, data: bytes) -> StoredFile:
        """The same for bytes."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Write a new object under a key of the caller's choice, durably and all or nothing.

        Raises:
            ConflictError: an object is already there.
        """
        ...

    def read(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def fetch(self, file: StoredFile) -> Path:
        """A local, read-only path with the file's bytes, checked against its size and SHA-256.

        Raises:
            NotFoundError: the object is gone.
            IntegrityError: the bytes are not those the manifest names.
        """
        ...

    def local_path(self, key: str) -> Path:
        """A local, read-only path with an object's bytes, unchecked: for readers that check what they use.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether an object is there."""
        ...

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys under a folder prefix (ends in ``/``) with their sizes in bytes, sorted by key."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""
        ...

    def read_pointer(self, key: str) -> Pointer | None:
        """The pointer, or None when it was never set."""
        ...

    def swap_pointer(self, key: str, expected: str | None, data: bytes) -> Pointer:
        """Set a pointer if its token is still ``expected`` (None: if it was never set).

        Raises:
            ConflictError: the pointer has moved.
            UnknownOutcomeError: the store failed after the request was sent.
        """
        ...

    def writer(self, collection: str, wait: float) -> AbstractContextManager[None]:
        """Hold the collection's writer lock for the duration of the context.

        Args:
            collection: its name.
            wait: seconds to wait for another writer to finish.

        Raises:
            WriterBusyError: another writer holds it; the message names its host, pid and start.
        """
        ...

    def writer_holder(self, collection: str) -> str | None:
        """Who holds the writer lock now, in words; None when nobody does."""
        ...


def open_store(location: str, cache: Path) -> Store:
    """The store at a location. Nothing is created or contacted yet.

    Args:
        location: a folder's path, or ``s3://bucket/prefix``.
        cache: local folder for what a remote store has downloaded.

    Raises:
        SettingsError: the location is neither.
    """
    if location.startswith("s3://"):
        from ragpress.storage.s3 import S3Store  # noqa: PLC0415 - obstore is loaded only where it is used

        return S3Store(location, cache)
    if not location.strip() or "://" in location:
        raise SettingsError(
            f"Data directory {location!r} cannot be used: expected a folder's path or 's3://bucket/prefix'."
        )
    root = Path(location).absolute()
    if root.exists() and not root.is_dir():
        raise SettingsError(f"Data directory {root} is a file: expected a folder, or a path where one can be created.")
    from ragpress.storage.local import LocalStore  # noqa: PLC0415 - it imports this module

    return LocalStore(root)
