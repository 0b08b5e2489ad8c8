"""Keeps the facts of the journals from one look to the next, so that a look reads only what is new.

A sealed file never changes: its facts are taken once and lie in the local cache, memory-mapped. A file that still
grows is read on from where the last look stopped.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ragpress.errors import IntegrityError, NotFoundError, StorageError
from ragpress.fingerprint import hexdigest
from ragpress.storage import disk
from ragpress.storage.journal_entry import JournalPlace
from ragpress.storage.journal_lines import line_files
from ragpress.storage.journal_sealed import SEALED_SUFFIX
from serving.overview.facts import ANSWERS, RATINGS, AnswerFacts, RatingFacts, answer_table, rating_table

_CODE_VERSION = 1

Fact = TypeVar("Fact")


class FactKind(msgspec.Struct, Generic[Fact], frozen=True):
    """What facts are taken of a journal.

    Attributes:
        name: names their files in the cache.
        schema: of their tables.
        record: what a record is decoded into.
        table: the table of such records.
    """

    name: str
    schema: pa.Schema
    record: type[Fact]
    table: Callable[[Iterable[Fact]], pa.Table]


ANSWER_FACTS = FactKind("answers", ANSWERS, AnswerFacts, answer_table)
RATING_FACTS = FactKind("ratings", RATINGS, RatingFacts, rating_table)


class _Growing(msgspec.Struct, frozen=True):
    """How far a file was read, and what was found."""

    end: int
    facts: pa.Table


class KeptFacts(Generic[Fact]):
    """The facts of one journal. Any thread may use it.

    Args:
        place: the journal.
        kind: what to take of it.
        folder: local folder for the facts of sealed files; may be removed at any time.
    """

    def __init__(self, place: JournalPlace, kind: FactKind[Fact], folder: Path) -> None:
        self._place = place
        self._kind = kind
        self._folder = folder
        self._decoder = msgspec.json.Decoder(kind.record)
        self._growing: dict[Path, _Growing] = {}
        self._sealed: dict[tuple[str, int], pa.Table] = {}
        self._lock = threading.Lock()

    def table(self) -> pa.Table:
        """All facts, in no order.

        Raises:
            StorageError: a file cannot be read.
        """
        with self._lock:
            # First what grows: a record that is sealed meanwhile is then seen twice, and never missed.
            growing = self._grow()
            sealed = pa.concat_tables([self._kind.schema.empty_table(), *self._seal()])
        twice = pc.is_in(growing["id"], value_set=sealed["id"].combine_chunks())
        return pa.concat_tables([sealed, growing.filter(pc.invert(twice))])

    def _grow(self) -> pa.Table:
        files = line_files(self._place.folder)
        self._growing = {path: self._read_on(path) for path in files}
        return pa.concat_tables([self._kind.schema.empty_table(), *(one.facts for one in self._growing.values())])

    def _read_on(self, path: Path) -> _Growing:
        known = self._growing.get(path) or _Growing(0, self._kind.schema.empty_table())
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                if size < known.end:  # what a full disk left of a batch was cut off
                    known = _Growing(0, self._kind.schema.empty_table())
                file.seek(known.end)
                fresh = file.read()
        except FileNotFoundError:
            return known
        except OSError as error:
            raise StorageError(f"Cannot read {path}: {error.strerror}; make it readable for this user.") from error
        whole = fresh[: fresh.rfind(b"\n") + 1]
        if not whole:
            return known
        facts = self._taken(whole.split(b"\n"))
        return _Growing(known.end + len(whole), pa.concat_tables([known.facts, facts]))

    def _seal(self) -> list[pa.Table]:
        listed = [item for item in self._place.store.list(self._place.prefix) if item[0].endswith(SEALED_SUFFIX)]
        found = {item: self._sealed.get(item) or self._of_sealed(*item) for item in listed}
        self._sealed = {item: table for item, table in found.items() if table is not None}
        return list(self._sealed.values())

    def _of_sealed(self, key: str, size: int) -> pa.Table | None:
        path = self._folder / f"{self._kind.name}-{hexdigest('facts', _CODE_VERSION, key, size)}.arrow"
        try:
            return _mapped(path, self._kind.schema)
        except (OSError, pa.ArrowInvalid):
            pass  # not there, or not whole: it is made anew
        try:
            lines = pq.read_table(self._place.store.local_path(key), columns=["line"], use_threads=False)["line"]
        except (NotFoundError, FileNotFoundError):
            return None  # collected since it was listed
        except (OSError, pa.ArrowInvalid) as error:
            raise IntegrityError(f"{key} is no readable journal file ({error}). Restore it from a backup.") from error
        facts = self._taken(line.encode() for line in lines.to_pylist())
        with contextlib.suppress(StorageError):  # a full disk costs the next process time, nothing else
            disk.make_folder(self._folder)
            disk.write_file(path, _encoded(facts))
        return facts

    def _taken(self, lines: Iterable[bytes]) -> pa.Table:
        return self._kind.table(fact for line in lines if (fact := self._decoded(line)) is not None)

    def _decoded(self, line: bytes) -> Fact | None:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # no record, or torn


def _mapped(path: Path, schema: pa.Schema) -> pa.Table:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    if table.schema != schema:
        raise pa.ArrowInvalid(f"{path} has another schema")
    return table


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
