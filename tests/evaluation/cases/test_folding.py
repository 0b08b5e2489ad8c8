"""Quotes are found however they are set, at exact offsets."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluation.cases.folding import FoldedText, find_loosely, fold, weight

_CHARACTERS = st.sampled_from(list("abÄß1２,. \n\u3000\u200b\u00adﬁ“”’-—…*_漢字。，e\u0301가Ａ"))


@pytest.mark.parametrize(
    ("text", "quote", "says"),
    [
        ("Fees are  due\nin March.", "fees are due in march", "Fees are  due\nin March"),
        ("The “red” car’s roof", 'the "red" car\'s roof', "The “red” car’s roof"),
        ("退款　在 ７ 天\n内到账。", "退款在7天内到账", "退款　在 ７ 天\n内到账"),
        ("Ｆｕｌｌ width", "full width", "Ｆｕｌｌ width"),
        ("co\u00adoper\u200bate now", "cooperate", "co\u00adoper\u200bate"),
        ("Press **Save** twice", "press save twice", "Press **Save** twice"),
        ("the ﬁrst oﬃce", "first office", "ﬁrst oﬃce"),
        ("cafe\u0301 au lait", "café au lait", "cafe\u0301 au lait"),
        ("2–3 days — or more", "2-3 days - or more", "2–3 days — or more"),
        ("Straße 5", "STRASSE 5", "Straße 5"),
        ("Use pip... then run", "Use pip… then run", "Use pip... then run"),
    ],
)
def test_a_quote_is_found_in_whatever_form(text: str, quote: str, says: str) -> None:
    span = FoldedText(text).find(quote)
    assert span is not None
    assert text[span.start : span.end] == says


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a party of ten", "art"),
        ("It costs 10 euros", "it costs 1"),
        ("It costs 1.5 euros", "it costs 1"),
        ("since 2015", "15"),
        ("You cannot leave", "you can"),
        ("résumé", "resume"),
        ("a rosé wine", "a rose"),
        ("a rose\u0301 wine", "a rose"),
        ("큰 각도", "큰 가"),
        ("Spaß", "spas"),
        ("anything", "**"),
    ],
)
def test_a_quote_is_not_found_within_words_and_numbers(text: str, quote: str) -> None:
    assert FoldedText(text).find(quote) is None


def test_every_place_is_found_once() -> None:
    text = "No refunds. Ask us. No  refunds."
    assert [text[start:end] for start, end in FoldedText(text).find_all("no refunds")] == ["No refunds", "No  refunds"]


def test_an_ellipsis_stands_for_some_text() -> None:
    text = "Staff may leave early. They tell their lead. On Fridays the office closes at three."
    span = FoldedText(text).find("staff may leave early … the office closes at three")
    assert span == (0, len(text) - 1)


@pytest.mark.parametrize("quote", ["the office closes [...] staff may leave early", "staff may … closes at four"])
def test_parts_in_another_order_or_missing_are_not_found(quote: str) -> None:
    assert FoldedText("Staff may leave early. The office closes at three.").find(quote) is None


def test_parts_too_far_apart_are_not_found() -> None:
    assert FoldedText("first part " + "x " * 3000 + "second part").find("first part … second part") is None


def test_an_ellipsis_at_the_ends_counts_for_nothing() -> None:
    text = "It is due in March, as ever."
    span = FoldedText(text).find("… due in March …")
    assert span is not None
    assert text[span.start : span.end] == "due in March"


def test_words_are_found_whatever_stands_between_them() -> None:
    text = "| Item | Price |\n|---|---|\n| Lamp (new) | $5.00 |"
    span = find_loosely(text, "Item Price Lamp new 5.00")
    assert span is not None
    assert text[span.start : span.end] == "Item | Price |\n|---|---|\n| Lamp (new) | $5.00"


def test_a_number_that_reads_otherwise_is_another_one() -> None:
    assert find_loosely("The lamp costs $500 now", "The lamp costs $5.00 now") is None


def test_an_ideograph_weighs_more() -> None:
    assert weight("ab cd") == 4
    assert weight("退款") == 5


@given(
    st.text(_CHARACTERS, max_size=12), st.text(_CHARACTERS, min_size=1, max_size=12), st.text(_CHARACTERS, max_size=12)
)
@example("", "ß", "")
@example("漢", "字", "字")
def test_what_was_cut_out_of_a_text_is_found_at_exact_offsets(before: str, quote: str, after: str) -> None:
    text = f"{before} | {quote} | {after}"
    span = FoldedText(text).find(quote)
    if any(character.isalnum() for character in fold(quote)) and "…" not in quote:
        assert span is not None
        assert fold(text[span.start : span.end]) == fold(quote)
    elif span is not None:
        assert 0 <= span.start < span.end <= len(text)


def test_a_long_quote_may_begin_within_a_word_and_never_within_a_number() -> None:
    text = "It takes 112 officers and new policies so they can resolve cases in six months instead of six years."
    long = text[text.index("ficers") :]
    assert FoldedText(text).find(long) == (text.index("ficers"), len(text))
    assert FoldedText(text).find("ficers and new") is None
    assert FoldedText(text).find("12 officers and new policies so they can resolve cases in six months") is None
