"""The jobs of the service: the board that every worker process shares, and the runner in one of them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from serving.uploads.folder import UploadFolder
from serving.uploads.job_log import KIND, JobLog
from serving.uploads.jobs import JobBoard
from serving.uploads.runner import Runner, RunnerParts
from serving.uploads.runner_lock import RunnerLock

if TYPE_CHECKING:
    from index.environment import Environment
    from ragpress.serve_settings import JournalSettings

WRITER_SECONDS = 60
"""So long an ingest run waits for another writer, before the runner starts another one."""


@asynccontextmanager
async def running_jobs(environment: Environment, settings: JournalSettings) -> AsyncIterator[JobBoard]:
    """The job board of this worker process; jobs are run for as long as the context lasts.

    Args:
        environment: the workspace.
        settings: the ``[journal]`` section.
    """
    log = JobLog(environment.journal(KIND), settings.file_bytes)
    board = JobBoard(log, UploadFolder(environment.workspace.root), environment.now)
    lock = RunnerLock(environment.local / "service" / "jobs.lock")
    parts = RunnerParts(
        board=board, environment=environment, command=lambda name: ingest_command(environment, name), leading=lock.held
    )
    task = asyncio.create_task(Runner(parts).run(), name="jobs")
    try:
        yield board
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        lock.release()
        await asyncio.to_thread(board.close)


def ingest_command(environment: Environment, collection: str) -> tuple[str, ...]:
    """The command line that brings a collection up to date and prints its report as JSON."""
    root = str(environment.workspace.root)
    wait = ("--wait", str(WRITER_SECONDS))
    return (
        sys.executable,
        "-m",
        "ragpress",
        "--workspace",
        root,
        "ingest",
        "--collection",
        collection,
        "--json",
        *wait,
    )
