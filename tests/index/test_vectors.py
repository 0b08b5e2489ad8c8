"""Vector indexes against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.vectors import FLAT, IVF_SQ8, VectorIndex, write_index
from ragpress.errors import IntegrityError
from ragpress.types import Float32Matrix


def unit_rows(rows: int, dimension: int, seed: int = 5) -> Float32Matrix:
    matrix = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    normalised: Float32Matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return normalised


def test_a_small_segment_is_exact(tmp_path: Path) -> None:
    matrix = unit_rows(500, 24)
    assert write_index(matrix, tmp_path / "v", 1000) == FLAT
    index = VectorIndex(tmp_path / "v", 500, 24)

    scores, rows = index.search(matrix[7], 10, None)

    expected = np.argsort(-(matrix @ matrix[7]))[:10]
    assert rows.tolist() == expected.tolist()
    np.testing.assert_allclose(scores, (matrix @ matrix[7])[expected], atol=1e-6)


@pytest.mark.parametrize("exact_rows", [5000, 100])
def test_rows_that_are_not_allowed_are_never_found(tmp_path: Path, exact_rows: int) -> None:
    matrix = unit_rows(3000, 16)
    write_index(matrix, tmp_path / "v", exact_rows)
    index = VectorIndex(tmp_path / "v", 3000, 16)
    allowed = np.zeros(3000, np.bool_)
    allowed[[4, 8, 2999]] = True

    _, rows = index.search(matrix[9], 50, allowed)

    assert set(rows.tolist()) <= {4, 8, 2999}
    if exact_rows == 5000:
        assert set(rows.tolist()) == {4, 8, 2999}


def test_a_large_segment_finds_nearly_what_brute_force_finds(tmp_path: Path) -> None:
    centres = unit_rows(200, 32, 1)
    noise = np.random.default_rng(2).standard_normal((12000, 32)).astype(np.float32) * 0.15
    matrix = centres[np.arange(12000) % 200] + noise
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    assert write_index(matrix, tmp_path / "v", 1000) == IVF_SQ8
    index = VectorIndex(tmp_path / "v", 12000, 32)

    overlaps = []
    for query in matrix[::400]:
        _, rows = index.search(query, 10, None)
        overlaps.append(len(set(rows.tolist()) & set(np.argsort(-(matrix @ query))[:10].tolist())) / 10)

    assert float(np.mean(overlaps)) >= 0.9
    assert index.reconstruct(np.array([1], np.int64)) is None


def test_an_index_of_another_size_is_refused(tmp_path: Path) -> None:
    write_index(unit_rows(20, 8), tmp_path / "v", 100)

    with pytest.raises(IntegrityError, match="expected 21 x 8 vectors, found 20 x 8"):
        VectorIndex(tmp_path / "v", 21, 8)
