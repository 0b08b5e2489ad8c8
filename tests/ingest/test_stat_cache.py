from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files import FileStat
from ingest.sources import Scan, resolve_roots, scan
from ingest.stat_cache import (
    COARSE_GRANULARITY_NS,
    FINE_GRANULARITY_NS,
    SCHEMA,
    CacheEntry,
    StatCache,
    granularity_ns,
    is_settled,
    is_trusted,
)
from ragpress.settings import SourceSettings

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
FINE = NOW - 3_600 * SECOND + 123_457
COARSE = NOW - 3_600 * SECOND


def stat_at(mtime_ns: int, ctime_ns: int) -> FileStat:
    return FileStat(size=4, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=7)


def entry_of(stat: FileStat, hashed_ns: int) -> CacheEntry:
    return CacheEntry(stat=stat, sha256=b"h" * 32, hashed_ns=hashed_ns)


class TestTrust:
    @pytest.mark.parametrize(
        ("stamp", "granularity"),
        [(FINE, FINE_GRANULARITY_NS), (COARSE, COARSE_GRANULARITY_NS), (COARSE + 500_000_000, COARSE_GRANULARITY_NS)],
    )
    def test_a_hash_is_trusted_only_after_the_clock_has_surely_ticked(self, stamp: int, granularity: int) -> None:
        stat = stat_at(stamp, stamp)
        assert granularity_ns(stamp) == granularity
        assert not is_trusted(entry_of(stat, stamp), stat, NOW)
        assert not is_trusted(entry_of(stat, stamp + granularity), stat, NOW)
        assert is_trusted(entry_of(stat, stamp + granularity + 1), stat, NOW)

    def test_either_stamp_alone_makes_an_entry_racy(self) -> None:
        hashed = FINE + FINE_GRANULARITY_NS
        for stat in (stat_at(FINE, FINE - SECOND), stat_at(FINE - SECOND, FINE)):
            assert not is_trusted(entry_of(stat, hashed), stat, NOW)

    @pytest.mark.parametrize("field", FileStat._fields)
    def test_any_difference_of_the_stat_ends_the_trust(self, field: str) -> None:
        stat = stat_at(FINE, FINE)
        entry = entry_of(stat, NOW - SECOND)
        assert is_trusted(entry, stat, NOW)
        for change in (-1, 1):
            other = stat._replace(**{field: getattr(stat, field) + change})
            assert not is_trusted(entry, other, NOW)

    def test_stamps_in_the_future_are_never_trusted(self) -> None:
        for stat in (stat_at(NOW + SECOND + 1, FINE), stat_at(FINE, NOW + SECOND + 1)):
            assert not is_trusted(entry_of(stat, NOW), stat, NOW)

    def test_a_hash_made_under_a_clock_that_was_ahead_is_not_trusted(self) -> None:
        stat = stat_at(FINE, FINE)
        assert not is_trusted(entry_of(stat, NOW + 1), stat, NOW)
        assert is_trusted(entry_of(stat, NOW), stat, NOW)

    @given(
        writes=st.lists(st.integers(0, 400), min_size=1, max_size=6),
        hashed=st.integers(0, 400),
        tick=st.sampled_from([1, 4, 10, 2_000]),
    )
    def test_no_change_after_a_trusted_hash_keeps_the_stat(self, writes: list[int], hashed: int, tick: int) -> None:
        """A file system that stamps with its last tick: whatever is written after the hash must show."""
        step = 10_000_000 if tick == 2_000 else 1_000_000
        digits = 0 if tick == 2_000 else 123

        def stamp(moment: int) -> int:
            return moment * step // (tick * 1_000_000) * (tick * 1_000_000) + digits

        before = [moment for moment in writes if moment <= hashed]
        after = [moment for moment in writes if moment >= hashed]
        seen = stamp(max(before, default=0))
        if is_settled(stat_at(seen, seen), hashed * step):
            assert all(stamp(moment) != seen for moment in after if moment not in before)


