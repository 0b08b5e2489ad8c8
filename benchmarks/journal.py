"""What durability costs: records kept a second, by group commit and with an fsync for each record, in the same run; and
how long it takes to find and list answers again.

Writers are threads that each wait until their record is on the disk, as requests do. Both ways write the same answers
through the same file class; only one joins those that wait. Run it on the disk that the journal will lie on::

    python -m benchmarks.journal --folder /data/somewhere
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from index.environment import Environment
from ragpress.serve_settings import JournalSettings
from ragpress.storage import disk
from ragpress.storage.journal import Journal
from ragpress.storage.journal_seal import seal
from ragpress.storage.record_ids import new_record_id
from retrieval.context import Passage
from serving.journal.answers import AnswerJournal, AnswerQuery
from serving.journal.codec import describe_answer, encode
from serving.journal.records import AnswerRecord
from serving.types import Answer, GeneratorName, Seconds, Usage
from tests.workspace import Workspace

WRITERS = (1, 50, 200)
PASSAGES = 5
DOCUMENTS = 3_000
CHUNKS = 20_000
MINUTE_MS = 60_000


class Written(msgspec.Struct, frozen=True):
    """One way to write, measured: writers at once, records a second, CPU microseconds and fsyncs for each record."""

    way: str
    writers: int
    records: int
    per_second: float
    cpu_us: float
    fsyncs: float


class Took(msgspec.Struct, frozen=True):
    """How long something took, over some tries: milliseconds, median and 95th percentile."""

    what: str
    tries: int
    p50_ms: float
    p95_ms: float


class Sample:
    """Makes answers as a service gives them: some passages of about 900 characters each.

    Args:
        seed: of the chance.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        words = [f"word{number}" for number in range(5_000)]
        self._texts = [" ".join(self._chance.choices(words, k=100)) for _ in range(2_000)]

    def record(self, record_id: str) -> AnswerRecord:
        """An answer with an id."""
        chance = self._chance
        passages = tuple(self._passage(number) for number in range(1, PASSAGES + 1))
        answer = Answer(
            id=record_id,
            question="When is tea served?",
            standalone="When is tea served?",
            answer=chance.choice(self._texts),
            abstained=False,
            language="en",
            citations=(),
            sentences=(),
            evidence=0.5,
            release="r00001-0123456789",
            generator=GeneratorName("openai", "a-model"),
            prompt="default@7e0fd198b44cd76b5c3813d88024c54c",
            seconds=Seconds(0.01, 0.2, 1.5),
            usage=Usage(1200, 200),
            context=passages,
        )
        return AnswerRecord(
            id=record_id,
            at="2026-01-01T00:00:00.000+00:00",
            collection="default",
            release=answer.release,
            status="complete",
            key=f"key{chance.randrange(10)}",
            question=answer.question,
            text=answer.answer,
            answer=answer,
        )

    def _passage(self, number: int) -> Passage:
        text = self._chance.choice(self._texts)
        return Passage(
            index=number,
            chunk_id=f"chunk{self._chance.randrange(CHUNKS)}",
            document_id=f"document{self._chance.randrange(DOCUMENTS)}",
            source="docs/some/where.md",
            title="A title",
            heading=("A title", "A part"),
            page=None,
            start=0,
            end=len(text),
            chunk=text,
            text=text,
            text_start=0,
            text_end=len(text),
            score=0.5,
        )


