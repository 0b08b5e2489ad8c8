"""One ingest run in a process of its own: the service stays small and answers while documents are read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from index.report import StepCount
from ragpress.errors import RagpressError
from serving.uploads.records import RunCounts

NICENESS = 10
_TETHER = Path(__file__).with_name("tether.py")
_DONE, _QUARANTINED, _REFUSED = 0, 3, 4
_CLOSE_SECONDS = 5.0


class IngestDiedError(RagpressError):
    """An ingest run ended without a report: it was killed or crashed."""


class IngestFailedError(RagpressError):
    """An ingest run ended with an error of its own.

    Attributes:
        kind: class of the error.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Chunks(msgspec.Struct):
    total: int
    embedded: int


class _Report(msgspec.Struct):
    """What this service reads of ``ragpress ingest --json``."""

    run: str
    release: str | None
    published: bool
    plan: dict[str, int]
    chunks: _Chunks
    steps: dict[str, StepCount]
    quarantined: list[dict[str, str]]
    gate: str | None = None
    gate_reasons: list[str] = []
    seconds: float = 0.0


class _Problem(msgspec.Struct):
    type: str
    message: str


class _Failure(msgspec.Struct):
    error: _Problem


_Said = TypeVar("_Said", _Report, _Failure)


class IngestOutcome(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        release: the release it is about; None when there is none.
        refused: why the gate refused it; empty when it did not.
        counts: what it reported.
    """

    release: str | None
    refused: tuple[str, ...]
    counts: RunCounts


async def run_ingest(command: Sequence[str]) -> IngestOutcome:
    """Run an ingest and wait for it. When the waiting is cancelled, or this process dies, so does the run.

    Args:
        command: the command line; it prints one JSON object.

    Raises:
        IngestDiedError: it was killed or crashed.
        IngestFailedError: it failed and said why.
    """
    words = (sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(NICENESS), *command)
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate()
    finally:
        await _end(process)
    return read_outcome(process.returncode or 0, output, errors)


def read_outcome(code: int, output: bytes, errors: bytes) -> IngestOutcome:
    """What an ingest said on standard output, by its exit code.

    Raises:
        IngestDiedError: it says nothing that can be read.
        IngestFailedError: it says that it failed.
    """
    report = _decoded(output, _Report) if code in {_DONE, _QUARANTINED, _REFUSED} else None
    if report is not None:
        return _outcome(report)
    failure = _decoded(output, _Failure)
    if failure is not None:
        raise IngestFailedError(failure.error.type, failure.error.message)
    last = errors.decode("utf-8", "replace").strip()[-2000:]
    raise IngestDiedError(f"The ingest run ended with exit code {code} and no report. {last}")


def _decoded(output: bytes, kind: type[_Said]) -> _Said | None:
    try:
        return msgspec.json.decode(output, type=kind)
    except msgspec.DecodeError:
        return None


def _outcome(report: _Report) -> IngestOutcome:
    counts = RunCounts(
        run=report.run,
        published=report.published,
        plan=report.plan,
        chunks_total=report.chunks.total,
        chunks_embedded=report.chunks.embedded,
        quarantined=len(report.quarantined),
        steps=report.steps,
        seconds=report.seconds,
    )
    return IngestOutcome(report.release, tuple(report.gate_reasons) if report.gate == "refuse" else (), counts)


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that neither the run nor any parser it started goes on."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _CLOSE_SECONDS)
