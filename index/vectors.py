"""One FAISS index per segment: exact inner product up to a size, IVF with 8-bit residuals above it.

Vectors have length 1, so the inner product is the cosine. Deleted rows are a bitmap that the search
skips; the index is never rebuilt for a delete. The structure is chosen by measurement: at one million
vectors of 384 dimensions IVF-SQ8 took 101 CPU-seconds and 398 MB, HNSW 485 and 1,680 MB (docs/decisions.md).
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.coarse import CoarseScan
from ragpress.errors import IntegrityError
from ragpress.types import Float32Matrix

FLAT = "flat"
IVF_SQ8 = "ivf_sq8"
# More vectors or rounds took three times the CPU time at 100,000 vectors and found no more neighbours.
_TRAIN_PER_LIST = 40
_TRAIN_ROUNDS = 5
_PROBE_SHARE = 0.06
_SEED = 1234
_ADD_BLOCK = 65_536
_LEAST_VECTOR_BYTES = 1 << 20
_LEAST_LOOPS = 1 << 20
# An exact search of so many rows costs a millisecond; from there on a coarse copy (index.coarse) saves three quarters
# of it. Making it costs what some hundred searches cost, so the few searches of one command do without.
_COARSE_ROWS = 20_000
_COARSE_SEARCHES = 32


def write_index(matrix: Float32Matrix, path: Path, exact_rows: int) -> str:
    """Build and write the index of one segment.

    Args:
        matrix: float32 of shape (rows, dimension), rows of length 1; may be memory-mapped.
        path: file to write.
        exact_rows: up to so many rows the search is exact.

    Returns:
        The structure that was chosen: ``flat`` or ``ivf_sq8``.
    """
    import faiss  # noqa: PLC0415 - heavy

    rows, dimension = matrix.shape
    kind = FLAT if rows <= exact_rows else IVF_SQ8
    index: Any = faiss.IndexFlatIP(dimension) if kind == FLAT else _trained_ivf(matrix)
    for start in range(0, rows, _ADD_BLOCK):
        index.add(np.ascontiguousarray(matrix[start : start + _ADD_BLOCK]))
    faiss.write_index(index, str(path))
    return kind


def _trained_ivf(matrix: Float32Matrix) -> Any:
    import faiss  # noqa: PLC0415 - heavy

    rows, dimension = matrix.shape
    lists = max(16, int(4 * np.sqrt(rows)))
    quantizer = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.seed = _SEED
    index.cp.niter = _TRAIN_ROUNDS
    sample = np.random.default_rng(_SEED).choice(rows, min(rows, lists * _TRAIN_PER_LIST), replace=False)
    index.train(np.ascontiguousarray(matrix[np.sort(sample)]))
    index.nprobe = max(8, int(lists * _PROBE_SHARE))
    return index


class VectorIndex:
    """An opened FAISS index.

    Args:
        path: a file whose SHA-256 was checked (FAISS itself loads damaged files without a word).
        rows: rows the manifest names.
        dimension: dimension the manifest names.

    Raises:
        IntegrityError: the file holds something else.
    """

    def __init__(self, path: Path, rows: int, dimension: int) -> None:
        import faiss  # noqa: PLC0415 - heavy

        self._faiss: Any = faiss
        # What a file may ask FAISS to allocate is bounded by its own, checked size.
        faiss.set_deserialization_vector_byte_limit(max(_LEAST_VECTOR_BYTES, path.stat().st_size))
        faiss.set_deserialization_loop_limit(max(_LEAST_LOOPS, rows))
        self._index: Any = faiss.read_index(str(path))
        # Without a selector FAISS splits one query over all cores; their waiting for each other cost six times the CPU.
        self._everything: Any = self._faiss.IDSelectorAll()
        self._coarse: CoarseScan | None = None
        self._preparing = threading.Lock()
        self._searches = 0
        if (self._index.ntotal, self._index.d) != (rows, dimension):
            found = f"{self._index.ntotal} x {self._index.d}"
            raise IntegrityError(f"{path.name}: expected {rows} x {dimension} vectors, found {found}.")

    def search(
        self, query: npt.NDArray[np.float32], depth: int, allowed: npt.NDArray[np.bool_] | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """The nearest rows. Safe to call from several threads.

        A filter leaves rows out before anything is ranked. It costs no recall: the fewer rows are allowed, the more
        lists of an IVF index are looked into, and all of them before less than ``depth`` allowed rows come back.

        Args:
            query: float32 of shape (dimension,), length 1.
            depth: the most rows to return.
            allowed: bool of shape (rows,): rows that may be found; None allows all.

        Returns:
            Cosines (descending) and row numbers, both of shape (found,).
        """
        count = self._index.ntotal if allowed is None else int(np.count_nonzero(allowed))
        wanted = min(depth, count)
        if not wanted:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        # FAISS keeps only the address of the bits; several threads search at once, so each call holds its own.
        bits = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = self._everything if bits is None else self._faiss.IDSelectorBitmap(bits)
        if not isinstance(self._index, self._faiss.IndexIVF):
            found = self._coarse_search(query, wanted, selector) if count >= _COARSE_ROWS else None
            return found or self._ranked(query, wanted, self._faiss.SearchParameters(sel=selector))
        # As many allowed rows are compared as without a filter, or all of them.
        probes = min(self._index.nlist, math.ceil(self._index.nprobe * self._index.ntotal / count))
        scores, rows = self._ranked(query, wanted, self._probing(selector, probes))
        if len(rows) < wanted and probes < self._index.nlist:
            scores, rows = self._ranked(query, wanted, self._probing(selector, self._index.nlist))
        return scores, rows

    def prepare(self) -> None:
        """Make what many searches gain from and a single one does not: the coarse copy of a large exact index."""
        if self._coarse is None and self._index.ntotal >= _COARSE_ROWS and self._preparing.acquire(blocking=False):
            try:
                if not isinstance(self._index, self._faiss.IndexIVF):
                    self._coarse = CoarseScan(self._index)
            finally:
                self._preparing.release()

    def _coarse_search(
        self, query: npt.NDArray[np.float32], depth: int, selector: Any
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]] | None:
        self._searches += 1
        if self._searches > _COARSE_SEARCHES:
            self.prepare()
        return None if self._coarse is None else self._coarse.search(query, depth, selector)

    def _probing(self, selector: Any, probes: int) -> Any:
        lists = self._faiss.SearchParameters(sel=self._everything)
        return self._faiss.SearchParametersIVF(nprobe=probes, sel=selector, quantizer_params=lists)

    def _ranked(
        self, query: npt.NDArray[np.float32], depth: int, options: Any
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        scores, rows = self._index.search(query.reshape(1, -1), depth, params=options)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def reconstruct(self, rows: npt.NDArray[np.int64]) -> Float32Matrix | None:
        """The stored vectors of some rows, float32 of shape (len(rows), dimension); None when they are quantised."""
        if isinstance(self._index, self._faiss.IndexIVF):
            return None
        matrix: Float32Matrix = self._index.reconstruct_batch(rows)
        return matrix
