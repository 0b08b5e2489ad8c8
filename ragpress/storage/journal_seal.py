"""Seals finished journal files: their records move into Parquet, which is small and quick to search.

A file is finished when nobody holds its lock: it was rotated, or its writer has ended, however it ended. Some are
sealed together, under the name of the first of them; the Parquet file names them all. It is durable before they are
removed, and the first of them is removed last: so whoever finds a file beside a sealed one of its name knows that a
sealer was killed in between, and removes what is left. One sealer works on a journal at a time, others leave it alone.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ragpress.errors import ConflictError, StorageError
from ragpress.storage import disk
from ragpress.storage.journal_entry import Describe, Entry, JournalPlace, describe_plain
from ragpress.storage.journal_lines import line_files, whole_lines
from ragpress.storage.journal_sealed import SEALED_SUFFIX

if TYPE_CHECKING:
    import pyarrow as pa

SOURCES = b"ragpress.sources"
"""Key of the Parquet file's metadata: the names of the files that were sealed into it, as a JSON array."""

ROW_GROUP = 128
_TOGETHER_BYTES = 32_000_000
_EMPTY_SECONDS = 3600.0
_LOCK = ".seal-lock"


class SealedReport(msgspec.Struct, frozen=True):
    """What a sealing did: files that are gone, and records in the sealed files that took their place."""

    files: int = 0
    records: int = 0

    def __add__(self, other: SealedReport) -> SealedReport:
        return SealedReport(self.files + other.files, self.records + other.records)


def seal(place: JournalPlace, describe: Describe = describe_plain, at_least: int = 1) -> SealedReport:
    """Seal the finished files of a journal. Cheap where there are none; safe in many processes at once.

    Args:
        place: where the journal is.
        describe: reads the columns of a record.
        at_least: do nothing where fewer files than this are finished.

    Raises:
        StorageError: a file cannot be read, written or removed; nothing is lost, and the next sealing goes on.
    """
    if not any(_is_finished(path) for path in line_files(place.folder)):
        return SealedReport()
    lock = _exclusive(place.folder / _LOCK)
    if lock is None:
        return SealedReport()
    try:
        return _seal(place, describe, at_least)
    finally:
        os.close(lock)


def _seal(place: JournalPlace, describe: Describe, at_least: int) -> SealedReport:
    finished = [path for path in line_files(place.folder) if _is_finished(path)]
    report = SealedReport()
    for path in finished:
        if path.exists() and place.store.exists(_key(place, path)):
            report += SealedReport(_clear_away(place, path))
    remaining = [path for path in finished if path.exists()]
    if len(remaining) < at_least:
        return report
    for group in _groups(remaining):
        report += _seal_together(place, describe, group)
    return report


def _seal_together(place: JournalPlace, describe: Describe, paths: list[Path]) -> SealedReport:
    rows = _rows(paths, describe)
    if rows:
        try:
            place.store.create(_key(place, paths[0]), _parquet(rows, [path.name for path in paths]))
        except ConflictError as error:
            raise StorageError(f"{error} Another sealer must have been at work; the next sealing goes on.") from error
    _remove(paths)
    return SealedReport(len(paths), len(rows))


def _clear_away(place: JournalPlace, path: Path) -> int:
    """Remove what a killed sealer left behind of the files that it had sealed."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    sealed = place.store.local_path(_key(place, path))
    try:
        names = msgspec.json.decode(pq.read_metadata(sealed).metadata[SOURCES], type=list[str])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{sealed} cannot be read ({error}), so the files that were sealed into it stay: move it away, then their "
            "records are sealed again."
        ) from error
    left = [place.folder / name for name in names if (place.folder / name).exists()]
    _remove(left)
    return len(left)


def _remove(paths: list[Path]) -> None:
    for path in reversed(paths):
        disk.remove(path)


def _rows(paths: list[Path], describe: Describe) -> list[tuple[Entry, str]]:
    """The records of some files by id, each once. Damaged lines are kept, under no id."""
    rows: dict[str, tuple[Entry, str]] = {}
    damaged = []
    for line in (line for path in paths for line in whole_lines(path) if line.strip()):
        try:
            entry, text = describe(line), line.decode()
        except (msgspec.DecodeError, UnicodeDecodeError):
            damaged.append((Entry(id=""), line.decode(errors="backslashreplace")))
            continue
        rows.setdefault(entry.id, (entry, text))
    return [*damaged, *(rows[record_id] for record_id in sorted(rows))]


def _parquet(rows: list[tuple[Entry, str]], sources: list[str]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    table = _table(rows).replace_schema_metadata({SOURCES: msgspec.json.encode(sources)})
    plain = [name for name in table.column_names if name not in {"id", "at", "line", "subject"}]
    sink = pa.BufferOutputStream()
    names = [f"{name}.list.element" if name in {"documents", "chunks"} else name for name in plain]
    pq.write_table(table, sink, compression="zstd", row_group_size=ROW_GROUP, use_dictionary=names)
    sealed = bytes(sink.getvalue())
    del table, sink
    # A service seals a file now and then and would keep the memory of the largest one in between.
    pa.default_memory_pool().release_unused()
    return sealed


def _table(rows: list[tuple[Entry, str]]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - heavy

    columns = {
        name: pa.array(
            [getattr(entry, name) for entry, _ in rows],
            pa.list_(pa.string()) if name in {"documents", "chunks"} else pa.string(),
        )
        for name in Entry.__struct_fields__
    }
    return pa.table({**columns, "line": pa.array([line for _, line in rows], pa.string())})


def _groups(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Files in their order, some at a time, so that a sealing needs little memory."""
    group: list[Path] = []
    size = 0
    for path in paths:
        bytes_here = path.stat().st_size
        if group and size + bytes_here > _TOGETHER_BYTES:
            yield group
            group, size = [], 0
        group.append(path)
        size += bytes_here
    if group:
        yield group


def _is_finished(path: Path) -> bool:
    """Whether nobody writes to a file any more. A new and empty one may be about to be locked by its writer."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not found.st_size and time.time() - found.st_mtime < _EMPTY_SECONDS:
        return False
    lock = _exclusive(path, create=False)
    if lock is None:
        return False
    os.close(lock)
    return True


def _exclusive(path: Path, *, create: bool = True) -> int | None:
    """A descriptor that holds the lock on a file; None where another one does, or the file is gone."""
    flags = os.O_RDWR | os.O_CREAT if create else os.O_RDONLY
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"Cannot open {path}: {error.strerror}; give this user access to it.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _key(place: JournalPlace, path: Path) -> str:
    return f"{place.prefix}{path.stem}{SEALED_SUFFIX}"
