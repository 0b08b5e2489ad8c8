"""Numbers with their nouns."""

from __future__ import annotations

from evaluation.counted import agreeing, counted


def test_one_is_singular_and_everything_else_is_not() -> None:
    assert [counted(count, "case") for count in (0, 1, 2)] == ["0 cases", "1 case", "2 cases"]
    assert [agreeing(count, "does", "do") for count in (0, 1, 2)] == ["do", "does", "do"]
