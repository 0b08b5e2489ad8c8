"""The memo: results of steps, kept by (step fingerprint, input digest), so that nothing is computed twice.

A pack is an immutable Arrow file of rows (key, check, value). A row's ``check`` is verified when the
row is used, so that reading one result costs nothing for the others, and a damaged row is a miss.
Packs are only a cache: losing one costs time, never data.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ragpress.errors import ConflictError, NotFoundError
from ragpress.fingerprint import DIGEST_BYTES, digest
from ragpress.storage.store import Store
from ragpress.types import Float32Matrix

CHECK_BYTES = 8
_KEY = pa.binary(DIGEST_BYTES)
_SCHEMA = pa.schema([("key", _KEY), ("check", pa.binary(CHECK_BYTES)), ("value", pa.large_binary())])


class Memo:
    """Step results in a store, looked up by key.

    Args:
        store: where packs are kept, under ``memo/<name>/``.
        name: which memo, for example ``steps`` or ``vectors``.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._prefix = f"memo/{name}/"
        self._pending: dict[bytes, bytes] = {}
        self._packs: list[pa.Table] = []
        self._prefixes: npt.NDArray[np.uint64] | None = None
        self._places: npt.NDArray[np.int64] = np.empty((0, 2), np.int64)

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None when it was never computed (or its row is damaged)."""
        pending = self._pending.get(key)
        if pending is not None:
            return pending
        for place in self._candidates(key):
            table = self._packs[place[0]]
            if table["key"][place[1]].as_py() == key:
                value: bytes = table["value"][place[1]].as_py()
                if table["check"][place[1]].as_py() == _check(key, value):
                    return value
        return None

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """:meth:`get` of each key; those that no pack can hold are told apart in one step."""
        if not keys:
            return []
        prefixes = self._opened()
        wanted = np.frombuffer(b"".join(keys), "<u8").reshape(len(keys), -1)[:, 0]
        held = np.searchsorted(prefixes, wanted, "right") > np.searchsorted(prefixes, wanted, "left")
        rows = zip(keys, held.tolist(), strict=True)
        return [self.get(key) if maybe or key in self._pending else None for key, maybe in rows]

    def put(self, key: bytes, value: bytes) -> None:
        """Remember a value; it is durable after the next :meth:`seal`."""
        self._pending[key] = value

    @property
    def pending(self) -> int:
        """Number of values not yet sealed."""
        return len(self._pending)

    def seal(self) -> None:
        """Write the pending values as one durable pack."""
        if not self._pending:
            return
        keys, values = list(self._pending), list(self._pending.values())
        checks = [_check(key, value) for key, value in self._pending.items()]
        table = _to_table(keys, checks, values)
        self._write(table)
        self._remember(table)
        self._pending = {}

    def merge_packs(self, most: int) -> int:
        """Put all packs into one when there are more than ``most``, so that look-ups stay fast; returns how many.

        The caller holds the writer locks. A kill between the write and the deletes leaves rows twice, which
        the next merge mends.
        """
        names = self._list()
        if len(names) <= most:
            return 0
        tables = [table for table in map(self._load, names) if table is not None]
        rows = {key: (check, value) for table in tables for key, check, value in zip(*_lists(table), strict=True)}
        checks, values = [check for check, _ in rows.values()], [value for _, value in rows.values()]
        merged = pa.table(
            [pa.array(list(rows), _KEY), pa.array(checks, pa.binary(CHECK_BYTES)), values], schema=_SCHEMA
        )
        kept = self._write(merged)
        for name in names:
            if name != kept:
                self._store.delete(name)
        return len(names)

    def _write(self, table: pa.Table) -> str:
        body = _to_ipc(table)
        key = self._key(hashlib.sha256(body).hexdigest())
        if not self._store.exists(key):
            with contextlib.suppress(ConflictError):  # another process wrote the very same just now
                self._store.create(key, body)
        return key

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.arrow"

    def _remember(self, table: pa.Table) -> None:
        if self._prefixes is None:
            return
        self._packs.append(table)
        self._index()

    def _opened(self) -> npt.NDArray[np.uint64]:
        """The first eight bytes of every key in the packs, sorted; packs are opened when first asked for."""
        if self._prefixes is None:
            self._packs = [pack for pack in map(self._load, self._list()) if pack is not None]
            self._index()
        return np.empty(0, np.uint64) if self._prefixes is None else self._prefixes

    def _candidates(self, key: bytes) -> Iterable[Sequence[int]]:
        prefixes = self._opened()
        if not len(prefixes):
            return ()
        wanted = np.uint64(int.from_bytes(key[:8], "little"))
        low = int(np.searchsorted(prefixes, wanted, "left"))
        high = int(np.searchsorted(prefixes, wanted, "right"))
        return [(int(pack), int(row)) for pack, row in self._places[low:high]]

    def _list(self) -> list[str]:
        return [key for key, _ in self._store.list(self._prefix)]

    def _load(self, key: str) -> pa.Table | None:
        try:
            table = pa.ipc.open_file(pa.memory_map(str(self._store.local_path(key)))).read_all()
        except (pa.ArrowInvalid, OSError, NotFoundError):  # damaged, or put into another pack meanwhile
            return None
        return table if table.schema.equals(_SCHEMA) else None

    def _index(self) -> None:
        prefixes, places = [], []
        for number, pack in enumerate(self._packs):
            keys = _fixed(pack["key"], DIGEST_BYTES)
            prefixes.append(keys[:, :8].copy().view("<u8").reshape(-1))
            places.append(np.stack([np.full(len(keys), number), np.arange(len(keys))], axis=1))
        joined = np.concatenate(prefixes) if prefixes else np.empty(0, np.uint64)
        order = np.argsort(joined, kind="stable")
        self._prefixes = joined[order]
        self._places = np.concatenate(places)[order] if places else self._places


class VectorMemo:
    """Vectors by (text, embedder fingerprint).

    Args:
        store: where packs are kept.
        fingerprint: the embedder's; vectors of another embedder are never found.
        dimension: length of a vector.
    """

    def __init__(self, store: Store, fingerprint: str, dimension: int) -> None:
        self._memo = Memo(store, f"vectors/{fingerprint}")
        self._dimension = dimension

    def get_many(self, keys: Sequence[bytes]) -> tuple[Float32Matrix, npt.NDArray[np.bool_]]:
        """Look up vectors.

        Returns:
            float32 of shape (len(keys), dimension) and a bool mask of shape (len(keys),): which rows were found.
        """
        found = np.zeros(len(keys), np.bool_)
        matrix = np.zeros((len(keys), self._dimension), np.float32)
        for row, value in enumerate(self._memo.get_many(keys)):
            if value is not None and len(value) == self._dimension * 4:
                matrix[row] = np.frombuffer(value, np.float32)
                found[row] = True
        return matrix, found

    def put_many(self, keys: Sequence[bytes], matrix: Float32Matrix) -> None:
        """Remember one vector per key."""
        for key, vector in zip(keys, np.ascontiguousarray(matrix, np.float32), strict=True):
            self._memo.put(key, vector.tobytes())

    def seal(self) -> None:
        """Make the vectors durable."""
        self._memo.seal()


def drop_vectors(store: Store, keep: set[str]) -> int:
    """Delete the vectors of every embedder whose fingerprint is not among those to keep; returns how many packs."""
    stale = [key for key, _ in store.list("memo/vectors/") if key.split("/")[2] not in keep]
    for key in stale:
        store.delete(key)
    return len(stale)


def _to_table(keys: list[bytes], checks: list[bytes], values: list[bytes]) -> pa.Table:
    return pa.table([pa.array(keys, _KEY), pa.array(checks, pa.binary(CHECK_BYTES)), values], schema=_SCHEMA)


def _lists(table: pa.Table) -> list[list[bytes]]:
    return [table[name].to_pylist() for name in _SCHEMA.names]


def _check(key: bytes, value: bytes) -> bytes:
    return digest(key, value)[:CHECK_BYTES]


def _fixed(column: pa.ChunkedArray, width: int) -> npt.NDArray[np.uint8]:
    rows = [
        np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * width : (chunk.offset + len(chunk)) * width]
        for chunk in column.chunks
        if len(chunk)
    ]
    joined = np.concatenate(rows) if rows else np.empty(0, np.uint8)
    return joined.reshape(-1, width)


def _to_ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
