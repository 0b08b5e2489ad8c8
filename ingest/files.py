"""Reading source files safely: never a FIFO, a device or a link, never more bytes than the limit."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ragpress.errors import DocumentError

_BLOCK_BYTES = 1 << 20
_ATTEMPTS = 3
# O_NONBLOCK: opening a FIFO that nobody writes to must return instead of waiting for ever.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
}
_ADVICE = {
    errno.EACCES: "Give this user permission to read it.",
    errno.EPERM: "Give this user permission to read it.",
    errno.EIO: "The device failed: check the disk and the system log.",
    errno.ELOOP: "It is a symbolic link, or a chain of links that never ends: replace it with the file.",
    errno.ENAMETOOLONG: "Its path is too long for this system: shorten the names of its folders.",
}


class FileStat(NamedTuple):
    """What the file system says about one regular file.

    Attributes:
        size: bytes.
        mtime_ns: last modification of its content, ns since the epoch; anybody may set it.
        ctime_ns: last change of the file or its metadata, ns since the epoch; only the kernel sets it.
        inode: its number within its file system.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def file_stat(info: os.stat_result) -> FileStat:
    """The part of a stat result that shows whether the content may have changed."""
    return FileStat(info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def refusal(info: os.stat_result, max_bytes: int) -> str | None:
    """Why a file may not be read, as a sentence a person can act on; None when it may be."""
    if not stat.S_ISREG(info.st_mode):
        kind = _KINDS.get(stat.S_IFMT(info.st_mode), "no regular file")
        return f"It is {kind}; only regular files are read. Remove it, or add it to .ragpressignore."
    if info.st_size > max_bytes:
        return (
            f"It has {info.st_size:,} bytes; at most {max_bytes:,} are read. "
            "Split it, raise max_bytes in [sources], or add it to .ragpressignore."
        )
    return None


def explain(error: OSError) -> str:
    """An operating system error as a sentence a person can act on."""
    what = error.strerror or type(error).__name__
    advice = _ADVICE.get(error.errno or 0, "Mend that, or add it to .ragpressignore.")
    return f"It cannot be read: {what}. {advice}"


def read_regular(path: bytes | str, max_bytes: int) -> bytes:
    """Read one regular file whole.

    Args:
        path: where it lies; a symbolic link is not followed.
        max_bytes: the most bytes it may have.

    Raises:
        FileNotFoundError: it has vanished.
        DocumentError: it is no regular file, too large, unreadable, or changes while it is read.
    """
    return _read_stable(path, max_bytes, b"".join)[1]


def hash_regular(path: bytes | str, max_bytes: int) -> tuple[FileStat, bytes]:
    """Hash one regular file without holding it in memory.

    Args:
        path: where it lies; a symbolic link is not followed.
        max_bytes: the most bytes it may have.

    Returns:
        Its stat, the same before and after reading, and the SHA-256 of its content (32 bytes).

    Raises:
        FileNotFoundError: it has vanished.
        DocumentError: it is no regular file, too large, unreadable, or changes while it is read.
    """
    return _read_stable(path, max_bytes, _sha256)


def _sha256(blocks: Iterable[bytes]) -> bytes:
    hasher = hashlib.sha256()
    for block in blocks:
        hasher.update(block)
    return hasher.digest()


def _read_stable(
    path: bytes | str, max_bytes: int, consume: Callable[[Iterable[bytes]], bytes]
) -> tuple[FileStat, bytes]:
    """Read until the file's stat is the same before and after, so that no half-written state is taken."""
    try:
        for _ in range(_ATTEMPTS):
            before, result, after = _read_once(path, max_bytes, consume)
            if before == after:
                return after, result
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DocumentError(explain(error)) from error
    raise DocumentError("It changes while it is read. Run again when whatever writes it has finished.")


def _read_once(
    path: bytes | str, max_bytes: int, consume: Callable[[Iterable[bytes]], bytes]
) -> tuple[FileStat, bytes, FileStat]:
    descriptor = os.open(path, _FLAGS)
    try:
        info = os.fstat(descriptor)
        reason = refusal(info, max_bytes)
        if reason is not None:
            raise DocumentError(reason)
        # The size is taken before reading: a file that grows meanwhile must not be followed for ever.
        result = consume(_blocks(descriptor, info.st_size))
        return file_stat(info), result, file_stat(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _blocks(descriptor: int, size: int) -> Iterator[bytes]:
    left = size
    while left > 0:
        block = os.read(descriptor, min(left, _BLOCK_BYTES))
        if not block:
            return
        left -= len(block)
        yield block
