"""Reads sealed journal files: Parquet, sorted by id, asked by DuckDB and by row group.

A file that turns out to be damaged is left out from then on, with an error in the log that names it: the records of all
others stay findable. What decides which files and releases may be removed does not go on without it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ragpress.errors import IntegrityError, NotFoundError
from ragpress.storage.journal_entry import Entry, JournalPlace, RecordQuery

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SEALED_SUFFIX = ".parquet"
COLUMNS = tuple(Entry.__struct_fields__)
_log = logging.getLogger(__name__)
_CONNECTION: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_TRIES = 3


class _Group(msgspec.Struct, frozen=True):
    number: int
    first: str
    last: str


class _Sealed(msgspec.Struct, frozen=True):
    key: str
    path: Path
    first: str
    last: str
    groups: tuple[_Group, ...]


class SealedFiles:
    """The sealed files of one journal. What is remembered of each is which ids it holds, row group by row group.

    Args:
        place: where the journal is.
    """

    def __init__(self, place: JournalPlace) -> None:
        self._place = place
        self._known: dict[str, _Sealed] = {}
        self._left_out: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def find(self, record_id: str) -> bytes | None:
        """The JSON of a record; None where no sealed file that can be read has it.

        Raises:
            StorageError: the store cannot be read.
        """
        known = list(self._known.values())
        for sealed in known:
            line = self._find(sealed, record_id)
            if line is not None:
                return line
        looked = {sealed.path for sealed in known}
        fresh = (sealed for sealed in self._list() if sealed.path not in looked)
        return next((line for sealed in fresh if (line := self._find(sealed, record_id)) is not None), None)

    def entries(self, query: RecordQuery) -> list[Entry]:
        """What the columns say of the records that a query wants, newest first.

        Raises:
            StorageError: a file cannot be read.
        """
        rows, _ = self._rows(query, ", ".join(f'"{name}"' for name in COLUMNS), _newest(query))
        return [_entry(row) for row in rows]

    def releases(self, query: RecordQuery) -> set[str]:
        """The releases of the records that a query wants, whatever its limit.

        Raises:
            StorageError: a file cannot be read: which releases its answers need is not known.
        """
        rows, _ = self._rows(query, "DISTINCT release", "")
        self._check_all()
        return {row[0] for row in rows}

    def select(self, query: RecordQuery) -> list[tuple[Entry, bytes]]:
        """The records that a query wants, newest first.

        Raises:
            StorageError: a file cannot be read.
        """
        rows, files = self._rows(query, "id, filename", _newest(query))
        wanted: dict[str, set[str]] = {}
        for record_id, path in rows:
            wanted.setdefault(path, set()).add(record_id)
        found: dict[str, tuple[Entry, bytes]] = {}
        for sealed in files:
            if str(sealed.path) in wanted:
                with self._leaving_out(sealed):
                    found |= {entry.id: (entry, line) for entry, line in _read(sealed, wanted[str(sealed.path)])}
        return [found[record_id] for record_id in sorted(found, reverse=True)]

    def remove_before(self, record_id: str) -> int:
        """Remove the sealed files all of whose records are older than an id; returns how many.

        Raises:
            StorageError: a file cannot be read or removed.
        """
        self._list()
        self._check_all()
        old = [key for key, sealed in self._known.items() if sealed.last < record_id]
        for key in old:
            self._place.store.delete(key)
        return len(old)

    def _rows(self, query: RecordQuery, columns: str, tail: str) -> tuple[list[tuple[Any, ...]], list[_Sealed]]:
        import duckdb  # noqa: PLC0415 - heavy

        conditions, values = _conditions(query)
        # Every part of the text is one of ours; what comes from outside is a parameter.
        text = f"SELECT {columns} FROM read_parquet(?, filename = true) WHERE {conditions} {tail}"  # noqa: S608
        for _ in range(_TRIES):
            files = [sealed for sealed in self._list() if query.since is None or sealed.last >= query.since]
            if not files:
                return [], []
            with self._database().cursor() as cursor:
                try:
                    paths = [str(sealed.path) for sealed in files]
                    return cursor.execute(text, [paths, *values]).fetchall(), files
                except duckdb.Error as error:
                    # A file may have been collected since it was listed, which the next list lacks; or it is damaged.
                    fault = error
                    self._find_damage(files)
        raise _damaged(Path(self._place.prefix), fault) from fault

    def _find(self, sealed: _Sealed, record_id: str) -> bytes | None:
        found: list[bytes | None] = []
        with self._leaving_out(sealed):
            found.append(_find(sealed, record_id))
        return found[0] if found else None

    def _find_damage(self, files: Sequence[_Sealed]) -> None:
        for sealed in files:
            with self._leaving_out(sealed), contextlib.suppress(FileNotFoundError):
                check_sealed(sealed.path)

    @contextlib.contextmanager
    def _leaving_out(self, sealed: _Sealed) -> Iterator[None]:
        """A file that proves to be damaged is not read again, and the log says so."""
        try:
            yield
        except IntegrityError as error:
            self._leave_out(sealed.key, sealed.path, error)

    def _leave_out(self, key: str, path: Path, error: IntegrityError) -> None:
        self._known.pop(key, None)
        try:
            self._left_out[key] = _identity(path)
        except FileNotFoundError:  # collected meanwhile
            return
        _log.error("Records are missing from what is found: %s", error)

    def _check_all(self) -> None:
        if self._left_out:
            key = next(iter(self._left_out))
            raise _damaged(self._place.store.local_path(key), "it is damaged")

    def _database(self) -> duckdb.DuckDBPyConnection:
        import duckdb  # noqa: PLC0415 - heavy

        with self._lock:
            if self._connection is None:
                self._connection = duckdb.connect(":memory:", config=_CONNECTION)
            return self._connection

    def _list(self) -> list[_Sealed]:
        keys = [key for key, _ in self._place.store.list(self._place.prefix) if key.endswith(SEALED_SUFFIX)]
        with self._lock:
            self._left_out = {key: left for key, left in self._left_out.items() if key in keys}
            self._known = {key: known for key in keys if (known := self._known.get(key) or self._open(key))}
            return list(self._known.values())

    def _open(self, key: str) -> _Sealed | None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        try:
            path = self._place.store.local_path(key)
            if key in self._left_out and self._left_out[key] == _identity(path):
                return None
            footer = pq.read_metadata(path)
            groups = tuple(_group(footer.row_group(number), number) for number in range(footer.num_row_groups))
        except (NotFoundError, FileNotFoundError):
            return None
        except (OSError, ValueError) as error:
            self._leave_out(key, path, _damaged(path, error))
            return None
        self._left_out.pop(key, None)  # it was restored
        return _Sealed(key, path, groups[0].first, groups[-1].last, groups) if groups else None


def check_sealed(path: Path) -> None:
    """Read a sealed file as a whole.

    Raises:
        FileNotFoundError: it is gone.
        IntegrityError: it is damaged; the message says what to do.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    if not path.exists():
        raise FileNotFoundError(path)
    with _reading(path), pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            file.read_row_group(number, columns=[*COLUMNS, "line"]).validate(full=True)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _group(group: Any, number: int) -> _Group:
    statistics = group.column(0).statistics
    return _Group(number, statistics.min, statistics.max)


