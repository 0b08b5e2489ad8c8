"""Seals the journals of a workspace now and then, while a service runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor

from index.environment import Environment
from index.findings import FINDINGS, LOOP, describe_finding
from index.findings import describe_event as describe_loop_event
from index.runs import RUNS, describe_run
from ragpress.errors import StorageError
from ragpress.storage.journal_entry import Describe
from ragpress.storage.journal_seal import SealedReport, seal
from serving.journal.answers import ANSWERS, FEEDBACK
from serving.journal.codec import describe_answer, describe_feedback
from serving.uploads.job_log import KIND as JOBS
from serving.uploads.job_log import describe_event

SECONDS = 60.0

_KINDS: dict[str, Describe] = {
    ANSWERS: describe_answer,
    FEEDBACK: describe_feedback,
    JOBS: describe_event,
    RUNS: describe_run,
    FINDINGS: describe_finding,
    LOOP: describe_loop_event,
}
_logger = logging.getLogger(__name__)


def seal_journals(environment: Environment, at_least: int = 1) -> SealedReport:
    """Seal the finished files of every journal. Cheap where there are none; any number of processes may call it.

    Args:
        environment: the outside.
        at_least: leave a journal alone that has fewer finished files than this.

    Raises:
        StorageError: a file cannot be read or written; nothing is lost.
    """
    report = SealedReport()
    for kind, describe in _KINDS.items():
        report += seal(environment.journal(kind), describe, at_least)
    return report


@contextlib.asynccontextmanager
async def sealed_regularly(environment: Environment, seconds: float = SECONDS) -> AsyncIterator[None]:
    """Seal the journals from time to time during the context, and once in the end."""
    # Always the same thread: every thread keeps memory for itself of what it has once needed.
    with ThreadPoolExecutor(1, thread_name_prefix="ragpress-sealing") as thread:
        task = asyncio.create_task(_seal_on(environment, seconds, thread))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await _seal_once(environment, thread)


async def _seal_on(environment: Environment, seconds: float, thread: Executor) -> None:
    while True:
        await _seal_once(environment, thread)
        await asyncio.sleep(seconds)


async def _seal_once(environment: Environment, thread: Executor) -> None:
    try:
        await asyncio.get_running_loop().run_in_executor(thread, seal_journals, environment)
    except (StorageError, OSError):
        _logger.exception("The journals cannot be sealed now; nothing is lost, it is tried again")
