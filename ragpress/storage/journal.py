"""Append-only journals: a record is on the disk before anybody is told that it is kept.

A journal is a folder of JSON-lines files, one file per process that writes. Records of all threads of a process are
made durable together (group commit): one thread writes all that wait with one write and one fsync, and meanwhile the
next ones gather. A line counts once its newline is there, so a torn last line is no record.

``journal_read`` finds records again, in any process; ``journal_seal`` turns finished files into Parquet.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
import time
import weakref
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from ragpress.errors import StorageError
from ragpress.storage import disk
from ragpress.storage.journal_lines import LINES_SUFFIX

_TRIES = 5
_Waiting: TypeAlias = list[tuple[bytes, "Future[None]"]]

# What JSON leaves as it is, but some reader takes for the end of a line or for an order to the terminal: DEL, the C1
# controls (CSI among them), LINE SEPARATOR and PARAGRAPH SEPARATOR, in UTF-8.
_ODD = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")


class Journal:
    """Writes the records of one kind. Any thread may append; a forked child begins a file of its own.

    Args:
        folder: where its files lie; made with the first record.
        file_bytes: a file that has grown to this size is closed; the next record begins another one.
        batch_seconds: how long the first record of a batch waits for others; 0 takes those that came while the disk
            was busy.
    """

    def __init__(self, folder: Path, *, file_bytes: int, batch_seconds: float = 0.0) -> None:
        self.folder = folder
        self._file_bytes = file_bytes
        self._batch_seconds = batch_seconds
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._waiting: _Waiting = []
        self._committer: threading.Thread | None = None
        self._file: disk.AppendFile | None = None
        _journals.add(self)

    def append(self, record: bytes) -> Future[None]:
        """Keep a record: one JSON object without a line break.

        Returns:
            Done once the record is on the disk; fails with :class:`StorageError` where it is not kept. It cannot be
            cancelled: a record that was handed over is written.

        Raises:
            StorageError: the journal is closed.
            ValueError: the record holds a line break.
        """
        if b"\n" in record:
            raise ValueError("A record is one line of JSON; this one holds a line break.")
        kept: Future[None] = Future()
        kept.set_running_or_notify_cancel()
        line = (_ODD.sub(_escaped, record) if _ODD.search(record) else record) + b"\n"
        with self._changed:
            if self._closing.is_set():
                raise StorageError(f"The journal {self.folder} is closed: nothing can be added to it any more.")
            self._waiting.append((line, kept))
            if self._committer is None:
                self._committer = threading.Thread(target=self._run, name=f"journal {self.folder.name}", daemon=True)
                self._committer.start()
            self._changed.notify()
        return kept

    def close(self) -> None:
        """Make everything durable and give the file back; closing twice is no error."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
            committer = self._committer
        if committer is not None:
            committer.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._commit(batch)
        finally:
            self._drop_file()

    def _next_batch(self) -> _Waiting:
        with self._changed:
            while not self._waiting and not self._closing.is_set():
                self._changed.wait()
        if self._batch_seconds:
            self._closing.wait(self._batch_seconds)
        with self._changed:
            batch, self._waiting = self._waiting, []
        return batch

    def _commit(self, batch: _Waiting) -> None:
        try:
            file = self._opened()
            file.append(b"".join(line for line, _ in batch))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._give_up_file()
            for _, kept in batch:
                kept.set_exception(_own_copy(error))
            return
        for _, kept in batch:
            kept.set_result(None)
        if file.size >= self._file_bytes:
            self._drop_file()

    def _give_up_file(self) -> None:
        """Begin another file after a failure; one that never held a record is removed."""
        file = self._file
        if file is not None and not file.size:
            # The failure before this one is what the waiting hear of.
            with contextlib.suppress(StorageError):
                disk.remove(file.path)
        self._drop_file()

    def _opened(self) -> disk.AppendFile:
        for _ in range(_TRIES):
            if self._file is not None:
                return self._file
            disk.make_folder(self.folder)
            file = disk.AppendFile(self.folder / _new_name())
            # A sealer that came between the creation and the lock took it for the file of a dead writer.
            if file.is_in_place():
                self._file = file
            else:
                file.close()
        raise StorageError(
            f"Cannot begin a file in {self.folder}: others remove it again; see what cleans this folder."
        )

    def _drop_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _forget_in_child(self) -> None:
        self._drop_file()
        self._changed, self._closing = threading.Condition(), threading.Event()
        self._waiting, self._committer = [], None


def _new_name() -> str:
    now = datetime.fromtimestamp(time.time(), UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{os.getpid()}-{secrets.token_hex(4)}{LINES_SUFFIX}"


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match.group().decode())


def _own_copy(error: Exception) -> Exception:
    """An error for one waiter alone: raising one object in many places would mix up their tracebacks."""
    if not isinstance(error, StorageError):
        return error
    copy = type(error)(str(error))
    copy.__cause__ = error
    return copy


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _forget_in_child() -> None:
    for journal in list(_journals):
        journal._forget_in_child()


os.register_at_fork(after_in_child=_forget_in_child)
