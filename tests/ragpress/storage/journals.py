"""What the tests of journals share: a place for one, and records."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ragpress.storage.journal import Journal
from ragpress.storage.journal_entry import JournalPlace, RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.local import LocalStore
from ragpress.storage.record_ids import new_record_id


def place_in(root: Path, kind: str = "answers") -> JournalPlace:
    """The place of a journal in a data directory."""
    return JournalPlace(root / "journal" / kind, LocalStore(root), f"journal/{kind}/")


def journal_in(root: Path, file_bytes: int = 1_000_000) -> Journal:
    """A journal there."""
    return Journal(place_in(root).folder, file_bytes=file_bytes)


def record(record_id: str = "", **fields: object) -> bytes:
    """A record with some columns."""
    return msgspec.json.encode({"id": record_id or new_record_id(), **fields})


def keep(root: Path, count: int, file_bytes: int = 1_000_000, **fields: object) -> list[str]:
    """Keep some records; returns their ids, oldest first."""
    ids = sorted(new_record_id() for _ in range(count))
    journal = journal_in(root, file_bytes)
    for record_id in ids:
        journal.append(record(record_id, **fields)).result()
    journal.close()
    return ids


def ids_in(root: Path, query: RecordQuery = RecordQuery()) -> list[str]:  # noqa: B008 - frozen
    """Ids of the records that a new reader finds, newest first."""
    return [found.entry.id for found in JournalReader(place_in(root)).select(query)]


def files_in(root: Path, suffix: str) -> list[Path]:
    """The journal's files of a kind, oldest first."""
    return sorted(path for path in place_in(root).folder.iterdir() if path.name.endswith(suffix))
