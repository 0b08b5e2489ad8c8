"""Where a journal is, and what is known of a record without reading the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from ragpress.storage.store import Store


class JournalPlace(msgspec.Struct, frozen=True):
    """Where the records of one kind lie.

    Attributes:
        folder: local folder of the files that are being written, and of those not sealed yet.
        store: holds the sealed ones.
        prefix: their keys begin so; ends in ``/``.
    """

    folder: Path
    store: Store
    prefix: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a record without reading the whole of it: the columns of a sealed journal.

    Attributes:
        id: id of the record; records sort by it in the order of their time.
        at: ISO time.
        collection: its collection.
        release: its release.
        key: id of the API key it came with.
        status: what became of it; of a feedback its rating.
        subject: id of the record that it is about; of a feedback the answer.
        documents: ids of the documents in it.
        chunks: ids of the chunks in it.
    """

    id: str
    at: str = ""
    collection: str = ""
    release: str = ""
    key: str = ""
    status: str = ""
    subject: str = ""
    documents: tuple[str, ...] = ()
    chunks: tuple[str, ...] = ()


Describe: TypeAlias = Callable[[bytes], Entry]
"""Reads an entry from a record. Raises :class:`msgspec.DecodeError` (or its subclass) for what is no record."""


class RecordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; all given conditions must hold.

    Attributes:
        collection: of this collection.
        release: of this release.
        key: that came with this API key.
        statuses: of one of these statuses.
        subject: about this record.
        document: with this document.
        chunk: with this chunk.
        ids: with one of these ids.
        since: with this id or a later one; see :func:`ragpress.storage.record_ids.first_id_at`.
        limit: the most to give, newest first; None gives all.
    """

    collection: str | None = None
    release: str | None = None
    key: str | None = None
    statuses: Sequence[str] | None = None
    subject: str | None = None
    document: str | None = None
    chunk: str | None = None
    ids: frozenset[str] | None = None
    since: str | None = None
    limit: int | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether a record is one of those."""
        return (
            all(wanted in (None, found) for wanted, found in self._equal(entry))
            and (self.statuses is None or entry.status in self.statuses)
            and (self.document is None or self.document in entry.documents)
            and (self.chunk is None or self.chunk in entry.chunks)
            and (self.ids is None or entry.id in self.ids)
            and (self.since is None or entry.id >= self.since)
        )

    def _equal(self, entry: Entry) -> tuple[tuple[str | None, str], ...]:
        return (
            (self.collection, entry.collection),
            (self.release, entry.release),
            (self.key, entry.key),
            (self.subject, entry.subject),
        )


describe_plain: Describe = msgspec.json.Decoder(Entry).decode
"""Describes a record whose own fields are named as those of an entry are."""
