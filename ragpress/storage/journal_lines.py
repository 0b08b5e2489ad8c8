"""Reads the files that journals write: JSON lines that may grow, be cut back or vanish while they are read.

They are read by blocks and never mapped into memory: a writer cuts off what a full disk left of a batch, and a mapped
page beyond the new end would kill its reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ragpress.errors import StorageError
from ragpress.storage.journal_entry import Describe, Entry

LINES_SUFFIX = ".jsonl"
_BLOCK_BYTES = 1 << 20


def line_files(folder: Path) -> list[Path]:
    """The files of a journal that are not sealed, oldest first."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(LINES_SUFFIX))
    except (FileNotFoundError, NotADirectoryError):
        return []


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that have their line end, without it; none when the file is gone.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line[:-1]
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error


def entries(path: Path, describe: Describe) -> Iterator[tuple[Entry, bytes]]:
    """The records of a file with what is known of them; torn and damaged lines are left out.

    Raises:
        StorageError: it cannot be read.
    """
    for line in whole_lines(path):
        try:
            entry = describe(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        yield entry, line


def find_line(path: Path, record_id: str) -> bytes | None:
    """The line of a record in a file, searched from the end; None where it is not, or the file is gone.

    Raises:
        StorageError: it cannot be read.
    """
    needle = b'{"id":"' + record_id.encode() + b'"'
    try:
        with path.open("rb", buffering=0) as file:
            end = os.fstat(file.fileno()).st_size
            while end > 0:
                start = max(0, end - _BLOCK_BYTES)
                position = _at_line_start(file.fileno(), needle, start, end)
                if position is not None:
                    return _line_at(file.fileno(), position)
                end = start
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    return None


def _at_line_start(descriptor: int, needle: bytes, start: int, end: int) -> int | None:
    """Position of the needle where it begins a line in ``[start, end)``; it may end beyond."""
    before = min(start, 1)
    block = os.pread(descriptor, end - start + before + len(needle), start - before)
    found = block.find(needle)
    while found >= 0:
        position = start - before + found
        if position == 0 or (found and block[found - 1 : found] == b"\n"):
            return position
        found = block.find(needle, found + 1)
    return None


def _line_at(descriptor: int, position: int) -> bytes | None:
    pieces = []
    while piece := os.pread(descriptor, _BLOCK_BYTES, position):
        line, newline, _ = piece.partition(b"\n")
        pieces.append(line)
        if newline:
            return b"".join(pieces)
        position += len(piece)
    return None


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"Cannot read {path}: {error.strerror}; make it readable for this user.")
