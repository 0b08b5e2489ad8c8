"""The runner: takes up queued jobs, one ingest run for all that came shortly after one another.

It runs in one worker process only. What has to be done is always read from the journal, so after any crash the next
runner goes on: a job ends only by an event that was written after its result was read from a release.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

import msgspec

from index.documents import DocumentRow
from index.environment import Environment
from ragpress.errors import NotFoundError, RagpressError, ReleaseError
from serving.uploads import outcome
from serving.uploads.ingest_process import IngestDiedError, IngestFailedError, IngestOutcome, run_ingest
from serving.uploads.jobs import JobBoard
from serving.uploads.records import Failed, Finished, Job, JobEvent, Started
from serving.uploads.rows import rows_of

_LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.25
GATHER_SECONDS = 0.5
LONGEST_GATHER_SECONDS = 5.0
RETRY_SECONDS = 2.0
MOST_DEATHS = 3

_TRANSIENT = frozenset({"WriterBusyError", "ConflictError", "UnknownOutcomeError"})
_OPERATOR = "Tell the operator; the document is kept and the next run takes it up."
_FAILURES = {
    "SettingsError": ("settings_wrong", f"The settings of the workspace are wrong. {_OPERATOR}"),
    "UsageError": ("settings_wrong", f"The settings of the workspace are wrong. {_OPERATOR}"),
    "SourceError": ("source_missing", f"A source folder of the collection cannot be read. {_OPERATOR}"),
    "ModelError": ("model_unavailable", f"The embedding model cannot be loaded. {_OPERATOR}"),
    "MissingDependencyError": ("model_unavailable", f"A package that the settings need is missing. {_OPERATOR}"),
    "StorageError": (
        "storage_unavailable",
        f"The service cannot write its data; perhaps the disk is full. {_OPERATOR}",
    ),
    "IntegrityError": ("storage_unavailable", f"Stored data of the collection is damaged. {_OPERATOR}"),
}
_OTHER_FAILURE = ("ingest_failed", f"The ingest run failed. {_OPERATOR}")

RunIngest = Callable[[Sequence[str]], Awaitable[IngestOutcome]]


class RunnerParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a runner works with.

    Attributes:
        board: the jobs.
        environment: the workspace and its releases.
        command: gives the command line that ingests a collection and prints its report as JSON.
        leading: whether this process is the one that runs jobs.
        ingest: runs a command line.
    """

    board: JobBoard
    environment: Environment
    command: Callable[[str], Sequence[str]]
    leading: Callable[[], bool]
    ingest: RunIngest = run_ingest


class Runner:
    """Runs the jobs of a workspace.

    Args:
        parts: what it works with.
    """

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._board = parts.board
        self._later: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._swept = False

    async def run(self) -> None:
        """Run jobs until cancelled."""
        while True:
            if self._parts.leading():
                try:
                    await self.step()
                except (RagpressError, OSError) as error:
                    _LOG.warning("jobs cannot be run at the moment: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> None:
        """Run what is due, collection by collection."""
        if not self._swept:
            await asyncio.to_thread(self._board.uploads.sweep)
            self._swept = True
        waiting = sorted(await self._board.unfinished(), key=lambda job: job.queued.collection)
        for collection, group in groupby(waiting, key=lambda job: job.queued.collection):
            jobs = list(group)
            if self._is_due(collection, jobs):
                await self._run(collection, jobs)

    def _is_due(self, collection: str, jobs: list[Job]) -> bool:
        if asyncio.get_running_loop().time() < self._later.get(collection, 0.0):
            return False
        ages = [self._board.age(job) for job in jobs]
        # Where the clock went back there is no telling how long a job has waited.
        return min(ages) >= GATHER_SECONDS or max(ages) >= LONGEST_GATHER_SECONDS or min(ages) < 0

    async def _run(self, collection: str, jobs: list[Job]) -> None:
        live = await asyncio.to_thread(self._parts.environment.releases(collection).live_id)
        for number, job in enumerate(jobs):
            if job.started is None:
                started = Started(job=job.queued.job, at=self._board.stamp(), before=live)
                await self._board.note(started)
                jobs[number] = msgspec.structs.replace(job, started=started)
        try:
            done = await self._parts.ingest(self._parts.command(collection))
        except IngestDiedError as error:
            await self._died(collection, jobs, error)
        except IngestFailedError as error:
            await self._failed(collection, jobs, error)
        else:
            self._deaths.pop(collection, None)
            for job in jobs:
                await self._board.note(await asyncio.to_thread(self._ending, job, done))

    async def _died(self, collection: str, jobs: list[Job], error: IngestDiedError) -> None:
        _LOG.warning("an ingest run of %s died: %s", collection, error)
        deaths = self._deaths[collection] = self._deaths.get(collection, 0) + 1
        if deaths < MOST_DEATHS:
            self._wait(collection)
            return
        del self._deaths[collection]
        code, message = "ingest_died", f"The ingest run was killed {deaths} times. {_OPERATOR}"
        await self._fail(jobs, code, message, str(error))

    async def _failed(self, collection: str, jobs: list[Job], error: IngestFailedError) -> None:
        if error.kind in _TRANSIENT:
            self._wait(collection)
            return
        _LOG.warning("an ingest run of %s failed: %s", collection, error)
        code, message = _FAILURES.get(error.kind, _OTHER_FAILURE)
        await self._fail(jobs, code, message, str(error))

    async def _fail(self, jobs: list[Job], code: str, message: str, detail: str) -> None:
        for job in jobs:
            failed = Failed(job=job.queued.job, at=self._board.stamp(), code=code, message=message, detail=detail)
            await self._board.note(failed)

    def _wait(self, collection: str) -> None:
        self._later[collection] = asyncio.get_running_loop().time() + RETRY_SECONDS

    def _ending(self, job: Job, done: IngestOutcome) -> JobEvent:
        queued = job.queued
        if done.refused:
            reason = "; ".join(done.refused)
            return Failed(
                job=queued.job,
                at=self._board.stamp(),
                code="gate_refused",
                message=f"The gate refused the release that has the document: {reason}. The live one is unchanged.",
                results=outcome.not_published(queued.documents, reason),
            )
        ids = {document.document_id for document in queued.documents}
        before = self._rows_before(job, ids)
        after = rows_of(self._parts.environment, queued.collection, done.release, ids)
        return Finished(
            job=queued.job,
            at=self._board.stamp(),
            release=done.release,
            results=outcome.results(queued.action, queued.documents, before, after),
            counts=done.counts,
        )

    def _rows_before(self, job: Job, ids: set[str]) -> dict[str, DocumentRow]:
        before = None if job.started is None else job.started.before
        try:
            return rows_of(self._parts.environment, job.queued.collection, before, ids)
        except (ReleaseError, NotFoundError):
            # Collected since: then a document counts as new, which is the more cautious thing to say.
            return {}
