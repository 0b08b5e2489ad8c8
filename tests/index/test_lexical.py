from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from index.lexical import LexicalIndex, LexicalRow, LexicalWriter, deleted_share, folders, owner
from index.row_filter import RowFilter


def rows(texts: list[str], segment: int) -> list[LexicalRow]:
    return [LexicalRow(owner(f"d{row}", segment), segment, row, "page", text) for row, text in enumerate(texts)]


def build(folder: Path, texts: list[str], segment: int) -> None:
    folder.mkdir()
    writer = LexicalWriter(folder)
    writer.add(rows(texts, segment))
    writer.finish()


KEPT = ["alpha river stone", *["beta river stone"] * 5, *["gamma river stone"] * 10]


def test_deleted_rows_do_not_change_how_rare_a_word_is(tmp_path: Path) -> None:
    build(tmp_path / "fresh", KEPT, 1)
    updated = tmp_path / "updated"
    build(updated, [*KEPT, *["alpha river stone"] * 40], 1)
    writer = LexicalWriter(updated)
    writer.delete(owner(f"d{row}", 1) for row in range(len(KEPT), len(KEPT) + 40))
    writer.finish()
    assert deleted_share(updated) > 0.7
    found, fresh = (LexicalIndex(folder).search("alpha or beta?", 6) for folder in (updated, tmp_path / "fresh"))
    assert found[2][0] == 0
    assert found[1:] == fresh[1:]
    assert found[0] == pytest.approx(fresh[0], rel=1e-5)


def test_a_word_of_deleted_rows_alone_finds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, ["omega", "alpha"], 1)
    writer = LexicalWriter(folder)
    writer.delete([owner("d0", 1)])
    writer.finish()
    assert LexicalIndex(folder).search("omega", 5) == ([], [], [])
    assert LexicalIndex(folder).search("omega alpha", 5)[2] == [1]
    assert deleted_share(folder) == 0.5


def test_the_ceiling_is_a_text_of_nothing_but_the_query(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, [*KEPT, "delta " * 400], 1)
    index = LexicalIndex(folder)

    assert index.search("delta", 1)[0][0] == pytest.approx(index.ceiling("delta"), rel=0.2)
    assert index.search("delta", 1)[0][0] < index.ceiling("delta")
    assert index.ceiling("delta alpha") == pytest.approx(index.ceiling("delta") + index.ceiling("alpha"))
    assert index.ceiling("alpha alpha?") == index.ceiling("alpha")
    assert index.ceiling("???") == 0.0


