"""The source file of a document, as long as it still has the bytes that were indexed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from index.documents import DocumentRow
from ingest.sources import SourceRoot
from ragpress.errors import RagpressError

_BLOCK_BYTES = 1 << 20
# A name that was exchanged for a FIFO or a link since it was indexed must neither block nor lead elsewhere.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OriginalGoneError(RagpressError):
    """The source file is not there any more, or is another one."""


class Original(msgspec.Struct):
    """An open source file whose bytes have been compared with those that were indexed.

    Attributes:
        descriptor: the open file; closed by :meth:`pieces`.
        size: bytes.
        name: the file's name.
    """

    descriptor: int
    size: int
    name: str

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, in blocks; exactly ``size`` of them.

        Raises:
            OriginalGoneError: it was cut off while it was sent.
        """
        left = self.size
        with os.fdopen(self.descriptor, "rb", buffering=0) as file:
            file.seek(0)
            while left > 0:
                block = file.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise OriginalGoneError("The file was shortened while it was sent.")
                left -= len(block)
                yield block


def open_original(roots: tuple[SourceRoot, ...], row: DocumentRow) -> Original:
    """Open the source file of a document's searchable version.

    Args:
        roots: source folders of the release that has it.
        row: the document.

    Raises:
        OriginalGoneError: it has no searchable version; its file is gone, unreadable, or has other bytes now.
    """
    path = _path(roots, row.source)
    if row.version is None or path is None:
        raise OriginalGoneError("The file of this document is not there any more.")
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        raise OriginalGoneError("The file of this document is not there any more.") from error
    same = False
    try:
        info = os.fstat(descriptor)
        same = stat.S_ISREG(info.st_mode) and _sha256(descriptor, info.st_size) == row.version
    finally:
        if not same:
            os.close(descriptor)
    if not same:
        raise OriginalGoneError("The file of this document has changed since it was read.")
    return Original(descriptor, info.st_size, row.source.rpartition("/")[2])


def _path(roots: tuple[SourceRoot, ...], source: str) -> Path | None:
    """Where a source lies; None where no root has it, or a link leads out of its root."""
    root = next((root for root in roots if root.covers(source)), None)
    if root is None:
        return None
    place = Path(root.path) if source == root.alias else Path(root.path, source[len(root.prefix) :])
    real = Path(os.path.realpath(place))
    return real if real.is_relative_to(root.path) else None


def _sha256(descriptor: int, size: int) -> bytes:
    hasher = hashlib.sha256()
    while size > 0 and (block := os.read(descriptor, min(size, _BLOCK_BYTES))):
        hasher.update(block)
        size -= len(block)
    return hasher.digest()
