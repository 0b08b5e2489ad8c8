from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.quotes import find_quote
from evaluation.metrics.spans import SPAN_METRICS, span_scores
from tests.evaluation.metrics.records import found, gone, passage

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=4)


def test_overlap_is_counted_in_characters() -> None:
    scores = span_scores([found(0, 10, 30)], [passage("x" * 40, start=20)]).scores
    assert scores == {"span_recall": 0.5, "span_precision": 0.25, "span_iou": 10 / 50}


@given(SPANS, SPANS)
def test_agrees_with_sets_of_characters(gold: list[tuple[int, int]], read: list[tuple[int, int]]) -> None:
    located = [found(place, start, start + length) for place, (start, length) in enumerate(gold)]
    passages = [passage("x" * length, start) for start, length in read]
    evidence = {at for start, length in gold for at in range(start, start + length)}
    held = {at for start, length in read for at in range(start, start + length)}
    total = sum(length for _, length in read)
    scores = span_scores(located, passages).scores
    both = len(evidence & held)
    assert scores["span_recall"] == pytest.approx(both / len(evidence))
    assert scores["span_precision"] == pytest.approx(both / total)
    assert scores["span_iou"] == pytest.approx(both / (len(evidence) + total - both))


def test_other_documents_at_the_same_place_do_not_count() -> None:
    assert span_scores([found(0, 0, 10, "a")], [passage("x" * 10, document="b")]).scores["span_recall"] == 0.0


def test_a_copy_in_another_document_counts() -> None:
    quote = "The valve opens at 6 bar."
    located = [found(0, 100, 100 + len(quote), "a", copies=("b.md",))]
    scores = span_scores(located, [passage(f"As ever.\n{quote}", document="b")], [quote]).scores
    assert scores["span_recall"] == 1.0
    assert scores["span_precision"] == pytest.approx(len(quote) / (len(quote) + 9))


def test_a_passage_cut_in_the_middle_of_a_copied_quote_counts_by_its_part() -> None:
    quote = "abcdefghij"
    scores = span_scores([found(0, 0, 10, "a")], [passage("xx abcdef", document="b")], [quote]).scores
    assert scores["span_recall"] == pytest.approx(0.6)


def test_evidence_that_is_gone_was_not_read() -> None:
    scores = span_scores([found(0, 0, 10), gone(1)], [passage("x" * 10)], ["x" * 10, "y" * 30]).scores
    assert scores["span_recall"] == 0.25
    assert span_scores([gone(0)], [passage("x" * 10)], ["y" * 30]).scores == dict.fromkeys(SPAN_METRICS, 0.0)


def test_without_evidence_or_passages_values_are_missing_with_the_reason() -> None:
    assert set(span_scores([], [passage("x")]).missing) == set(SPAN_METRICS)
    nothing = span_scores([found(0, 0, 10)], [])
    assert nothing.scores == {"span_recall": 0.0, "span_iou": 0.0}
    assert set(nothing.missing) == {"span_precision"}


@pytest.mark.parametrize(
    ("quote", "text", "held"),
    [
        ("６ bar  only", "it is 6 BAR\nonly, yes", (0.0, 1.0)),
        ("abcdefgh", "xx abcde", (0.0, 5 / 8)),
        ("abcdefgh", "defgh xx", (3 / 8, 1.0)),
        ("abcdefgh", "bcdef", (1 / 8, 6 / 8)),
        ("abcdefgh", "xx abc", None),
        ("abcdefgh", "bcde", (1 / 8, 5 / 8)),
        ("", "anything", None),
        ("quote", "", None),
    ],
)
def test_quotes_are_found_whole_or_by_half(quote: str, text: str, held: tuple[float, float] | None) -> None:
    assert find_quote(quote, text) == held
