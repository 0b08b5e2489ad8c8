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


def test_long_texts_are_compared_by_sentences_and_huge_ones_at_their_ends() -> None:
    old = [f"Rule {number} holds for {number} days of the year." for number in range(200)]
    new = ["A new rule.", *old[1:-1], "Another new rule."]
    before, after = "\n".join(old), "\n".join(new)
    assert joined(before, after, "same", "removed") == before
    assert joined(before, after, "same", "added") == after
    assert joined(before, after, "added") == "A new rule.\nAnother new rule."
    first, second = ". ".join(map(str, range(9000))), ". ".join(map(str, range(9000, 0, -1)))
    huge = word_diff(f"Begin. {first}. End.", f"Begin. {second}. End.")
    assert [piece.kind for piece in huge] == ["same", "removed", "added", "same"]
