"""Two answers, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evaluation.comparing.words import word_diff


def joined(before: str, after: str, *kinds: str) -> str:
    return "".join(piece.text for piece in word_diff(before, after) if piece.kind in kinds)


def test_a_changed_word_stands_alone() -> None:
    pieces = [(piece.kind, piece.text) for piece in word_diff("paid within 14 days.", "paid within 30 days.")]
    assert pieces == [("same", "paid within "), ("removed", "14"), ("added", "30"), ("same", " days.")]


def test_chinese_is_compared_by_characters() -> None:
    pieces = [(piece.kind, piece.text) for piece in word_diff("十四天内退款", "三十天内退款")]
    assert ("same", "天内退款") in pieces


def test_equal_texts_are_one_piece() -> None:
    assert [piece.kind for piece in word_diff("the same", "the same")] == ["same"]
    assert word_diff("", "") == ()


@given(st.text(max_size=40), st.text(max_size=40))
def test_both_texts_can_be_read_off(before: str, after: str) -> None:
    assert joined(before, after, "same", "removed") == before
    assert joined(before, after, "same", "added") == after
