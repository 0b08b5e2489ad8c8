"""What the journal of jobs holds: one record per event, from which the state of a job follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from index.report import StepCount
from ragpress.storage.record_ids import new_record_id

JobAction: TypeAlias = Literal["upload", "delete", "quarantine", "restore"]
JobState: TypeAlias = Literal["queued", "running", "done", "failed"]
ResultState: TypeAlias = Literal[
    "live", "unchanged", "quarantined", "superseded", "deleted", "replaced", "ignored", "not_published"
]
"""What became of a document.

- ``live``: it can be found; ``unchanged``: it could be found before, in this very version.
- ``quarantined``, ``superseded``, ``deleted``: as in the list of documents.
- ``replaced``: a later upload of the same name took its place.
- ``ignored``: the settings of the sources leave the file out.
- ``not_published``: the release that has it is not live.
"""


class UploadedDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document that a job is about.

    Attributes:
        document_id: its id.
        source: its source path.
        name: its file name.
        size: bytes of the file; 0 where the job uploads none.
        sha256: hexadecimal digest of the file; "" where the job uploads none.
    """

    document_id: str
    source: str
    name: str
    size: int = 0
    sha256: str = ""


class DocumentResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a document of a job.

    Attributes:
        document_id: its id.
        source: its source path.
        state: see :data:`ResultState`.
        reason: why, where it is not live.
        chunks: chunks of it that can be found.
    """

    document_id: str
    source: str
    state: ResultState
    reason: str = ""
    chunks: int = 0


class RunCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the ingest run of a job reported; it may have been the run of other jobs too.

    Attributes:
        run: id of the run.
        published: whether the run made its release live; False where nothing had changed.
        plan: numbers of documents by kind of change.
        chunks_total: chunks that can be found.
        chunks_embedded: texts that were embedded.
        quarantined: documents of the collection that are quarantined now.
        steps: per step how often it was computed and how often an earlier result was used.
        seconds: wall time.
    """

    run: str
    published: bool
    plan: dict[str, int]
    chunks_total: int
    chunks_embedded: int
    quarantined: int
    steps: dict[str, StepCount]
    seconds: float


class Queued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="queued"):
    """A job was accepted.

    Attributes:
        id: id of this event.
        job: its id.
        at: ISO time (UTC, milliseconds).
        collection: its collection.
        action: what was done to the documents.
        key: id of the API key; "" without keys.
        owner: name of the key.
        documents: what it is about.
    """

    id: str = msgspec.field(default_factory=new_record_id)
    job: str
    at: str
    collection: str
    action: JobAction
    documents: tuple[UploadedDocument, ...]
    key: str = ""
    owner: str = ""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="started"):
    """A run for the job began.

    Attributes:
        id: id of this event.
        job: its id.
        at: ISO time.
        before: the release that was live then; None when there was none.
    """

    id: str = msgspec.field(default_factory=new_record_id)
    job: str
    at: str
    before: str | None


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="finished"):
    """The live release has, or on purpose has not, what the job brought.

    Attributes:
        id: id of this event.
        job: its id.
        at: ISO time.
        release: the live release.
        results: what became of each document.
        counts: what the run reported.
    """

    id: str = msgspec.field(default_factory=new_record_id)
    job: str
    at: str
    release: str | None
    results: tuple[DocumentResult, ...]
    counts: RunCounts


class Failed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="failed"):
    """The run failed; the documents are kept, and the next run takes them up.

    Attributes:
        id: id of this event.
        job: its id.
        at: ISO time.
        code: for a program.
        message: for the caller.
        detail: for the operator: may name paths of the machine.
        results: what became of each document, where that is known.
    """

    id: str = msgspec.field(default_factory=new_record_id)
    job: str
    at: str
    code: str
    message: str
    detail: str = ""
    results: tuple[DocumentResult, ...] = ()


JobEvent: TypeAlias = Queued | Started | Finished | Failed


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its events tell it.

    Attributes:
        queued: how it began.
        started: the first run for it, or None.
        ended: how it ended, or None.
    """

    queued: Queued
    started: Started | None = None
    ended: Finished | Failed | None = None

    @property
    def state(self) -> JobState:
        """``running`` also holds for a job whose run was killed: it is taken up again."""
        if self.ended is None:
            return "queued" if self.started is None else "running"
        return "done" if isinstance(self.ended, Finished) else "failed"


class Jobs:
    """Jobs by id, kept up to date event by event, in whatever order the files of many processes give them."""

    def __init__(self) -> None:
        self._queued: dict[str, Queued] = {}
        self._started: dict[str, Started] = {}
        self._ended: dict[str, Finished | Failed] = {}

    def add(self, events: Iterable[JobEvent]) -> None:
        """Take in events; one that is known already changes nothing."""
        for event in events:
            match event:
                case Queued():
                    self._queued[event.job] = event
                case Started():
                    known = self._started.get(event.job)
                    if known is None or event.at < known.at:
                        self._started[event.job] = event
                case Finished():
                    self._ended[event.job] = event
                case Failed():
                    self._ended.setdefault(event.job, event)

    def get(self, job: str) -> Job | None:
        """One job, or None."""
        queued = self._queued.get(job)
        if queued is None:
            return None
        return Job(queued=queued, started=self._started.get(job), ended=self._ended.get(job))

    def all(self) -> list[Job]:
        """All jobs, newest first."""
        found = [job for name in self._queued if (job := self.get(name)) is not None]
        return sorted(found, key=lambda job: (job.queued.at, job.queued.job), reverse=True)

    def unfinished(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        names = [name for name in self._queued if name not in self._ended]
        found = [job for name in names if (job := self.get(name)) is not None]
        return sorted(found, key=lambda job: (job.queued.at, job.queued.job))
