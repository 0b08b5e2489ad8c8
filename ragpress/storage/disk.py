"""Every durable change to the local disk: write, fsync, rename, link and unlink happen only here.

A file appears under its name whole or not at all: it is written to a temporary file in the same
folder, synced, renamed, and the folder is synced. Each primitive operation is announced to the
observer (see :func:`set_observer`) before and after it happens.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from ragpress.errors import ConflictError, StorageError

TEMP_PREFIX = ".tmp-"
READ_ONLY = 0o444
PRIVATE = 0o600

Observer = Callable[[str, Path], None]
_Result = TypeVar("_Result")

# Below this, one read and one hash call are cheaper than setting up file_digest's loop.
_SMALL_BYTES = 1 << 20
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})
_ADVICE = {
    errno.EACCES: "give this user write access to it, then run the same command again",
    errno.EPERM: "give this user write access to it, then run the same command again",
    errno.EROFS: "mount its file system writable, then run the same command again",
    errno.EIO: "the device failed: check the disk and the system log before running again",
    errno.EMFILE: "raise the limit on open files (ulimit -n), then run the same command again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), then run the same command again",
    errno.ENOENT: "something removed it or its folder meanwhile: check that nothing else cleans this folder",
}

_observer: Observer | None = None
_counter = itertools.count()
# Process ids repeat (after a reboot, across containers on one volume); this token does not.
_token = secrets.token_hex(4)


def set_observer(observer: Observer | None) -> None:
    """Announce every primitive operation of this process to ``observer``; None stops it.

    It is called with ``"before rename"``, ``"after rename"`` and so on (operations: ``mkdir``,
    ``write``, ``chmod``, ``fsync``, ``truncate``, ``link``, ``rename``, ``unlink``, ``rmdir``) and the path concerned.
    """
    global _observer  # noqa: PLW0603 - one hook for the whole process is the point
    _observer = observer


def make_folder(path: Path) -> None:
    """Create a folder and those above it, each durably; an existing one is left alone.

    Raises:
        StorageError: it cannot be created.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    _perform("mkdir", path, lambda: path.mkdir(exist_ok=True))
    sync_folder(path.parent)


