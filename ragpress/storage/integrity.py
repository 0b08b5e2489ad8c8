"""Checks that stored bytes are those that a manifest names, before anything loads them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragpress.errors import IntegrityError, NotFoundError, StorageError
from ragpress.storage import disk
from ragpress.storage.store import StoredFile


def check_file(path: Path, file: StoredFile) -> None:
    """Check a file's bytes against what its manifest says.

    Raises:
        NotFoundError: there is no such file.
        IntegrityError: its size or SHA-256 differs.
        StorageError: it cannot be read.
    """
    try:
        size = path.stat().st_size
        if size != file.size:
            raise damaged(str(path), file, f"{file.size} bytes", f"{size} bytes")
        found = disk.sha256_file(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise missing(file.key, path) from error
    except OSError as error:
        raise StorageError(f"Cannot read {path} ({file.name}): {error.strerror}.") from error
    if found != file.sha256:
        raise damaged(str(path), file, f"SHA-256 {file.sha256}", f"SHA-256 {found}")


@contextlib.contextmanager
def foreign_reads(file: StoredFile) -> Iterator[None]:
    """Let a library read a file that was just checked; what it raises when it cannot becomes a StorageError.

    Raises:
        StorageError: it is gone since, or cannot be read. (pyarrow says so by OSError, FAISS by RuntimeError.)
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise StorageError(f"Cannot read {file.key} ({file.name}): {error}. Run: ragpress doctor") from error


def checked(pieces: Iterable[bytes], file: StoredFile, where: str) -> Iterator[bytes]:
    """The pieces of a file as they arrive; after the last one its size and SHA-256 are checked.

    Args:
        pieces: its bytes in order.
        file: what the manifest says.
        where: the place they come from, for the message.

    Raises:
        IntegrityError: the size or SHA-256 differs. Too many bytes are noticed at once.
    """
    hasher, size = hashlib.sha256(), 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
        if size > file.size:
            break
        yield piece
    if size != file.size:
        found = f"{size} bytes" if size < file.size else f"at least {size} bytes"
        raise damaged(where, file, f"{file.size} bytes", found)
    if hasher.hexdigest() != file.sha256:
        raise damaged(where, file, f"SHA-256 {file.sha256}", f"SHA-256 {hasher.hexdigest()}")


def damaged(where: str, file: StoredFile, expected: str, found: str) -> IntegrityError:
    """The error of a file that is not what its manifest says."""
    return IntegrityError(f"{where} ({file.name}) is damaged: expected {expected}, found {found}. Run: ragpress doctor")


def missing(key: str, path: Path) -> NotFoundError:
    """The error of an object that is not there."""
    return NotFoundError(f"There is no object {key}: expected it at {path}. Run: ragpress doctor")
