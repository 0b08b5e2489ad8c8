"""Finding and listing: sealed or not, torn or damaged, while it is sealed."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ragpress.errors import IntegrityError, StorageError
from ragpress.storage import disk, journal_seal
from ragpress.storage.journal_entry import JournalPlace, RecordQuery
from ragpress.storage.journal_read import JournalReader
from ragpress.storage.journal_seal import SealedReport, seal
from ragpress.storage.local import LocalStore
from ragpress.storage.record_ids import new_record_id
from ragpress.storage.s3 import S3Store
from tests.ragpress.storage.journals import files_in, ids_in, journal_in, keep, place_in, record
from tests.ragpress.storage.s3_server import BUCKET, FaultyS3


def test_sealed_records_are_found_as_before(tmp_path: Path) -> None:
    ids = keep(tmp_path, 300, at="2026-11-21T00:00:00Z", documents=["d1", "d2"], text="茶")
    reader = JournalReader(place_in(tmp_path))
    before = [(reader.find(record_id), record_id) for record_id in ids]

    assert seal(place_in(tmp_path)) == SealedReport(1, 300)
    assert files_in(tmp_path, ".jsonl") == []
    assert [(reader.find(record_id), record_id) for record_id in ids] == before
    assert ids_in(tmp_path) == ids[::-1]
    assert seal(place_in(tmp_path)) == SealedReport()


def test_parquet_says_what_anybody_may_ask(tmp_path: Path) -> None:
    ids = keep(tmp_path, 3, collection="default", release="r1", documents=["d1"])
    seal(place_in(tmp_path))

    table = pq.read_table(files_in(tmp_path, ".parquet")[0])

    assert table.column_names == [
        "id", "at", "collection", "release", "key", "status", "subject", "documents", "chunks", "line",
    ]  # fmt: skip
    assert table["id"].to_pylist() == ids
    assert table["documents"].to_pylist() == [["d1"]] * 3


@pytest.mark.parametrize("sealed", [True, False])
def test_every_condition_of_a_query_counts(tmp_path: Path, sealed: bool) -> None:
    ids = keep(tmp_path, 4)
    for number in range(4):
        mine: dict[str, Any] = {
            "collection": f"c{number}",
            "release": f"r{number}",
            "key": f"k{number}",
            "status": f"s{number}",
        }
        ids += keep(tmp_path, 1, subject=ids[number], documents=[f"d{number}"], chunks=[f"x{number}", "all"], **mine)
    if sealed:
        seal(place_in(tmp_path))
    wanted = ids[6]

    for query in (
        RecordQuery(collection="c2"),
        RecordQuery(release="r2"),
        RecordQuery(key="k2"),
        RecordQuery(statuses=("s2", "other")),
        RecordQuery(subject=ids[2]),
        RecordQuery(document="d2"),
        RecordQuery(chunk="x2", collection="c2"),
        RecordQuery(ids=frozenset({wanted, "0" * 32})),
    ):
        assert ids_in(tmp_path, query) == [wanted], query
    assert ids_in(tmp_path, RecordQuery(since=ids[6])) == [ids[7], ids[6]]
    assert ids_in(tmp_path, RecordQuery(chunk="all", limit=2)) == [ids[7], ids[6]]
    assert ids_in(tmp_path, RecordQuery(limit=0)) == []
    assert ids_in(tmp_path, RecordQuery(document="d' OR 1=1 --")) == []
    assert [entry.id for entry in JournalReader(place_in(tmp_path)).entries(RecordQuery(limit=3))] == ids[:4:-1]
    assert JournalReader(place_in(tmp_path)).releases(RecordQuery(since=ids[4])) == {"r0", "r1", "r2", "r3"}


def test_sealed_and_growing_records_make_one_list(tmp_path: Path) -> None:
    old = keep(tmp_path, 5)
    seal(place_in(tmp_path))
    new = keep(tmp_path, 5)

    assert ids_in(tmp_path, RecordQuery(limit=7)) == [*new[::-1], *old[:2:-1]]
    assert [entry.id for entry in JournalReader(place_in(tmp_path)).entries(RecordQuery())] == [*new[::-1], *old[::-1]]


@pytest.mark.parametrize("asked", ["", "zz", "0" * 31, "F" * 32, "../../etc/passwd", '"' * 32, "0" * 32])
def test_what_is_no_id_finds_nothing(tmp_path: Path, asked: str) -> None:
    keep(tmp_path, 2)
    assert JournalReader(place_in(tmp_path)).find(asked) is None
    seal(place_in(tmp_path))
    assert JournalReader(place_in(tmp_path)).find(asked) is None


def test_an_id_within_another_record_is_not_that_record(tmp_path: Path) -> None:
    inner, outer = new_record_id(), new_record_id()
    journal = journal_in(tmp_path)
    journal.append(record(outer, answer={"id": inner}, text=f'{{"id":"{inner}"')).result()
    journal.close()

    assert JournalReader(place_in(tmp_path)).find(inner) is None
    assert JournalReader(place_in(tmp_path)).find(outer) is not None


def test_long_files_and_long_lines_are_searched_whole(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, file_bytes=10**9)
    ids = [new_record_id() for _ in range(12)]
    for record_id in ids:
        journal.append(record(record_id, text="x" * 350_001)).result()
    journal.append(record(huge := new_record_id(), text="y" * 3_000_000)).result()
    journal.close()
    reader = JournalReader(place_in(tmp_path))

    assert [len(reader.find(record_id) or b"") for record_id in ids] == [len(record(text="x" * 350_001))] * 12
    assert reader.find(huge) == record(huge, text="y" * 3_000_000)


def test_a_torn_tail_is_no_record_wherever_it_is_torn(tmp_path: Path) -> None:
    ids = keep(tmp_path, 3, text="茶\u2028")
    whole = files_in(tmp_path, ".jsonl")[0]
    content = whole.read_bytes()
    start = content[:-1].rindex(b"\n") + 1

    for cut in range(start, len(content)):
        whole.write_bytes(content[:cut])
        assert ids_in(tmp_path) == [ids[1], ids[0]], cut
        assert JournalReader(place_in(tmp_path)).find(ids[2]) is None, cut
    for number, cut in enumerate((start, start + 1, start + 50, len(content) - 1)):
        other = tmp_path / str(number)
        torn = place_in(other).folder / whole.name
        torn.parent.mkdir(parents=True)
        torn.write_bytes(content[:cut])
        assert seal(place_in(other)) == SealedReport(1, 2)
        assert ids_in(other) == [ids[1], ids[0]]


def test_damage_in_the_middle_hides_nothing_else_and_is_kept(tmp_path: Path) -> None:
    ids = keep(tmp_path, 4)
    path = files_in(tmp_path, ".jsonl")[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20] + b"\n" + b"\x00" * 50 + b"\n" + b"\xff\xfe{\n" + lines[2] + lines[3])

    assert ids_in(tmp_path) == [ids[3], ids[2], ids[0]]
    assert seal(place_in(tmp_path)).files == 1
    assert ids_in(tmp_path) == [ids[3], ids[2], ids[0]]
    kept = pq.read_table(files_in(tmp_path, ".parquet")[0])
    assert kept["id"].to_pylist().count("") == 3
    assert lines[1][:20].decode() in kept["line"].to_pylist()


def test_a_living_writers_file_is_left_alone(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append(record()).result()

    assert seal(place_in(tmp_path)) == SealedReport()
    journal.append(record()).result()
    journal.close()
    assert seal(place_in(tmp_path)) == SealedReport(1, 2)


def test_a_new_and_empty_file_is_left_alone_and_an_old_one_removed(tmp_path: Path) -> None:
    folder = place_in(tmp_path).folder
    folder.mkdir(parents=True)
    (folder / "new.jsonl").touch()
    (folder / "old.jsonl").touch()
    os.utime(folder / "old.jsonl", (0, 0))

    assert seal(place_in(tmp_path)) == SealedReport(1, 0)
    assert [path.name for path in files_in(tmp_path, "")] == [".seal-lock", "new.jsonl"]


def test_few_files_wait_for_more(tmp_path: Path) -> None:
    for _ in range(3):
        keep(tmp_path, 1)

    assert seal(place_in(tmp_path), at_least=4) == SealedReport()
    assert seal(place_in(tmp_path), at_least=3) == SealedReport(3, 3)
    assert len(files_in(tmp_path, ".parquet")) == 1


def test_a_second_sealer_leaves_the_first_one_alone(tmp_path: Path) -> None:
    keep(tmp_path, 2)
    with (place_in(tmp_path).folder / ".seal-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert seal(place_in(tmp_path)) == SealedReport()

    assert seal(place_in(tmp_path)) == SealedReport(1, 2)


def test_sealers_at_once_seal_every_record_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_seal, "_TOGETHER_BYTES", 500)
    ids = keep(tmp_path, 40, file_bytes=100)
    reports: list[SealedReport] = []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait(10)
        reports.append(seal(place_in(tmp_path)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Who looks whether a file is finished holds its lock for a moment: another sealer leaves it to the next sealing.
    reports.append(seal(place_in(tmp_path)))
    assert sum(report.records for report in reports) == 40
    assert len(files_in(tmp_path, ".parquet")) > 1
    assert ids_in(tmp_path) == ids[::-1]


def test_whoever_reads_while_it_is_sealed_sees_every_record_once(tmp_path: Path) -> None:
    ids = keep(tmp_path, 6, file_bytes=100)
    reader = JournalReader(place_in(tmp_path))
    seen: list[list[str]] = []

    def look(event: str, path: Path) -> None:
        seen.append([found.entry.id for found in reader.select(RecordQuery())])
        assert reader.find(ids[0]) is not None

    disk.set_observer(look)
    try:
        seal(place_in(tmp_path))
    finally:
        disk.set_observer(None)

    assert len(seen) > 10
    assert all(found == ids[::-1] for found in seen)


def test_a_record_in_two_sealed_files_is_told_once(tmp_path: Path) -> None:
    ids = keep(tmp_path, 3)
    path = files_in(tmp_path, ".jsonl")[0]
    copy = path.with_name("20990101T000000000Z-1-copy.jsonl")
    copy.write_bytes(path.read_bytes())
    path.rename(tmp_path / "aside")
    seal(place_in(tmp_path))
    (tmp_path / "aside").rename(path)
    assert ids_in(tmp_path) == ids[::-1]

    seal(place_in(tmp_path))
    assert len(files_in(tmp_path, ".parquet")) == 2
    assert ids_in(tmp_path) == ids[::-1]
    assert len(JournalReader(place_in(tmp_path)).entries(RecordQuery())) == 3


def cut(content: bytes) -> bytes:
    return content[:-20]


def blotted(content: bytes) -> bytes:
    """The footer is whole, the pages are not."""
    return content[:4] + bytes(len(content) // 2 - 4) + content[len(content) // 2 :]


def emptied(_: bytes) -> bytes:
    return b""


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, blotted, emptied])
@pytest.mark.parametrize("warm", [True, False], ids=["known", "new"])
def test_a_damaged_sealed_file_is_named_and_left_out(
    tmp_path: Path, damage: Callable[[bytes], bytes], warm: bool, caplog: pytest.LogCaptureFixture
) -> None:
    lost = keep(tmp_path, 300)
    seal(place_in(tmp_path))
    path = files_in(tmp_path, ".parquet")[0]
    kept = keep(tmp_path, 3)
    seal(place_in(tmp_path))
    reader = JournalReader(place_in(tmp_path))
    if warm:
        assert reader.find(lost[0]) is not None
    whole = path.read_bytes()
    overwrite(path, damage(whole))

    assert [reader.find(one) is not None for one in (lost[0], kept[0])] == [False, True]
    assert [found.entry.id for found in reader.select(RecordQuery())] == kept[::-1]
    assert [found.id for found in reader.entries(RecordQuery(limit=2))] == kept[:0:-1]
    assert [record.levelname for record in caplog.records if path.name in record.getMessage()] == ["ERROR"]
    with pytest.raises(IntegrityError, match=path.name):
        reader.releases(RecordQuery())
    with pytest.raises(IntegrityError, match=path.name):
        reader.remove_before(kept[0])

    overwrite(path, whole)
    assert len(reader.select(RecordQuery())) == 303
    assert reader.find(lost[0]) is not None


def test_what_may_be_removed_is_not_decided_without_a_damaged_file(tmp_path: Path) -> None:
    ids = keep(tmp_path, 300)
    seal(place_in(tmp_path))
    path = files_in(tmp_path, ".parquet")[0]
    overwrite(path, blotted(path.read_bytes()))
    with pytest.raises(IntegrityError, match="restore it from a backup"):
        JournalReader(place_in(tmp_path)).releases(RecordQuery(since=ids[0]))


def test_a_file_that_cannot_be_read_back_keeps_what_was_sealed_into_it(tmp_path: Path) -> None:
    keep(tmp_path, 3)
    lines = files_in(tmp_path, ".jsonl")[0]
    lines.with_suffix(".parquet").write_bytes(b"PAR1 no")

    with pytest.raises(StorageError, match="move it away"):
        seal(place_in(tmp_path))
    assert lines.exists()


def test_sealed_files_that_are_old_enough_are_removed(tmp_path: Path) -> None:
    old = keep(tmp_path, 2)
    seal(place_in(tmp_path))
    new = keep(tmp_path, 2)
    seal(place_in(tmp_path))
    reader = JournalReader(place_in(tmp_path))

    assert reader.remove_before(old[1]) == 0
    assert reader.remove_before(new[0]) == 1
    assert reader.find(old[0]) is None
    assert ids_in(tmp_path) == new[::-1]


def test_lines_lie_here_and_sealed_files_in_the_store(tmp_path: Path, s3: FaultyS3) -> None:
    bucket = f"s3://{BUCKET}/journals/data"
    place = JournalPlace(tmp_path / "journal" / "answers", S3Store(bucket, tmp_path / "cache"), "journal/answers/")
    ids = keep(tmp_path, 5)
    reader = JournalReader(place)

    assert seal(place) == SealedReport(1, 5)
    assert files_in(tmp_path, ".jsonl") == []
    elsewhere = JournalReader(JournalPlace(tmp_path / "none", S3Store(bucket, tmp_path / "cache2"), "journal/answers/"))
    for looking in (reader, elsewhere):
        assert [found.entry.id for found in looking.select(RecordQuery())] == ids[::-1]
        assert looking.find(ids[2]) is not None
    assert LocalStore(tmp_path).exists("journal/answers/none") is False
