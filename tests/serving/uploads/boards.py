"""A job board over a workspace, and a runner whose ingest runs happen in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from index.environment import Environment
from index.pipeline import ingest
from index.start import IngestRequest
from serving.uploads.folder import UploadFolder
from serving.uploads.ingest_process import IngestOutcome, read_outcome
from serving.uploads.job_log import KIND, JobLog
from serving.uploads.jobs import JobBoard
from serving.uploads.records import Job
from serving.uploads.runner import RunIngest, Runner, RunnerParts

Ingest = Callable[[str], IngestOutcome]


def board_of(environment: Environment) -> JobBoard:
    """A board as each worker process has one."""
    return JobBoard(JobLog(environment.journal(KIND), 1_000_000), UploadFolder(environment.workspace.root), now)


def now() -> datetime:
    """A time ahead of every file's, so that files count as settled."""
    return datetime.now(UTC)


def later() -> datetime:
    """A time at which every job has waited long enough."""
    return datetime.now(UTC) + timedelta(seconds=60)


def run_here(environment: Environment) -> RunIngest:
    """An ingest run as the real one reports it, in a thread of this process."""

    async def run(command: Sequence[str]) -> IngestOutcome:
        ahead = msgspec.structs.replace(environment, now=later)
        report = await asyncio.to_thread(ingest, IngestRequest(collection=command[0]), ahead)
        code = 4 if report.gate == "refuse" else 3 if report.quarantined else 0
        return read_outcome(code, msgspec.json.encode(report), b"")

    return run


def runner_of(environment: Environment, board: JobBoard, run: RunIngest | None = None) -> Runner:
    """A runner that waits for nothing."""
    board._now = later
    return Runner(
        RunnerParts(
            board=board,
            environment=environment,
            command=lambda collection: (collection,),
            leading=lambda: True,
            ingest=run or run_here(environment),
        )
    )


async def finished(environment: Environment, board: JobBoard, job: str) -> Job:
    """Run what waits, and give the job."""
    await runner_of(environment, board).step()
    board._now = now
    found = await board.find(job)
    assert found is not None
    return found