def write_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file durably and all or nothing; an existing one is replaced.

    Args:
        path: where; its folder exists.
        data: its bytes.
        mode: permission bits; None leaves them to the umask.

    Raises:
        StorageError: the disk is full or refuses; the former file, if any, is untouched.
    """
    temp = _write_temp(path, data, mode)
    _rename(temp, path)
    sync_folder(path.parent)


def write_stream(path: Path, pieces: Iterable[bytes], mode: int | None = None) -> None:
    """The same as :func:`write_file` for bytes that arrive in pieces.

    Whatever the iterable raises goes through, and nothing appears under the name.

    Raises:
        StorageError: the disk is full or refuses; the former file, if any, is untouched.
    """
    temp = temp_path(path.parent)
    try:
        with _perform("write", path, lambda: temp.open("xb", buffering=0)) as file:
            for piece in pieces:
                _perform("write", path, partial(_write_all, file.fileno(), piece), len(piece))
        if mode is not None:
            _perform("chmod", path, lambda: temp.chmod(mode))
        _perform("fsync", path, lambda: _sync(temp))
        _rename(temp, path)
    except BaseException:
        _discard(temp)
        raise
    sync_folder(path.parent)


def create_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """The same as :func:`write_file`, but never over an existing file.

    Raises:
        ConflictError: there is a file already.
        StorageError: the disk is full or refuses.
    """
    temp = _write_temp(path, data, mode)
    try:
        _perform("link", path, lambda: os.link(temp, path))
    except StorageError as error:
        if _number(error) == errno.EEXIST:
            raise ConflictError(f"{path} exists already; it is never overwritten.") from error
        raise
    finally:
        _discard(temp)
    sync_folder(path.parent)


def adopt(source: Path, target: Path, mode: int | None = None) -> None:
    """Move a finished file into place durably; an existing target is replaced.

    Across file systems the bytes are copied. The source is gone afterwards.

    Raises:
        StorageError: the disk is full or refuses; the target is untouched, the source still there.
    """
    if mode is not None:
        _perform("chmod", source, lambda: source.chmod(mode))
    _perform("fsync", source, lambda: _sync(source))
    try:
        _perform("rename", target, lambda: source.replace(target))
    except StorageError as error:
        if _number(error) != errno.EXDEV:
            raise
        _copy_into(source, target, durable=True)
        _perform("unlink", source, source.unlink)
    sync_folder(target.parent)


def append(path: Path, data: bytes) -> None:
    """Append to a file, creating it if need be, and sync it before returning.

    Raises:
        StorageError: the disk is full or refuses; what was partly appended is cut off again.
    """
    is_new = not path.exists()
    descriptor = _perform("write", path, lambda: os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
    try:
        size = os.fstat(descriptor).st_size
        try:
            _perform("write", path, lambda: _write_all(descriptor, data), len(data))
            _perform("fsync", path, lambda: os.fsync(descriptor), len(data))
        except StorageError:
            # The first error is the one to report, also where the device refuses this as well.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if is_new:
        sync_folder(path.parent)


class AppendFile:
    """A new file that this process alone appends to; its exclusive lock tells others that the writer is alive.

    Args:
        path: where; there is no such file yet, and its folder exists.

    Attributes:
        path: where it is.
        size: bytes that are durable.

    Raises:
        StorageError: it cannot be created or locked.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self.path = path
        self.size = 0
        self._descriptor = _perform("write", path, lambda: os.open(path, flags, 0o666))
        try:
            _perform("write", path, lambda: fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
            sync_folder(path.parent)
        except StorageError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Append bytes; they are durable when this returns.

        Raises:
            StorageError: the disk is full or refuses; what was partly appended is cut off again unless that is refused
                too. Append no more then: after a failed sync the kernel may call pages clean that never reached the
                disk, and who reads the file as it grows may have seen what is gone now.
        """
        try:
            _perform("write", self.path, lambda: _write_all(self._descriptor, data), len(data))
            _perform("fsync", self.path, lambda: os.fdatasync(self._descriptor), len(data))
        except StorageError:
            with contextlib.suppress(StorageError):
                _perform("truncate", self.path, lambda: os.ftruncate(self._descriptor, self.size))
                _perform("fsync", self.path, lambda: os.fsync(self._descriptor))
            raise
        self.size += len(data)

    def is_in_place(self) -> bool:
        """Whether the file is still there under its name."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        own = os.fstat(self._descriptor)
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)

    def close(self) -> None:
        """Give the file and its lock back; closing twice is no error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def remove(path: Path) -> None:
    """Remove a file durably; a missing one is no error.

    Raises:
        StorageError: the disk refuses.
    """
    try:
        _perform("unlink", path, path.unlink)
    except StorageError as error:
        if _number(error) == errno.ENOENT:
            return
        raise
    sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it, durably; a missing one is no error. Links are not followed.

    Raises:
        StorageError: the disk refuses.
    """
    if not path.is_dir():
        return
    for folder, folders, files in os.walk(path, topdown=False):
        here = Path(folder)
        for name in files:
            _remove_entry(here / name)
        for name in folders:
            _remove_entry(here / name)
    _perform("rmdir", path, path.rmdir)
    sync_folder(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Make the bytes of ``source`` appear as ``target``: a hard link, or a copy where none can be.

    Not durable: for what can be made again. A hard link shares the file, so nobody may write to it.

    Raises:
        StorageError: the disk is full or refuses.
    """
    try:
        _perform("link", target, lambda: os.link(source, target))
    except StorageError as error:
        if _number(error) not in {*_NO_LINK, errno.EEXIST}:
            raise
        if _number(error) == errno.EEXIST and source.samefile(target):
            return
        _copy_into(source, target, durable=False)


@contextlib.contextmanager
def foreign_writes(path: Path) -> Iterator[None]:
    """Let a library write below ``path``; what it raises when the disk fails becomes the error of this module.

    Raises:
        StorageError: the disk is full or refuses. (pyarrow says so by OSError, FAISS by RuntimeError, tantivy by
            ValueError; any other error goes through.)
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        failure = error if isinstance(error, OSError) else _failure_in(str(error))
        if failure is None or not failure.errno:
            raise
        raise StorageError(_explain("write", path, failure, 0)) from failure


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        StorageError: the disk refuses.
    """
    try:
        _perform("fsync", path, lambda: _sync(path))
    except StorageError as error:
        # Some network and shared file systems sync files only; they say so with this.
        if _number(error) != errno.EINVAL:
            raise


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in blocks.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open costs as much as hashing a small file
        if os.fstat(file.fileno()).st_size <= _SMALL_BYTES:
            return hashlib.sha256(file.readall()).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_temp(name: str) -> bool:
    """Whether a file name is that of a temporary file of this module."""
    return name.startswith(TEMP_PREFIX)


def temp_path(folder: Path) -> Path:
    """A name for a temporary file in ``folder`` that no other call of any process ever gets."""
    return folder / f"{TEMP_PREFIX}{os.getpid()}-{_token}-{next(_counter)}"


def sweep_temp(folder: Path, older_than_seconds: float, now: float) -> int:
    """Remove what killed processes left half written in a folder and those below it.

    Args:
        folder: where to look.
        older_than_seconds: a younger one may still be in use and stays.
        now: current time, seconds since the epoch.

    Returns:
        How many files were removed.
    """
    removed = 0
    for parent, _, files in os.walk(folder):
        for name in filter(is_temp, files):
            path = Path(parent) / name
            if _age(path, now) >= older_than_seconds:
                remove(path)
                removed += 1
    return removed


def _age(path: Path, now: float) -> float:
    try:
        return now - path.lstat().st_mtime
    except FileNotFoundError:
        return -1.0


def _perform(operation: str, path: Path, call: Callable[[], _Result], size: int = 0) -> _Result:
    if _observer is not None:
        _observer(f"before {operation}", path)
    try:
        result = call()
    except OSError as error:
        raise StorageError(_explain(operation, path, error, size)) from error
    if _observer is not None:
        _observer(f"after {operation}", path)
    return result


def _failure_in(message: str) -> OSError | None:
    numbers = (errno.ENOSPC, errno.EDQUOT, *_ADVICE)
    return next((OSError(number, os.strerror(number)) for number in numbers if os.strerror(number) in message), None)


def _number(error: StorageError) -> int | None:
    return error.__cause__.errno if isinstance(error.__cause__, OSError) else None


def _explain(operation: str, path: Path, error: OSError, size: int) -> str:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        need = f"{size} bytes or more" if size else "some space"
        advice = f"the disk is full: free {need} on the file system of {path.parent}, then run the same command again"
    else:
        advice = _ADVICE.get(error.errno or 0, "correct this, then run the same command again")
    return f"Cannot {operation} {path}: {reason}; {advice}."


def _write_temp(path: Path, data: bytes, mode: int | None) -> Path:
    temp = temp_path(path.parent)
    try:
        _perform("write", path, lambda: _write_new(temp, data, mode), len(data))
        _perform("fsync", path, lambda: _sync(temp), len(data))
    except StorageError:
        _discard(temp)
        raise
    return temp


def _rename(temp: Path, path: Path) -> None:
    try:
        _perform("rename", path, lambda: temp.replace(path))
    except StorageError:
        _discard(temp)
        raise


def _discard(temp: Path) -> None:
    try:
        _perform("unlink", temp, temp.unlink)
    except StorageError as error:
        if _number(error) != errno.ENOENT:
            raise


def _write_new(temp: Path, data: bytes, mode: int | None) -> None:
    # What is to be private is so from its first byte on; an owner's write bit is what the writing itself needs.
    first_mode = 0o666 if mode is None else mode & 0o666 | 0o200
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, first_mode)
    try:
        _write_all(descriptor, data)
        if mode is not None:
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_into(source: Path, target: Path, *, durable: bool) -> None:
    temp = temp_path(target.parent)
    size = source.stat().st_size
    try:
        _perform("write", target, lambda: shutil.copyfile(source, temp), size)
        _perform("write", target, lambda: shutil.copymode(source, temp))
        if durable:
            _perform("fsync", target, lambda: _sync(temp), size)
    except StorageError:
        _discard(temp)
        raise
    _rename(temp, target)


def _remove_entry(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        _perform("rmdir", path, path.rmdir)
    else:
        _perform("unlink", path, path.unlink)
