from __future__ import annotations

from pathlib import Path

import pytest

from index.lexical import LexicalIndex, LexicalRow, LexicalWriter, deleted_share, owner


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
