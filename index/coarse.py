"""A small copy of exact vectors that finds the candidates which can be among the nearest, with proof.

Reading every float of a large index bounds how fast an exact search can be. Here each vector is kept in a quarter of
the space: centred, each dimension scaled to whole numbers from -127 to 127; a question is brought to whole numbers as
well. What both lose is known: by Cauchy and Schwarz a cosine moves by at most the length of what rounding took from
the vector, and by the length of what it took from the question times that of the whole numbers. A row that the copy
ranks below a candidate by more than that bound cannot be nearer, so once the best rows by their exact cosines are all
above the bound of the last candidate, they are what a search of the floats gives, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ragpress.types import Float32Matrix

Nearest = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]

_LEVELS = 127
_BLOCK = 32_768
# Candidates looked at first, and how many more when they prove nothing; then the floats are searched.
_CANDIDATES = (512, 4096)
# Rounding of sums of single-precision products, far above what 4,096 dimensions can add up to.
_ROUNDING = 1e-4


class CoarseScan:
    """The small copy of a flat FAISS index.

    Args:
        exact: an ``IndexFlatIP`` whose rows have length 1.
    """

    def __init__(self, exact: Any) -> None:
        import faiss  # noqa: PLC0415 - heavy

        self._faiss: Any = faiss
        self._exact = exact
        rows: Float32Matrix = faiss.rev_swig_ptr(exact.get_xb(), exact.ntotal * exact.d).reshape(-1, exact.d)
        self._mean: npt.NDArray[np.float32] = rows.mean(axis=0)
        reach = np.zeros(exact.d, np.float32)
        for start in range(0, len(rows), _BLOCK):
            np.maximum(reach, np.abs(rows[start : start + _BLOCK] - self._mean).max(axis=0), out=reach)
        self._scale = np.where(reach > 0, reach / np.float32(_LEVELS), np.float32(1.0)).astype(np.float32)
        kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
        # This kind multiplies whole numbers only: a question in fractions would be cut off without a word.
        self._copy: Any = faiss.IndexScalarQuantizer(exact.d, kind, faiss.METRIC_INNER_PRODUCT)
        lengths = [self._add(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
        self._lost, self._longest = (max(found) for found in zip(*lengths, strict=True))

    def _add(self, rows: Float32Matrix) -> tuple[float, float]:
        """Append rows to the copy; returns the length of the most that one lost, and of the longest one's numbers."""
        centred = rows - self._mean
        codes = np.rint(centred / self._scale)
        self._copy.add(codes)
        centred -= codes * self._scale
        return _longest(centred), _longest(codes)

    def search(self, query: npt.NDArray[np.float32], depth: int, selector: Any) -> Nearest | None:
        """The nearest rows as the exact index gives them; None where the copy cannot prove which they are.

        Args:
            query: float32 of shape (dimension,), length 1.
            depth: how many rows; at least so many must be selected.
            selector: FAISS selector of the rows that may be found.
        """
        folded = query * self._scale
        step = float(np.abs(folded).max()) / _LEVELS or 1.0
        asked = np.rint(folded / np.float32(step))
        bound = self._lost + _longest((folded - asked * np.float32(step))[None]) * self._longest + _ROUNDING
        shift = float(query @ self._mean)
        for count in _CANDIDATES:
            if not depth <= count < self._exact.ntotal:
                continue
            coarse, rows = self._scan(asked[None], count, selector)
            found = self._rescored(query, rows[rows >= 0])
            nearest = found[0][:depth], found[1][:depth]
            if rows[-1] < 0 or float(coarse[-1]) * step + shift + bound < nearest[0][-1]:
                return nearest
        return None

    def _scan(self, asked: Float32Matrix, count: int, selector: Any) -> Nearest:
        options = self._faiss.SearchParameters(sel=selector)
        with self._one_thread():
            scores, rows = self._copy.search(asked, count, params=options)
        return scores[0], rows[0]

    @contextmanager
    def _one_thread(self) -> Iterator[None]:
        """FAISS splits one query over all cores, whose waiting for each other costs more than the search."""
        faiss = self._faiss
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            yield
        finally:
            faiss.omp_set_num_threads(threads)

    def _rescored(self, query: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> Nearest:
        faiss = self._faiss
        asked = np.ascontiguousarray(query, np.float32)
        chosen = np.sort(rows)
        scores = np.empty(len(chosen), np.float32)
        arrays = faiss.swig_ptr(scores), faiss.swig_ptr(chosen)
        with self._one_thread():
            self._exact.compute_distance_subset(1, faiss.swig_ptr(asked), len(chosen), *arrays)
        order = np.argsort(-scores, kind="stable")
        return scores[order], chosen[order]


def _longest(matrix: Float32Matrix) -> float:
    """Length of the longest row."""
    return float(np.sqrt(np.einsum("ij,ij->i", matrix, matrix).max()))
