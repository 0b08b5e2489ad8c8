"""The writer of journals: durable before acknowledged, many records with one fsync, nothing lost on a failing disk."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import msgspec
import pytest

from ragpress.errors import StorageError
from ragpress.storage import disk
from ragpress.storage.journal import Journal
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.record_ids import TIME_DIGITS, first_id_at, is_record_id, new_record_id
from tests.ragpress.storage.journals import files_in, ids_in, journal_in, keep, place_in, record


class Watch:
    """Counts fsyncs of journal files, stops the first one until told to go on, and fails operations."""

    def __init__(self) -> None:
        self.synced: list[int] = []
        self.began = threading.Event()
        self.go = threading.Event()
        self.failing: dict[str, int] = {}

    def __call__(self, event: str, path: Path) -> None:
        if path.suffix != ".jsonl":
            return
        if event == "before fsync" and not self.began.is_set():
            self.began.set()
            self.go.wait(10)
        if event == "after fsync":
            self.synced.append(path.stat().st_size)
        moment, operation = event.split()
        if moment == "before" and operation in self.failing:
            reason = os.strerror(self.failing[operation])
            raise StorageError(f"Cannot {operation} {path}: {reason}.") from OSError(self.failing[operation], reason)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    disk.set_observer(watch)
    yield watch
    watch.go.set()
    disk.set_observer(None)


def test_records_that_wait_become_durable_together(tmp_path: Path, watch: Watch) -> None:
    journal = journal_in(tmp_path)
    ids = [new_record_id() for _ in range(200)]
    synced_when_told: dict[str, int] = {}

    def note(record_id: str, _: Future[None]) -> None:
        synced_when_told[record_id] = watch.synced[-1]

    first = journal.append(record(ids[0]))
    assert watch.began.wait(10)
    waiting = [first, *(journal.append(record(record_id)) for record_id in ids[1:])]
    for record_id, kept in zip(ids, waiting, strict=True):
        kept.add_done_callback(partial(note, record_id))
    assert not any(kept.done() for kept in waiting)
    watch.go.set()
    for kept in waiting:
        kept.result(10)
    journal.close()

    content = files_in(tmp_path, ".jsonl")[0].read_bytes()
    assert len(watch.synced) == 2
    assert {name: content.index(name.encode()) < end for name, end in synced_when_told.items()} == dict.fromkeys(
        ids, True
    )
    assert set(ids_in(tmp_path)) == set(ids)


def test_many_threads_share_fsyncs(tmp_path: Path, watch: Watch) -> None:
    watch.go.set()
    journal = journal_in(tmp_path)
    kept: list[Future[None]] = []
    gate = threading.Barrier(20)

    def write() -> None:
        gate.wait(10)
        kept.extend(journal.append(record()) for _ in range(50))

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for future in kept:
        future.result(10)
    journal.close()

    assert len(set(ids_in(tmp_path))) == 1000
    assert len(watch.synced) < 500


def test_batch_seconds_lets_records_gather(tmp_path: Path, watch: Watch) -> None:
    watch.go.set()
    journal = Journal(place_in(tmp_path).folder, file_bytes=10**6, batch_seconds=60)
    kept = [journal.append(record()) for _ in range(30)]
    journal.close()  # who closes does not wait for more

    assert [future.result(0) for future in kept] == [None] * 30
    assert len(watch.synced) == 1


@pytest.mark.parametrize("operation", ["write", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failed_record_is_not_kept_and_the_next_one_is(
    tmp_path: Path, watch: Watch, operation: str, number: int
) -> None:
    watch.go.set()
    journal = journal_in(tmp_path)
    before, failed, after = new_record_id(), new_record_id(), new_record_id()
    journal.append(record(before)).result()
    watch.failing[operation] = number
    with pytest.raises(StorageError, match=os.strerror(number)):
        journal.append(record(failed)).result()
    watch.failing.clear()
    journal.append(record(after)).result()
    journal.close()

    assert ids_in(tmp_path) == sorted([before, after], reverse=True)
    assert JournalReader(place_in(tmp_path)).find(failed) is None


def test_where_nothing_can_be_cut_off_a_new_file_begins(tmp_path: Path, watch: Watch) -> None:
    watch.go.set()
    journal = journal_in(tmp_path)
    before, after = new_record_id(), new_record_id()
    journal.append(record(before)).result()
    watch.failing = {"fsync": errno.EIO, "truncate": errno.EIO}
    with pytest.raises(StorageError):
        journal.append(record()).result()
    watch.failing.clear()
    journal.append(record(after)).result()
    journal.close()

    assert len(files_in(tmp_path, ".jsonl")) == 2
    assert {before, after} <= set(ids_in(tmp_path))


def test_a_full_disk_leaves_no_empty_files(tmp_path: Path, watch: Watch) -> None:
    watch.go.set()
    watch.failing = {"fsync": errno.ENOSPC}
    journal = journal_in(tmp_path)
    for _ in range(5):
        with pytest.raises(StorageError):
            journal.append(record()).result()
    journal.close()

    assert files_in(tmp_path, ".jsonl") == []


def test_whoever_is_told_of_a_failure_gets_an_error_of_its_own(tmp_path: Path, watch: Watch) -> None:
    journal = journal_in(tmp_path)
    first = journal.append(record())
    assert watch.began.wait(10)
    together = [journal.append(record()) for _ in range(2)]
    watch.failing = {"write": errno.EIO}
    watch.go.set()
    errors = [future.exception(10) for future in together]
    journal.close()

    assert first.result(0) is None
    assert all(isinstance(error, StorageError) for error in errors)
    assert errors[0] is not errors[1]


def test_a_file_that_is_large_enough_is_followed_by_another(tmp_path: Path) -> None:
    ids = keep(tmp_path, 10, file_bytes=100)

    assert len(files_in(tmp_path, ".jsonl")) > 3
    assert ids_in(tmp_path) == ids[::-1]


def test_nothing_touches_the_disk_before_the_first_record(tmp_path: Path) -> None:
    journal_in(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(record()).result()
    journal.close()
    journal.close()

    with pytest.raises(StorageError, match="closed"):
        journal.append(record())


def test_a_record_is_one_line_for_every_reader(tmp_path: Path) -> None:
    text = "a\r\nb\u2028c\u2029d\x85e\x1b[2Jf\x9b2Jg\x7fh\x0bi\x0cj\x1ck"
    keep(tmp_path, 2, comment=text)

    content = files_in(tmp_path, ".jsonl")[0].read_text(encoding="utf-8")
    assert len(content.splitlines()) == 2
    assert not set(content) & set("\x1b\x9b\x7f\x85\u2028\u2029\r")
    assert msgspec.json.decode(content.splitlines()[0])["comment"] == text


def test_a_line_break_within_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        journal_in(tmp_path).append(b'{"id":\n"x"}')


def test_ids_sort_by_time_and_cannot_be_guessed() -> None:
    from datetime import UTC, datetime

    before = first_id_at(datetime.now(UTC))
    ids = [new_record_id() for _ in range(100)]

    assert all(is_record_id(record_id) and record_id >= before for record_id in ids)
    assert ids == sorted(ids)
    assert len({record_id[TIME_DIGITS:] for record_id in ids}) == 100
    assert not is_record_id("g" * 32)
    assert not is_record_id("0" * 33)
