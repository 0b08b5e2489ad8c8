"""The hash of every file as of its last scan, so that a scan reads only what may have changed.

A pure cache: a missing, torn or foreign file is an empty cache. It never decides what is new. It only
says that a file need not be read again, and it says so only where the stat proves it: see :func:`is_trusted`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from ingest.files import FileStat
from ragpress.storage import disk

if TYPE_CHECKING:
    from ingest.sources import Scan

_VERSION = {b"ragpress_stat_cache": b"1"}
_DIGEST_BYTES = hashlib.sha256().digest_size
_MILLISECOND = 1_000_000
FINE_GRANULARITY_NS = 20 * _MILLISECOND
COARSE_GRANULARITY_NS = 2_000 * _MILLISECOND

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("path", pa.binary()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("ctime_ns", pa.int64()),
        ("inode", pa.int64()),
        ("sha256", pa.binary(32)),
        ("hashed_ns", pa.int64()),
    ]
)
"""Columns of a scan's files and of the cache. ``hashed_ns`` is the moment before the content was hashed."""


class CacheEntry(NamedTuple):
    """What the cache holds of one file.

    Attributes:
        stat: the file's stat when it was hashed.
        sha256: digest of its content, 32 bytes.
        hashed_ns: the moment just before it was opened for hashing, ns since the epoch.
    """

    stat: tuple[int, int, int, int]
    sha256: bytes
    hashed_ns: int


def granularity_ns(time_ns: int) -> int:
    """How far apart two changes must be to surely get different time stamps, judged by one stamp.

    Kernels stamp with the time of their last tick (up to 10 ms old). File systems without digits below
    the millisecond may keep whole or even seconds only (FAT: 2 s).
    """
    return FINE_GRANULARITY_NS if time_ns % _MILLISECOND else COARSE_GRANULARITY_NS


def is_settled(stat: FileStat, hashed_ns: int) -> bool:
    """Whether any change after the hash must show in the file's stat (git's "racily clean" test).

    A change within the granularity of the clock after the last one could leave the same time stamps,
    so both stamps must be older than the hash by more than that. A stamp in the future never is.
    """
    stamps = (stat.mtime_ns, stat.ctime_ns)
    return all(stamp + granularity_ns(stamp) < hashed_ns for stamp in stamps)


def is_trusted(entry: CacheEntry, stat: FileStat, now_ns: int) -> bool:
    """Whether a file's content is surely the one that was hashed.

    Args:
        entry: what the cache holds of it.
        stat: its stat now.
        now_ns: the clock now; an entry hashed later than this was hashed under another clock.
    """
    return entry.stat == stat and entry.hashed_ns <= now_ns and is_settled(stat, entry.hashed_ns)


class StatCache:
    """The files of former scans, by source.

    Args:
        table: columns as in :data:`SCHEMA`; None for an empty cache.
    """

    def __init__(self, table: pa.Table | None = None) -> None:
        self.table: pa.Table = SCHEMA.empty_table() if table is None else table
        columns = {name: self.table[name].to_pylist() for name in SCHEMA.names}
        stats = zip(columns["size"], columns["mtime_ns"], columns["ctime_ns"], columns["inode"], strict=True)
        entries = map(CacheEntry, stats, columns["sha256"], columns["hashed_ns"])
        self._entries: dict[str, CacheEntry] = dict(zip(columns["source"], entries, strict=True))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, source: str) -> CacheEntry | None:
        """What is known of a source."""
        return self._entries.get(source)

    @classmethod
    def load(cls, path: Path) -> StatCache:
        """Read a cache; one that is missing, torn, damaged or from another version is empty."""
        try:
            data = path.read_bytes()
        except OSError:
            return cls()
        body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return cls()
        try:
            table = pa.ipc.open_file(pa.BufferReader(body)).read_all()
        except pa.ArrowException:
            return cls()
        same = table.schema.equals(SCHEMA.with_metadata(_VERSION), check_metadata=True)
        return cls(table.replace_schema_metadata(None)) if same else cls()

    def save(self, path: Path, scan: Scan) -> None:
        """Write what is known after a scan: its files, and what was known outside the scanned roots.

        The file is an Arrow IPC file followed by the SHA-256 of its bytes.

        Args:
            path: where; its folder exists.
            scan: made with this cache.

        Raises:
            StorageError: it cannot be written.
        """
        kept = [not any(root.covers(source) for root in scan.roots) for source in self._entries]
        table = pa.concat_tables([self.table.filter(pa.array(kept, pa.bool_())), scan.files])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, SCHEMA.with_metadata(_VERSION)) as writer:
            writer.write_table(table.replace_schema_metadata(_VERSION).combine_chunks())
        body = sink.getvalue().to_pybytes()
        disk.write_file(path, body + hashlib.sha256(body).digest())
