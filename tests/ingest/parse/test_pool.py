"""The pool: order, digests, limits, recovery, and how many workers it starts."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.parse.pool import READ_AHEAD, ParserPool
from ingest.parse.worker import read_regular
from ragpress.errors import ParseError, ParserDiedError, TimeLimitError, TooLargeError
from ragpress.settings import ParseSettings, WorkerSettings
from ragpress.types import ParsedDocument


def _write(folder: Path, count: int) -> list[tuple[int, str, str]]:
    files = []
    for number in range(count):
        path = folder / f"{number}.md"
        path.write_text(f"# Title {number}\n\n{'Body. ' * (number % 50)}\n", encoding="utf-8")
        files.append((number, str(path), path.name))
    return files


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(ParseSettings(), WorkerSettings(processes=2)) as opened:
        yield opened


def test_results_come_in_order_with_the_digest_of_what_was_read(pool: ParserPool, tmp_path: Path) -> None:
    files = _write(tmp_path, 120)
    results = list(pool.parse_many(files))
    assert [result.key for result in results] == list(range(120))
    for result, (_, path, _) in zip(results, files, strict=True):
        data = Path(path).read_bytes()
        assert result.sha256 == hashlib.sha256(data).hexdigest()
        assert result.size == len(data)
        assert isinstance(result.outcome, ParsedDocument)
        assert result.outcome.title == f"Title {result.key}"
    assert len(pool._workers) == 2


def test_a_file_is_read_whatever_bytes_its_name_has(pool: ParserPool, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"bad\xff\x1b.md")  # noqa: PTH118 - no text
    with open(path, "wb") as file:  # noqa: PTH123 - no text
        file.write(b"# Walrus\n\nIt swims.\n")
    (result,) = pool.parse_many([(1, os.fsdecode(path), "bad\\xff.md")])
    assert isinstance(result.outcome, ParsedDocument)
    assert result.outcome.title == "Walrus"


def test_a_small_run_starts_one_worker_and_no_run_none(pool: ParserPool, tmp_path: Path) -> None:
    assert pool._workers == []
    list(pool.parse_many(_write(tmp_path, 5)))
    assert len(pool._workers) == 1


def test_files_are_read_only_so_far_ahead(pool: ParserPool, tmp_path: Path) -> None:
    taken = 0

    def watched() -> Iterator[tuple[int, str, str]]:
        nonlocal taken
        for file in _write(tmp_path, 100):
            taken += 1
            yield file

    results = pool.parse_many(watched())
    next(results)
    assert taken <= READ_AHEAD + 1
    results.close()  # type: ignore[attr-defined]  # a generator
    assert [r.key for r in pool.parse_many(_write(tmp_path, 3))] == [0, 1, 2]


def test_a_killed_worker_costs_one_document(pool: ParserPool, tmp_path: Path) -> None:
    files = _write(tmp_path, 40)
    os.mkfifo(tmp_path / "hang.md")
    results = pool.parse_many(files)
    first = next(results)
    os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
    outcomes = [first.outcome, *(result.outcome for result in results)]
    died = [outcome for outcome in outcomes if isinstance(outcome, ParseError)]
    assert len(outcomes) == 40
    assert len(died) <= 1
    assert all(isinstance(error, ParserDiedError) and "SIGKILL" in str(error) for error in died)


@pytest.mark.fault
def test_the_time_limit_ends_a_parser(tmp_path: Path) -> None:
    slow = tmp_path / "slow.csv"
    slow.write_text("a,b,c\n" * 300_000, encoding="utf-8")
    files = [(0, str(slow), "slow.csv"), *_write(tmp_path, 3)]
    settings = ParseSettings(max_table_cells=100_000_000)
    with ParserPool(settings, WorkerSettings(processes=1, seconds=0.1)) as pool:
        outcomes = [result.outcome for result in pool.parse_many(files)]
    assert isinstance(outcomes[0], TimeLimitError)
    assert "0.1 s" in str(outcomes[0])
    assert all(isinstance(outcome, ParsedDocument) for outcome in outcomes[1:])


@pytest.mark.fault
def test_a_stopped_worker_is_ended_by_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parse.pool.GRACE_SECONDS", 0.1)
    files = _write(tmp_path, 20)
    with ParserPool(ParseSettings(), WorkerSettings(processes=1, seconds=0.2)) as pool:
        results = pool.parse_many(files)
        next(results)
        pid = pool._workers[0]._process.pid
        os.kill(pid, signal.SIGSTOP)
        outcomes = [result.outcome for result in results]
        assert pool._workers[0]._process.pid != pid
    assert sum(isinstance(outcome, TimeLimitError) for outcome in outcomes) == 1
    assert len(outcomes) == 19


@pytest.mark.fault
def test_the_memory_limit_refuses_one_document(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_text("[" + "[],[[]]," * 3_000_000 + "1]", encoding="utf-8")
    files = [(0, str(large), "large.json"), *_write(tmp_path, 2)]
    with ParserPool(ParseSettings(), WorkerSettings(processes=1, memory_mb=256)) as pool:
        outcomes = [result.outcome for result in pool.parse_many(files)]
    assert isinstance(outcomes[0], (TooLargeError, ParserDiedError))
    assert all(isinstance(outcome, ParsedDocument) for outcome in outcomes[1:])


@pytest.mark.fault
def test_workers_end_with_the_pool(tmp_path: Path) -> None:
    with ParserPool(ParseSettings(), WorkerSettings(processes=2)) as pool:
        list(pool.parse_many(_write(tmp_path, 60)))
        pids = [worker._process.pid for worker in pool._workers]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(RuntimeError, match="closed"):
        next(pool.parse_many([]))


def test_a_file_that_changes_its_size_is_refused_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 100)
    assert read_regular(str(path), 100) == b"x" * 100
    with pytest.raises(TooLargeError, match="100 bytes"):
        read_regular(str(path), 99)


def test_a_file_that_may_not_be_read_says_so(pool: ParserPool, tmp_path: Path) -> None:
    result = pool.parse(str(tmp_path / "gone.md"), "gone.md")
    assert isinstance(result.outcome, ParseError)
    assert "has gone" in str(result.outcome)
    assert str(tmp_path) not in str(result.outcome)


def test_a_large_parent_does_not_make_workers_end_early(pool: ParserPool, tmp_path: Path) -> None:
    ballast = bytearray(700 << 20)
    ballast[:: os.sysconf("SC_PAGE_SIZE")] = b"x" * len(ballast[:: os.sysconf("SC_PAGE_SIZE")])
    files = _write(tmp_path, 3)
    list(pool.parse_many(files))
    first = [worker.number for worker in pool._workers]
    list(pool.parse_many(files))
    assert first == [worker.number for worker in pool._workers] != []
    assert len(ballast) == 700 << 20
