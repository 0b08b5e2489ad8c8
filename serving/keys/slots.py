"""A small file that all worker processes of a machine share: what each key has used.

The file is a table of sets of slots. A key's hash chooses its set, its full id finds its slot there. A byte-range lock
on the set makes a change exact; the kernel releases it however its process ends, and a slot is so small that a killed
process leaves it as it was before or after. The file is read and written, not mapped: a file that somebody cuts short
would end a process that has mapped it. Nothing is synced, for what was used before a power cut is of no use after it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from serving.keys.buckets import Spent, plausible

SETS = 512
WAYS = 16
LOOK_SECONDS = 1.0

_SLOT = struct.Struct("<16sdd")
_SET_BYTES = _SLOT.size * WAYS
_HEADER = b"ragpress limits 1".ljust(64, b"\0")
_FILE_BYTES = len(_HEADER) + SETS * _SET_BYTES
_NAME_BYTES = 16
_EMPTY = bytes(_NAME_BYTES)
_LOCK_SECONDS = 0.5
_LOCK_PAUSE = 0.0001
# POSIX locks belong to the process: its own threads do not exclude each other, and closing any descriptor of a file
# drops the locks on it. So one thread at a time holds a lock, opens or closes.
_THREADS = threading.Lock()

Change = Callable[[Spent], Spent]


class SlotFile:
    """The shared file. Any thread may use it.

    Args:
        path: where; made, with its folder, when it is missing or damaged.
        clock: monotonic seconds, the same in every process of this machine.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._descriptor = -1
        self._looked = float("-inf")

    def read(self, key: str) -> Spent:
        """What a key has used.

        Raises:
            OSError: the file cannot be read.
        """
        with _THREADS:
            self._open()
            return self._find(_name(key))[1]

    def change(self, key: str, change: Change) -> Spent:
        """Change what a key has used: no other process reads or writes it meanwhile.

        Args:
            key: its id.
            change: gets what it has used, gives what it will have used; the same value writes nothing.

        Returns:
            what it had used before.

        Raises:
            OSError: the file cannot be read or written, or a process that stands still holds the lock.
        """
        name = _name(key)
        with _THREADS:
            self._open()
            _lock(self._descriptor, _set_place(name))
            try:
                place, before = self._find(name)
                after = change(before)
                if after != before:
                    os.pwrite(self._descriptor, _SLOT.pack(name, after.requests, after.tokens), place)
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _SET_BYTES, _set_place(name))
        return before

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with _THREADS:
            self._close()

    def _find(self, name: bytes) -> tuple[int, Spent]:
        """The place of a key's slot, or of the one it may take, and what it has used."""
        place = _set_place(name)
        content = os.pread(self._descriptor, _SET_BYTES, place)
        slots = list(_SLOT.iter_unpack(content.ljust(_SET_BYTES, b"\0")))
        for number, (found, requests, tokens) in enumerate(slots):
            if found == name:
                spent = Spent(requests, tokens)
                return place + number * _SLOT.size, spent if plausible(spent, self._clock()) else Spent()
        # Whoever has been idle for longest has all of its buckets full: to forget it changes nothing.
        idle = min(range(WAYS), key=lambda number: _busy_until(slots[number]))
        return place + idle * _SLOT.size, Spent()

    def _open(self) -> None:
        now = self._clock()
        if self._descriptor >= 0 and now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if self._descriptor >= 0 and not self._is_sound():
            self._close()
        if self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._build()

    def _is_sound(self) -> bool:
        """Whether the file is still the one under its name, whole."""
        try:
            named = self._path.stat()
        except OSError:
            return False
        own = os.fstat(self._descriptor)
        return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino) and own.st_size == _FILE_BYTES

    def _build(self) -> None:
        """Make the file whole where it is not: all zeros is nothing used."""
        _lock(self._descriptor, 0)
        try:
            sound = os.fstat(self._descriptor).st_size == _FILE_BYTES
            if not sound or os.pread(self._descriptor, len(_HEADER), 0) != _HEADER:
                os.ftruncate(self._descriptor, 0)
                os.ftruncate(self._descriptor, _FILE_BYTES)
                os.pwrite(self._descriptor, _HEADER, 0)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _SET_BYTES, 0)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _name(key: str) -> bytes:
    name = key.encode("utf-8")
    return name.ljust(_NAME_BYTES, b"\0") if len(name) <= _NAME_BYTES else hashlib.sha256(name).digest()[:_NAME_BYTES]


def _set_place(name: bytes) -> int:
    return len(_HEADER) + zlib.crc32(name) % SETS * _SET_BYTES


def _busy_until(slot: tuple[bytes, float, float]) -> float:
    name, requests, tokens = slot
    return -1.0 if name == _EMPTY else max(requests, tokens)


def _lock(descriptor: int, place: int) -> None:
    """Lock a set. Its holder needs microseconds, on a busy machine milliseconds: after longer it stands still."""
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SET_BYTES, place)
        except (BlockingIOError, PermissionError):
            if time.monotonic() > until:
                raise OSError(errno.EDEADLK, "another process holds the lock and stands still") from None
            time.sleep(_LOCK_PAUSE)
        else:
            return
