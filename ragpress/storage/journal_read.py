"""Finds and lists the records of a journal, whichever process wrote them, sealed or not.

What is not sealed is always read before the list of what is: a record that is sealed meanwhile is then seen twice and
told once, and never missed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import msgspec

from ragpress.storage.journal_entry import Describe, Entry, JournalPlace, RecordQuery, describe_plain
from ragpress.storage.journal_lines import entries, find_line, line_files
from ragpress.storage.journal_sealed import SealedFiles
from ragpress.storage.record_ids import is_record_id


class Record(msgspec.Struct, frozen=True):
    """One record.

    Attributes:
        entry: what its columns say.
        line: the whole of it, as JSON.
    """

    entry: Entry
    line: bytes


class JournalReader:
    """Finds and lists records. Any thread may use it; its memory does not grow with the number of records.

    Args:
        place: where the journal is.
        describe: reads the columns of a record that is not sealed.
    """

    def __init__(self, place: JournalPlace, describe: Describe = describe_plain) -> None:
        self._place = place
        self._describe = describe
        self._sealed = SealedFiles(place)

    def find(self, record_id: str) -> bytes | None:
        """The JSON of a record; None where there is none, also for what is no id at all.

        Sealed files that are damaged are left out, here and in lists, and the log names them.

        Raises:
            StorageError: a file cannot be read.
        """
        if not is_record_id(record_id):
            return None
        for path in reversed(line_files(self._place.folder)):
            line = find_line(path, record_id)
            if line is not None:
                return line
        return self._sealed.find(record_id)

    def select(self, query: RecordQuery) -> list[Record]:
        """Records, newest first.

        Raises:
            StorageError: a file cannot be read.
        """
        unsealed = self._unsealed(query)
        seen = {record.entry.id for record in unsealed}
        sealed = (Record(entry, line) for entry, line in self._sealed.select(query))
        together = sorted((*unsealed, *(item for item in sealed if item.entry.id not in seen)), key=_id, reverse=True)
        return together if query.limit is None else together[: query.limit]

    def entries(self, query: RecordQuery) -> list[Entry]:
        """The same without the records themselves, which is much cheaper for many.

        Raises:
            StorageError: a file cannot be read.
        """
        unsealed = [record.entry for record in self._unsealed(query)]
        found = {entry.id: entry for entry in (*self._sealed.entries(query), *unsealed)}
        newest = sorted(found.values(), key=lambda entry: entry.id, reverse=True)
        return newest if query.limit is None else newest[: query.limit]

    def releases(self, query: RecordQuery) -> set[str]:
        """The releases of the records that a query wants, whatever its limit.

        Raises:
            StorageError: a file cannot be read.
        """
        unsealed = {record.entry.release for record in self._matching(query)}
        return unsealed | self._sealed.releases(query)

    def remove_before(self, record_id: str) -> int:
        """Remove the sealed files all of whose records are older than an id; returns how many.

        Raises:
            StorageError: a file cannot be read or removed.
        """
        return self._sealed.remove_before(record_id)

    def _unsealed(self, query: RecordQuery) -> list[Record]:
        wanted = {record.entry.id: record for record in self._matching(query)} if query.limit is None else None
        if wanted is not None:
            return list(wanted.values())
        newest = heapq.nlargest(query.limit or 0, self._matching(query), key=_id)
        return list({record.entry.id: record for record in newest}.values())

    def _matching(self, query: RecordQuery) -> Iterator[Record]:
        for path in line_files(self._place.folder):
            for entry, line in entries(path, self._describe):
                if query.takes(entry):
                    yield Record(entry, line)


def _id(record: Record) -> str:
    return record.entry.id
