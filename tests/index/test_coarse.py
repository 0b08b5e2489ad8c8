"""The small copy of a vector index gives what the index itself gives, or says that it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from index.coarse import CoarseScan

faiss: Any = pytest.importorskip("faiss")
ROWS, DEPTH = 6000, 40
# FAISS has kernels of its own for multiples of 16, 32 and 64.
DIMENSIONS = (384, 100, 48, 16)
Matrix = npt.NDArray[np.float32]


def unit(matrix: npt.NDArray[np.floating]) -> Matrix:
    """Rows of length 1."""
    scaled: Matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    return np.ascontiguousarray(scaled)


def narrow_band(random: np.random.Generator, rows: int, dimension: int = DIMENSIONS[0]) -> Matrix:
    """Vectors as models give them: in one narrow cone, some near each other."""
    cone = 0.5 * random.standard_normal((rows, dimension)) + random.standard_normal(dimension)
    mixed = 0.7 * cone + 0.3 * cone[random.integers(0, rows, rows)]
    return unit(mixed)


def flat(rows: Matrix) -> Any:
    """An exact index."""
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_what_it_finds_is_what_the_floats_give(dimension: int) -> None:
    random = np.random.default_rng(dimension)
    rows = narrow_band(random, ROWS, dimension)
    exact = flat(rows)
    scan = CoarseScan(exact)
    everything = faiss.IDSelectorAll()
    proven = 0
    for query in unit(rows[:30] + 0.3 * rows[30:60]):
        found = scan.search(query, DEPTH, everything)
        if found is None:
            continue
        proven += 1
        scores, numbers = exact.search(query[None], DEPTH, params=faiss.SearchParameters(sel=everything))
        assert found[0].tolist() == scores[0].tolist()
        assert set(found[1].tolist()) == set(numbers[0].tolist())
    assert proven >= 25


def test_rows_that_may_not_be_found_are_left_out() -> None:
    random = np.random.default_rng(7)
    rows = narrow_band(random, ROWS)
    allowed = random.random(ROWS) < 0.3
    bits = np.packbits(allowed, bitorder="little")
    scan = CoarseScan(flat(rows))

    found = scan.search(rows[0], DEPTH, faiss.IDSelectorBitmap(bits))

    assert found is not None
    expected = np.sort(rows[allowed] @ rows[0])[::-1][:DEPTH]
    assert allowed[found[1]].all()
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-6)


def test_what_cannot_be_told_apart_is_not_guessed() -> None:
    copies = unit(np.repeat(np.random.default_rng(1).standard_normal((1, DIMENSIONS[0])), ROWS, axis=0))
    scan = CoarseScan(flat(copies))

    assert scan.search(copies[0], DEPTH, faiss.IDSelectorAll()) is None


def test_fewer_allowed_rows_than_candidates_need_no_proof() -> None:
    rows = narrow_band(np.random.default_rng(3), ROWS)
    allowed = np.zeros(ROWS, np.bool_)
    allowed[[5, 17, 4000]] = True
    bits = np.packbits(allowed, bitorder="little")

    found = CoarseScan(flat(rows)).search(rows[17], 3, faiss.IDSelectorBitmap(bits))

    assert found is not None
    assert found[1][0] == 17
    assert set(found[1].tolist()) == {5, 17, 4000}
