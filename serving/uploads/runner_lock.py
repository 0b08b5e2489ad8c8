"""Which worker process runs jobs: whichever holds a file lock. The kernel gives it to another when that one ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ragpress.errors import StorageError
from ragpress.storage import disk


class RunnerLock:
    """A lock that one process of all that serve a workspace holds.

    Args:
        path: the lock's file; it and its folder are made where they are missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def held(self) -> bool:
        """Whether this process holds it; takes it if nobody does. Never waits.

        Raises:
            StorageError: its file cannot be opened.
        """
        if self._descriptor is not None:
            return True
        disk.make_folder(self._path.parent)
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StorageError(
                f"Cannot open the lock file {self._path}: {error.strerror}; make it writable."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let another process have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