def _find(sealed: _Sealed, record_id: str) -> bytes | None:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    numbers = [group.number for group in sealed.groups if group.first <= record_id <= group.last]
    with _reading(sealed.path):
        for number in numbers:
            with pq.ParquetFile(sealed.path) as file:
                ids = file.read_row_group(number, columns=["id"])["id"]
                row = pc.index(ids, pa.scalar(record_id)).as_py()
                if row >= 0:
                    line: str = file.read_row_group(number, columns=["line"])["line"][row].as_py()
                    return line.encode()
    return None


def _read(sealed: _Sealed, ids: set[str]) -> list[tuple[Entry, bytes]]:
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    numbers = [group.number for group in sealed.groups if any(group.first <= item <= group.last for item in ids)]
    found: list[tuple[Entry, bytes]] = []
    with _reading(sealed.path), pq.ParquetFile(sealed.path) as file:
        for number in numbers:
            rows = file.read_row_group(number, columns=[*COLUMNS, "line"])
            rows = rows.filter(pc.is_in(rows["id"], value_set=pa.array(ids, pa.string())))
            found += [(_entry(row[:-1]), row[-1].encode()) for row in _tuples(rows)]
    return found


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(rows[name].to_pylist() for name in (*COLUMNS, "line")), strict=True)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What a file raises that is damaged becomes our error; one that was removed meanwhile is as if it had no rows."""
    try:
        yield
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _newest(query: RecordQuery) -> str:
    return "ORDER BY id DESC" + ("" if query.limit is None else f" LIMIT {int(query.limit)}")


def _conditions(query: RecordQuery) -> tuple[str, list[Any]]:
    given: list[tuple[str, Any]] = [
        ("collection = ?", query.collection),
        ("release = ?", query.release),
        ("key = ?", query.key),
        ("list_contains(?, status)", None if query.statuses is None else list(query.statuses)),
        ("subject = ?", query.subject),
        ("list_contains(documents, ?)", query.document),
        ("list_contains(chunks, ?)", query.chunk),
        ("id IN (SELECT unnest(?))", None if query.ids is None else sorted(query.ids)),
        ("id >= ?", query.since),
    ]
    used = [("id <> ''", None), *((text, value) for text, value in given if value is not None)]
    return " AND ".join(text for text, _ in used), [value for _, value in used if value is not None]


def _entry(row: Sequence[Any]) -> Entry:
    *plain, documents, chunks = row
    return Entry(**dict(zip(COLUMNS[:-2], plain, strict=True)), documents=tuple(documents), chunks=tuple(chunks))


def _damaged(path: Path, error: Exception | str) -> IntegrityError:
    return IntegrityError(
        f"{path} is no readable journal file ({error}): restore it from a backup, or move it away to go on without "
        "the records in it."
    )