def measure_writing(folder: Path, lines: list[bytes], writers: int, repeats: int) -> list[Written]:
    """Write records both ways, in turn, some times over; the median run of each way."""
    runs: dict[str, list[Written]] = {}
    for number in range(repeats):
        journal = Journal(folder / f"group-{writers}-{number}", file_bytes=1_000_000_000)
        runs.setdefault("group commit", []).append(
            _write("group commit", partial(_append_and_wait, journal), lines, writers)
        )
        journal.close()
        with _OneByOne(folder / f"single-{writers}-{number}.jsonl") as single:
            few = lines[: max(writers, len(lines) // 4)]
            runs.setdefault("an fsync each", []).append(_write("an fsync each", single.append, few, writers))
    return [sorted(ways, key=lambda run: run.per_second)[len(ways) // 2] for ways in runs.values()]


def measure_reading(environment: Environment, ids: list[str], seed: int) -> list[Took]:
    """Find and list answers of a sealed journal."""
    journal, chance = AnswerJournal(environment, JournalSettings()), random.Random(seed)
    journal.find(ids[0])
    sample = journal.find(ids[len(ids) // 2])
    assert sample is not None
    assert sample.answer is not None
    passage = sample.answer.context[0]
    looks = [
        _times("find an answer", 300, lambda: journal.find(chance.choice(ids))),
        _times("find what is not there", 100, lambda: journal.find(new_record_id())),
    ]
    for what, query in (
        ("list the newest 50", AnswerQuery()),
        ("list 50 of a key", AnswerQuery(key="key3")),
        ("list 50 that used a document", AnswerQuery(document=passage.document_id)),
        ("list 50 that used a chunk", AnswerQuery(chunk=passage.chunk_id)),
    ):
        looks.append(_times(what, 10, partial(journal.answers, query)))
    return looks


def fill(environment: Environment, count: int, seed: int) -> list[str]:
    """Keep answers, ten seconds apart, and seal them; returns their ids."""
    sample, place = Sample(seed), environment.journal("answers")
    journal = Journal(place.folder, file_bytes=JournalSettings().file_bytes)
    first = time.time_ns() // 1_000_000 - count * MINUTE_MS // 6
    ids = [f"{first + number * MINUTE_MS // 6:012x}{os.urandom(10).hex()}" for number in range(count)]
    for start in range(0, count, 200):
        waiting = [journal.append(encode(sample.record(record_id))) for record_id in ids[start : start + 200]]
        for kept in waiting:
            kept.result()
    journal.close()
    began = time.process_time()
    report = seal(place, describe_answer)
    size = sum(length for _, length in environment.store.list(place.prefix))
    seconds = time.process_time() - began
    print(f"sealed {report.records} records of {report.files} files in {seconds:.1f} CPU-s: {size / 1e6:.0f} MB")
    return ids


class _OneByOne:
    """The other way: a file behind a lock, and an fsync for each record."""

    def __init__(self, path: Path) -> None:
        self._file = disk.AppendFile(path)
        self._lock = threading.Lock()

    def __enter__(self) -> _OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, line: bytes) -> None:
        """Keep a record."""
        with self._lock:
            self._file.append(line + b"\n")


def _append_and_wait(journal: Journal, line: bytes) -> None:
    journal.append(line).result()


def _write(way: str, keep: Callable[[bytes], None], lines: list[bytes], writers: int) -> Written:
    shares = [lines[number::writers] for number in range(writers)]
    gate = threading.Barrier(writers + 1)
    fsyncs = 0

    def count(event: str, path: Path) -> None:
        nonlocal fsyncs
        fsyncs += event == "after fsync" and path.suffix == ".jsonl"

    def work(share: list[bytes]) -> None:
        gate.wait()
        for line in share:
            keep(line)

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    disk.set_observer(count)
    began, cpu = time.perf_counter(), time.process_time()
    gate.wait()
    for thread in threads:
        thread.join()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    disk.set_observer(None)
    total = len(lines)
    return Written(way, writers, total, total / seconds, cpu / total * 1e6, fsyncs / total)


def _times(what: str, tries: int, look: Callable[[], object]) -> Took:
    times = []
    for _ in range(tries):
        began = time.perf_counter()
        look()
        times.append((time.perf_counter() - began) * 1e3)
    times.sort()
    return Took(what, tries, times[tries // 2], times[int(tries * 0.95)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder if left out")
    parser.add_argument("--records", type=int, default=8_000, help="records of a writing run")
    parser.add_argument("--answers", type=int, default=100_000, help="answers to find and list")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way; the median counts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        root = Path(folder)
        sample = Sample(options.seed)
        lines = [encode(sample.record(new_record_id())) for _ in range(options.records)]
        print(f"{len(lines)} answers of {sum(map(len, lines)) / len(lines) / 1e3:.1f} kB")
        for writers in WRITERS:
            few = lines if writers > 1 else lines[: len(lines) // 4]
            for run in measure_writing(root, few, writers, options.repeats):
                print(
                    f"{run.way:<14} {run.writers:>4} writers  {run.per_second:>8.0f} records/s  "
                    f"{run.cpu_us:>6.0f} CPU us each  {run.fsyncs:.3f} fsyncs each"
                )
        environment = Workspace(root).environment()
        ids = fill(environment, options.answers, options.seed)
        for took in measure_reading(environment, ids, options.seed):
            print(f"{took.what:<30} p50 {took.p50_ms:>7.2f} ms  p95 {took.p95_ms:>7.2f} ms  ({took.tries} tries)")


if __name__ == "__main__":
    main()
