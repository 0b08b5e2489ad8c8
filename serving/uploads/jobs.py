"""Jobs: uploads that wait to be ingested, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from ragpress.storage.record_ids import is_record_id, new_record_id
from serving.uploads.folder import UploadFolder
from serving.uploads.job_log import JobLog
from serving.uploads.records import Job, JobAction, JobEvent, Queued, UploadedDocument


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be queued.

    Attributes:
        collection: its collection.
        action: what was done to the documents.
        documents: what it is about.
        key: id of the API key.
        owner: name of the key.
    """

    collection: str
    action: JobAction
    documents: tuple[UploadedDocument, ...]
    key: str
    owner: str


class JobBoard:
    """The jobs of a workspace, seen by every worker process.

    Args:
        log: their journal.
        uploads: the managed source folder.
        now: the time, with time zone.

    Attributes:
        uploads: the managed source folder.
    """

    def __init__(self, log: JobLog, uploads: UploadFolder, now: Callable[[], datetime]) -> None:
        self.uploads = uploads
        self._log = log
        self._now = now

    async def submit(self, new: NewJob) -> Job:
        """Queue a job; it is on the disk when this returns, and survives every crash from then on.

        Raises:
            StorageError: it is not kept.
        """
        queued = Queued(
            job=new_record_id(),
            at=self.stamp(),
            collection=new.collection,
            action=new.action,
            documents=new.documents,
            key=new.key,
            owner=new.owner,
        )
        await self._log.append(queued)
        return Job(queued=queued)

    async def find(self, job: str) -> Job | None:
        """One job, whichever process accepted it; None when there is none."""
        return await asyncio.to_thread(self._find, job)

    async def all(self) -> list[Job]:
        """Every job, newest first."""
        return await asyncio.to_thread(lambda: self._log.jobs().all())

    async def unfinished(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        return await asyncio.to_thread(lambda: self._log.jobs().unfinished())

    async def note(self, event: JobEvent) -> None:
        """Keep what happened to a job.

        Raises:
            StorageError: it is not kept.
        """
        await self._log.append(event)

    def stamp(self) -> str:
        """The time as events carry it: ISO, UTC, milliseconds."""
        return self._now().astimezone(UTC).isoformat(timespec="milliseconds")

    def age(self, job: Job) -> float:
        """Seconds since a job was queued; negative when the clock went back."""
        return (self._now() - datetime.fromisoformat(job.queued.at)).total_seconds()

    def close(self) -> None:
        """Give the journal's file back."""
        self._log.close()

    def _find(self, job: str) -> Job | None:
        return self._log.jobs().get(job) or (self._log.jobs(look=True).get(job) if is_record_id(job) else None)
