"""The journal of jobs: every worker process appends, and reads what the others appended since it last looked."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import msgspec

from ragpress.storage.journal import Journal
from ragpress.storage.journal_entry import Entry, JournalPlace, RecordQuery
from ragpress.storage.journal_lines import line_files
from ragpress.storage.journal_read import JournalReader
from serving.uploads.records import Failed, Finished, JobEvent, Jobs, Queued

KIND = "jobs"
_LOOK_SECONDS = 30.0
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[JobEvent] = msgspec.json.Decoder(JobEvent)


class JobLog:
    """Job events on the disk.

    Args:
        place: where the journal is.
        file_bytes: as :class:`~ragpress.storage.journal.Journal` takes it.
    """

    def __init__(self, place: JournalPlace, file_bytes: int) -> None:
        self._journal = Journal(place.folder, file_bytes=file_bytes)
        self._reader = JournalReader(place, describe_event)
        self._place = place
        self._jobs: Jobs | None = None
        self._read: dict[str, int] = {}
        self._sealed: tuple[str, ...] = ()
        self._looked = 0.0
        self._lock = threading.Lock()

    async def append(self, event: JobEvent) -> None:
        """Keep an event; it is on the disk when this returns.

        Raises:
            StorageError: it is not kept.
        """
        await asyncio.wrap_future(self._journal.append(_ENCODER.encode(event)))

    def jobs(self, *, look: bool = False) -> Jobs:
        """Every job, with all that any process wrote until now. Reads only what is new.

        Args:
            look: look for sealed files that are new, whenever that was last done.

        Raises:
            StorageError: a file cannot be read.
        """
        with self._lock:
            paths = line_files(self._place.folder)
            vanished = not self._read.keys() <= {path.name for path in paths}
            if self._jobs is None or vanished or self._others_sealed(look):
                self._read.clear()
                self._jobs = Jobs()
                self._jobs.add(_events([record.line for record in self._reader.select(RecordQuery())]))
            for path in paths:
                self._take_in(self._jobs, path)
            return self._jobs

    def close(self) -> None:
        """Give the file back."""
        self._journal.close()

    def _others_sealed(self, look: bool) -> bool:
        """Whether there are sealed files that were not there at the last look: they may hold what was never seen."""
        now = time.monotonic()
        if not look and now - self._looked < _LOOK_SECONDS:
            return False
        before, self._looked = self._sealed, now
        self._sealed = tuple(key for key, _ in self._place.store.list(self._place.prefix))
        return self._sealed != before

    def _take_in(self, jobs: Jobs, path: Path) -> None:
        done = self._read.get(path.name, 0)
        try:
            with path.open("rb") as file:
                file.seek(done)
                new = file.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        jobs.add(_events(whole.splitlines()))
        self._read[path.name] = done + len(whole)


def describe_event(line: bytes) -> Entry:
    """What the columns of a sealed journal say of an event.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    event = _DECODER.decode(line)
    queued = event if isinstance(event, Queued) else None
    return Entry(
        id=event.id,
        at=event.at,
        subject=event.job,
        status="queued" if queued else "ended" if isinstance(event, Finished | Failed) else "started",
        collection=queued.collection if queued else "",
        key=queued.key if queued else "",
        documents=tuple(document.document_id for document in queued.documents) if queued else (),
        release=(event.release or "") if isinstance(event, Finished) else "",
    )


def _events(lines: list[bytes]) -> list[JobEvent]:
    found = []
    for line in lines:
        try:
            found.append(_DECODER.decode(line))
        except msgspec.DecodeError:
            # Of a newer version, or damaged: one event that cannot be read must not hide the others.
            continue
    return found
