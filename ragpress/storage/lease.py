"""The one-writer lock of a collection: who holds it, and a file lock that dies with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ragpress.errors import StorageError, WriterBusyError

POLL_SECONDS = 0.05

# A probe of the lock, or a holder that has not yet written its name, is over within this time.
_GRACE_SECONDS = 0.1
_held: set[int] = set()


class Holder(msgspec.Struct, frozen=True):
    """Who holds a writer lock.

    Attributes:
        host: its machine.
        pid: its process id there.
        started: when it took the lock, ISO 8601, UTC.
        command: its command line, at most 200 characters.
    """

    host: str
    pid: int
    started: str
    command: str

    def describe(self) -> str:
        """One line for a person."""
        return f"{self.command} (process {self.pid} on {self.host}, since {self.started})"


def current_holder() -> Holder:
    """This process as a holder."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    program = Path(sys.argv[0]) if sys.argv else Path("python")
    name = program.parent.name if program.name == "__main__.py" else program.name
    command = " ".join([name, *sys.argv[1:]])
    return Holder(host=socket.gethostname(), pid=os.getpid(), started=started, command=command[:200])


def busy_error(collection: str, holder: str, wait: float) -> WriterBusyError:
    """The error of a writer that found the lock held."""
    waited = f" after waiting {wait:g} s" if wait else ""
    return WriterBusyError(
        f"Collection {collection!r} is being written by {holder}{waited}. "
        "Run again when it has finished, or wait for it with --wait SECONDS."
    )


@contextlib.contextmanager
def hold_file(path: Path, collection: str, wait: float) -> Iterator[None]:
    """Hold an exclusive lock on a file for the duration of the context.

    The lock belongs to the open file, so the kernel releases it however the process ends.

    Raises:
        WriterBusyError: another open file holds it still after ``wait`` seconds.
        StorageError: the lock file cannot be opened.
    """
    descriptor = _open(path)
    _held.add(descriptor)
    try:
        if not _acquire(descriptor, max(wait, _GRACE_SECONDS)):
            raise busy_error(collection, _read_named(path), wait)
        _write_holder(descriptor, path)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def file_holder(path: Path) -> str | None:
    """Who holds the lock on a file, in words; None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if not os.fstat(descriptor).st_size:
            return None
        # A name is there: its process holds the lock, or it was killed and the lock is free.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_named(path)
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def short_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file for a moment, waiting for others that do the same."""
    descriptor = _open(path)
    _held.add(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StorageError(f"Cannot open the lock file {path}: {error.strerror}; make it writable.") from error


def _acquire(descriptor: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(POLL_SECONDS, wait / 4))
        else:
            return True


def _write_holder(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(current_holder()), 0)
    except OSError as error:
        advice = "free some space there, then run the same command again"
        raise StorageError(f"Cannot write the lock file {path}: {error.strerror}; {advice}.") from error


def _read_named(path: Path) -> str:
    deadline = time.monotonic() + _GRACE_SECONDS
    while True:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Holder).describe()
        except (msgspec.DecodeError, FileNotFoundError):
            if time.monotonic() >= deadline:
                return "another process that has only just started"
            time.sleep(POLL_SECONDS / 5)


def _forget_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


# A forked worker would otherwise keep its dead parent's lock alive.
os.register_at_fork(after_in_child=_forget_in_child)