def test_words_that_no_row_holds_raise_the_ceiling_most(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    build(folder, KEPT, 1)
    index = LexicalIndex(folder)

    assert index.ceiling("unheard") > index.ceiling("alpha") > index.ceiling("beta") > index.ceiling("stone") > 0


def test_deleted_rows_do_not_change_the_ceiling(tmp_path: Path) -> None:
    build(tmp_path / "fresh", KEPT, 1)
    updated = tmp_path / "updated"
    build(updated, [*KEPT, *["alpha river stone"] * 40], 1)
    writer = LexicalWriter(updated)
    writer.delete(owner(f"d{row}", 1) for row in range(len(KEPT), len(KEPT) + 40))
    writer.finish()

    ceilings = [LexicalIndex(folder).ceiling("alpha or beta?") for folder in (updated, tmp_path / "fresh")]

    assert ceilings[0] == pytest.approx(ceilings[1])


def strewn(size: int, count: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[np.random.default_rng(count).choice(size, count, replace=False)] = True
    return mask


class Strewn:
    """An index of one-row documents with made-up words, and every match of one query, best first."""

    def __init__(self, folder: Path, size: int) -> None:
        rng = np.random.default_rng(3)
        drawn = np.minimum(rng.zipf(1.3, (size, 8)), 5000)
        build(folder, [" ".join(f"w{number}x" for number in line) for line in drawn.tolist()], 1)
        self.index, self.size = LexicalIndex(folder), size
        self.query = "w1x w7x w40x"
        self.everything = RowFilter(key=b"all", rows=size)
        scores, _, found = self.index.search(self.query, size)
        self.scores, self.rows = np.array(scores), np.array(found)

    def check(self, mask: npt.NDArray[np.bool_], **terms: tuple[str, ...]) -> None:
        """A filter finds the best of the allowed matches, with the statistics of all rows."""
        allowed = RowFilter(key=b"some", rows=int(mask.sum()), masks={1: mask}, readable=self.everything, **terms)
        scores, numbers, found = self.index.search(self.query, 20, allowed)
        best = self.scores[mask[self.rows]][:20]
        assert scores == pytest.approx(best.tolist(), rel=1e-6)
        assert mask[found].all()
        assert set(numbers) <= {1}

    def check_every_way(self, count: int) -> None:
        """By masks alone, by terms that may be found and by terms that bar."""
        mask = strewn(self.size, count)
        inside, outside = (tuple(owner(f"d{row}", 1) for row in np.flatnonzero(which)) for which in (mask, ~mask))
        self.check(mask)
        if len(inside) <= 1000:
            self.check(mask, owners=inside)
        if len(outside) <= 1000:
            self.check(mask, barred=outside)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Strewn:
    return Strewn(tmp_path_factory.mktemp("strewn") / "index", 3000)


@pytest.mark.parametrize("count", [0, 1, 3, 30, 300, 1500, 2999, 3000])
def test_a_filter_finds_the_best_allowed_matches_at_every_share(few: Strewn, count: int) -> None:
    few.check_every_way(count)


def test_the_worst_matches_are_found_when_they_alone_are_allowed(few: Strewn) -> None:
    mask = np.zeros(few.size, np.bool_)
    mask[few.rows[-3:]] = True
    few.check(mask)
    few.check(mask, owners=tuple(owner(f"d{row}", 1) for row in few.rows[-3:]))


def test_a_search_goes_on_until_it_is_past_every_match_that_is_not_allowed(few: Strewn) -> None:
    mask = np.ones(few.size, np.bool_)
    mask[few.rows[: len(few.rows) // 2]] = False
    few.check(mask)
    mask[few.rows[:-5]] = False
    few.check(mask)


@pytest.mark.campaign
def test_a_hundred_thousand_rows_at_every_share(tmp_path: Path) -> None:
    many = Strewn(tmp_path / "index", 100_000)
    for count in (1, 3, 10, 100, 1000, 10_000, 50_000, 99_999, 100_000):
        many.check_every_way(count)


def test_rows_that_may_not_be_read_change_scores_by_the_mean_length_alone(tmp_path: Path) -> None:
    build(tmp_path / "alone", KEPT, 1)
    build(tmp_path / "among", [*KEPT, *["alpha alpha secret " * 20] * 10], 1)
    mask = np.arange(len(KEPT) + 10) < len(KEPT)
    allowed = RowFilter(key=b"kept", rows=len(KEPT), masks={1: mask})
    plain = LexicalIndex(tmp_path / "alone").search("alpha beta secret", 20)
    found = LexicalIndex(tmp_path / "among").search("alpha beta secret", 20, allowed)
    assert found[1:] == plain[1:]
    lengths = 3.0, (3 * len(KEPT) + 60 * 10) / (len(KEPT) + 10)
    for score, alone in zip(found[0], plain[0], strict=True):
        assert 1.0 <= score / alone <= lengths[1] / lengths[0]


def test_the_ceiling_counts_only_what_may_be_read(tmp_path: Path) -> None:
    build(tmp_path / "index", [*KEPT, *["alpha secret"] * 30], 1)
    index = LexicalIndex(tmp_path / "index")
    mask = np.arange(len(KEPT) + 30) < len(KEPT)
    allowed = RowFilter(key=b"kept", rows=len(KEPT), masks={1: mask})
    assert index.ceiling("secret", allowed) == index.ceiling("nowhere", allowed)
    assert index.ceiling("secret", allowed) > index.ceiling("secret")
    assert index.ceiling("alpha", allowed) > index.ceiling("alpha")


def test_folders_are_terms_from_the_outermost_in() -> None:
    assert folders("docs/hr/pay/list.md") == ("/", "docs/", "docs/hr/", "docs/hr/pay/")
    assert folders("list.md") == ("/",)
    assert folders("/list.md") == ("/",)