class Corpus:
    """A folder that is scanned again and again with one cache file and a clock that a test sets."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "docs"
        self.folder.mkdir()
        self.file = root / "cache"

    def scan(self, clock: Callable[[], int] = time.time_ns, save: bool = True) -> Scan:
        cache = StatCache.load(self.file)
        found = scan(resolve_roots(("docs",), self.root), SourceSettings(), cache, clock)
        if save:
            cache.save(self.file, found)
        return found

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def later(seconds: float) -> Callable[[], int]:
    return lambda: time.time_ns() + int(seconds * SECOND)


def digests(found: Scan) -> dict[str, bytes]:
    return dict(zip(found.files["source"].to_pylist(), found.files["sha256"].to_pylist(), strict=True))


class TestScans:
    def test_nothing_is_hashed_when_nothing_changed(self, corpus: Corpus) -> None:
        for number in range(10):
            corpus.write(f"{number}.md", str(number))
        first = corpus.scan(later(5))
        second = corpus.scan(later(6))
        assert (first.hashed, first.changed_cache) == (10, True)
        assert (second.hashed, second.changed_cache) == (0, False)
        assert second.files.equals(first.files)

    def test_fresh_files_are_hashed_once_more_and_then_trusted(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "text")
        written = path.stat().st_ctime_ns
        first = corpus.scan(lambda: written)
        assert (first.hashed, first.changed_cache) == (1, False)
        again = corpus.scan(lambda: written + 5 * SECOND)
        assert (again.hashed, again.changed_cache) == (1, True)
        assert corpus.scan(lambda: written + 6 * SECOND).hashed == 0

    def test_a_touch_is_hashed_and_gives_the_same_content(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "text")
        first = corpus.scan(later(5))
        os.utime(path)
        second = corpus.scan(later(6))
        assert second.hashed == 1
        assert digests(second) == digests(first)

    def test_a_same_size_edit_with_the_old_mtime_put_back_is_found(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "aaaa")
        first = corpus.scan(later(5))
        info = path.stat()
        path.write_text("bbbb", encoding="utf-8")
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        assert path.stat().st_mtime_ns == info.st_mtime_ns
        assert digests(corpus.scan(later(6))) != digests(first)

    def test_an_edit_with_a_much_older_mtime_is_found(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "aaaa")
        first = corpus.scan(later(5))
        path.write_text("bbbb", encoding="utf-8")
        os.utime(path, ns=(0, 1_000 * SECOND + 1))
        assert digests(corpus.scan(later(6))) != digests(first)

    def test_an_edit_in_the_same_tick_as_the_hash_is_found(self, corpus: Corpus) -> None:
        """The file system's stamp did not move: only the racy rule makes the second scan look inside."""
        path = corpus.write("a.md", "aaaa")
        ctime = path.stat().st_ctime_ns
        found = corpus.scan(lambda: ctime)
        path.write_text("bbbb", encoding="utf-8")
        info = path.stat()
        stale = found.files.set_column(3, SCHEMA.field("mtime_ns"), pa.array([info.st_mtime_ns]))
        stale = stale.set_column(4, SCHEMA.field("ctime_ns"), pa.array([info.st_ctime_ns]))
        cache = StatCache(stale)
        second = scan(found.roots, SourceSettings(), cache, later(60))
        assert second.hashed == 1
        assert digests(second) != digests(found)

    def test_a_clock_that_jumps_back_or_ahead_ends_in_a_hash(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "aaaa")
        assert corpus.scan(later(365 * 86_400)).hashed == 1
        assert corpus.scan(later(0), save=False).hashed == 1
        assert corpus.scan(later(-365 * 86_400)).hashed == 1
        assert corpus.scan(later(5)).hashed == 1
        path.write_text("bbbb", encoding="utf-8")
        assert corpus.scan(later(-365 * 86_400)).hashed == 1

    def test_a_time_stamp_in_the_future_is_always_hashed_but_does_not_rewrite_the_cache(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "aaaa")
        ahead = time.time_ns() + 86_400 * SECOND
        os.utime(path, ns=(ahead, ahead))
        corpus.scan(later(5))
        again = corpus.scan(later(6))
        assert (again.hashed, again.changed_cache) == (1, False)

    def test_a_replaced_file_of_the_same_size_and_mtime_is_found(self, corpus: Corpus) -> None:
        path = corpus.write("a.md", "aaaa")
        first = corpus.scan(later(5))
        info = path.stat()
        other = corpus.root / "other"
        other.write_text("bbbb", encoding="utf-8")
        os.utime(other, ns=(info.st_atime_ns, info.st_mtime_ns))
        other.rename(path)
        assert digests(corpus.scan(later(6))) != digests(first)


class TestFile:
    def saved(self, corpus: Corpus) -> bytes:
        corpus.write("a.md", "text")
        corpus.scan(later(5))
        return corpus.file.read_bytes()

    def test_it_comes_back_as_it_was(self, corpus: Corpus) -> None:
        self.saved(corpus)
        cache = StatCache.load(corpus.file)
        assert len(cache) == 1
        assert cache.table.schema.equals(SCHEMA)
        assert cache.get("docs/a.md") is not None
        assert cache.get("docs/b.md") is None

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: data[: len(data) // 2],
            lambda data: data[:-1],
            lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
            lambda data: data + b"\0",
            lambda data: b"something else entirely" * 10,
        ],
        ids=["empty", "torn", "short", "flipped", "longer", "foreign"],
    )
    def test_a_damaged_file_is_an_empty_cache(self, corpus: Corpus, damage: Callable[[bytes], bytes]) -> None:
        corpus.file.write_bytes(damage(self.saved(corpus)))
        assert len(StatCache.load(corpus.file)) == 0
        assert corpus.scan(later(6)).hashed == 1

    def test_a_missing_file_or_a_folder_in_its_place_is_an_empty_cache(self, corpus: Corpus) -> None:
        assert len(StatCache.load(corpus.file)) == 0
        assert len(StatCache.load(corpus.folder)) == 0

    def test_another_version_is_an_empty_cache(self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
        self.saved(corpus)
        monkeypatch.setattr("ingest.stat_cache._VERSION", {b"ragpress_stat_cache": b"0"})
        assert len(StatCache.load(corpus.file)) == 0

    def test_a_scan_of_one_folder_keeps_what_is_known_of_the_others(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.md").write_text(name, encoding="utf-8")
        file = tmp_path / "cache"
        both = scan(resolve_roots(("one", "two"), tmp_path), SourceSettings(), StatCache(), later(5))
        StatCache().save(file, both)
        (tmp_path / "one" / "a.md").rename(tmp_path / "one" / "b.md")
        cache = StatCache.load(file)
        cache.save(file, scan(resolve_roots(("one",), tmp_path), SourceSettings(), cache, later(6)))
        assert sorted(StatCache.load(file).table["source"].to_pylist()) == ["one/b.md", "two/a.md"]
