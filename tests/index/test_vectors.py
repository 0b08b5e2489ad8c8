"""Filtered search of one segment's vectors: exact at every share of allowed rows, and safe between threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from index.vectors import FLAT, IVF_SQ8, VectorIndex, write_index
from ragpress.types import Float32Matrix

DEPTH = 10


def unit_vectors(rows: int, dimension: int) -> Float32Matrix:
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((200, dimension), np.float32)
    matrix = centres[rng.integers(0, 200, rows)] + 0.5 * rng.standard_normal((rows, dimension), np.float32)
    unit: Float32Matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    return unit


class Case:
    """An index and the whole ranking of its rows for one query, every row compared."""

    def __init__(self, folder: Path, rows: int, dimension: int, exact_rows: int) -> None:
        self.matrix = unit_vectors(rows, dimension)
        self.kind = write_index(self.matrix, folder / "vectors.faiss", exact_rows)
        self.index = VectorIndex(folder / "vectors.faiss", rows, dimension)
        self.query = self.matrix[rows // 2]
        self.ranking = self.index.search(self.query, rows, None)
        assert sorted(self.ranking[1].tolist()) == list(range(rows))

    def check(self, mask: npt.NDArray[np.bool_]) -> None:
        """What a filtered search finds is the best of the allowed rows."""
        scores, rows = self.index.search(self.query, DEPTH, mask)
        held = mask[self.ranking[1]]
        assert mask[rows].all()
        assert scores.tolist() == self.ranking[0][held][:DEPTH].tolist()
        assert len(set(rows.tolist())) == min(DEPTH, int(mask.sum()))


def strewn(rows: int, count: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rows, np.bool_)
    mask[np.random.default_rng(count).choice(rows, count, replace=False)] = True
    return mask


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("flat"), 3000, 24, 3000)


@pytest.fixture(scope="module")
def ivf(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("ivf"), 20_000, 8, 1000)


@pytest.mark.parametrize("count", [0, 1, 3, 11, 300, 1500, 2999, 3000])
def test_an_exact_index_stays_exact(flat: Case, count: int) -> None:
    assert flat.kind == FLAT
    flat.check(strewn(3000, count))


@pytest.mark.parametrize("count", [0, 1, 3, 11, 200, 1000, 2000])
def test_few_allowed_rows_are_all_compared(ivf: Case, count: int) -> None:
    assert ivf.kind == IVF_SQ8
    ivf.check(strewn(20_000, count))


@pytest.mark.parametrize("share", [0.11, 0.3, 0.5, 0.9])
def test_many_allowed_rows_cost_no_recall(ivf: Case, share: float) -> None:
    mask = strewn(20_000, int(20_000 * share))
    shares = []
    for query in ivf.matrix[::1000]:
        exact = ivf.index.search(query, 20_000, None)[1]
        plain = ivf.index.search(query, DEPTH, None)[1]
        found = ivf.index.search(query, DEPTH, mask)[1]
        assert mask[found].all()
        assert len(found) == DEPTH
        kept = exact[mask[exact]][:DEPTH]
        shares.append((len(set(found) & set(kept)), len(set(plain) & set(exact[:DEPTH]))))
    filtered, unfiltered = np.mean(shares, axis=0)
    assert filtered >= unfiltered - 0.1


def test_the_farthest_rows_are_found_when_they_alone_are_allowed(ivf: Case) -> None:
    mask = np.zeros(20_000, np.bool_)
    mask[ivf.ranking[1][-3:]] = True
    ivf.check(mask)


def test_a_whole_far_side_is_found_before_the_search_gives_up(ivf: Case) -> None:
    # Half of the rows are allowed, all far from the query: no list that is looked into first holds any.
    mask = np.zeros(20_000, np.bool_)
    mask[ivf.ranking[1][-10_000:]] = True
    scores, rows = ivf.index.search(ivf.query, DEPTH, mask)
    assert len(rows) == DEPTH
    assert mask[rows].all()
    assert (np.diff(scores) <= 0).all()


def test_a_filter_that_allows_all_is_no_filter(flat: Case, ivf: Case) -> None:
    for case in (flat, ivf):
        plain = case.index.search(case.query, DEPTH, None)
        allowed = case.index.search(case.query, DEPTH, np.ones(len(case.matrix), np.bool_))
        assert plain[0].tolist() == allowed[0].tolist()
        assert plain[1].tolist() == allowed[1].tolist()


def test_threads_with_different_filters_do_not_meet(flat: Case, ivf: Case) -> None:
    masks = [strewn(3000, count) for count in (1, 5, 50, 1500)], [strewn(20_000, count) for count in (1, 5, 50, 9000)]

    def ask(number: int) -> None:
        flat.check(masks[0][number % 4])
        found = ivf.index.search(ivf.query, DEPTH, masks[1][number % 4])[1]
        assert masks[1][number % 4][found].all()
        assert found.tolist() == alone[number % 4]

    alone = [ivf.index.search(ivf.query, DEPTH, mask)[1].tolist() for mask in masks[1]]
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(ask, range(200)))) == 200


@pytest.mark.campaign
def test_a_million_rows_at_shares_from_a_millionth_to_one(tmp_path: Path) -> None:
    case = Case(tmp_path, 1_000_000, 16, 1000)
    for count in (1, 3, 10, 100, 1000, 10_000, 100_000):
        case.check(strewn(1_000_000, count))
    for count in (300_000, 500_000, 1_000_000):
        mask = strewn(1_000_000, count)
        found = case.index.search(case.query, DEPTH, mask)[1]
        assert mask[found].all()
        assert len(set(found) & set(case.ranking[1][mask[case.ranking[1]]][:DEPTH])) >= DEPTH - 1
