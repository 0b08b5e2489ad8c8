"""The journal of ingest runs: what each run reported, also one that failed or had nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec

from index.environment import Environment
from index.report import IngestReport
from ragpress.errors import GateRefusedError, SettingsError, StorageError, UsageError
from ragpress.storage.journal_entry import Entry, RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.journal_seal import seal
from ragpress.storage.record_ids import new_record_id

RUNS = "runs"
"""Name of the journal."""


DONE, FAILED, USAGE, QUARANTINED, REFUSED = range(5)
"""Exit codes of the command line."""


# Each run leaves a file of its own behind; so many are sealed into one, where no service does it.
_MANY_FILES = 32


class RunError(msgspec.Struct, frozen=True):
    """Why a run failed.

    Attributes:
        kind: name of the exception's class.
        message: its message.
    """

    kind: str
    message: str


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of ``ragpress ingest``.

    Attributes:
        id: id of the record.
        at: ISO time (UTC, milliseconds) at which it started.
        finished: ISO time at which it ended.
        collection: the collection.
        exit_code: what the command exited with: 0 done, 1 failed, 2 wrong settings, 3 done with quarantined
            documents, 4 refused by the gate.
        report: what it did; None where it failed.
        error: why it failed.
    """

    id: str
    at: str
    finished: str
    collection: str
    exit_code: int
    report: IngestReport | None = None
    error: RunError | None = None


class RunOutcome:
    """Takes the report of a run.

    Attributes:
        report: what the run did; None until it has ended.
    """

    def __init__(self) -> None:
        self.report: IngestReport | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RunRecord)


@contextmanager
def recorded_run(environment: Environment, collection: str, warn: Callable[[str], None]) -> Iterator[RunOutcome]:
    """Keep in the journal how the run ends that happens in the context: its report, or the error that goes through.

    A journal that cannot be written fails no run: what was published stays so.

    Args:
        environment: the outside.
        collection: the collection.
        warn: is told why the run could not be kept.
    """
    started, outcome = environment.now(), RunOutcome()
    error: RunError | None = None
    code = DONE
    try:
        yield outcome
        code = exit_code(outcome.report)
    except (Exception, KeyboardInterrupt) as caught:
        error, code = RunError(type(caught).__name__, str(caught)), _failure_code(caught)
        raise
    finally:
        record = RunRecord(
            id=new_record_id(),
            at=_iso(started),
            finished=_iso(environment.now()),
            collection=collection,
            exit_code=code,
            report=outcome.report,
            error=error,
        )
        try:
            record_run(environment, record)
            seal(environment.journal(RUNS), describe_run, _MANY_FILES)
        except StorageError as failure:
            warn(f"This run is not in the journal of runs: {failure}")


def exit_code(report: IngestReport | None) -> int:
    """What ``ragpress ingest`` exits with after a run that did not fail."""
    if report is not None and report.gate == "refuse":
        return REFUSED
    return QUARANTINED if report is not None and report.quarantined else DONE


def record_run(environment: Environment, record: RunRecord) -> None:
    """Keep what became of a run; it is on the disk when this returns.

    Raises:
        StorageError: the disk is full or refuses.
    """
    environment.append(RUNS, [_encoder.encode(record)])


def list_runs(environment: Environment, collection: str | None = None, limit: int | None = 50) -> list[RunRecord]:
    """Runs, newest first.

    Args:
        environment: the outside.
        collection: only of this collection; None takes all.
        limit: the most to give; None gives all.

    Raises:
        StorageError: a file of the journal cannot be read.
    """
    reader = JournalReader(environment.journal(RUNS), describe_run)
    found = reader.select(RecordQuery(collection=collection, limit=limit))
    return [_decoder.decode(record.line) for record in found]


def describe_run(line: bytes) -> Entry:
    """The columns of a run: its status is ``done`` or ``failed``, its subject the run's own id.

    Raises:
        msgspec.DecodeError: it is no run.
    """
    record = _decoder.decode(line)
    report = record.report
    return Entry(
        id=record.id,
        at=record.at,
        collection=record.collection,
        release=(report.release or "") if report else "",
        status="failed" if record.error else "done",
        subject=report.run if report else "",
    )


def _failure_code(error: BaseException) -> int:
    if isinstance(error, GateRefusedError):
        return REFUSED
    return USAGE if isinstance(error, SettingsError | UsageError) else FAILED


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
