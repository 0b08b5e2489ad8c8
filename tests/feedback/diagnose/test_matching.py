"""Claims are read, near matches are measured, and words that only the question's subject has weigh most."""

from __future__ import annotations

import pytest

from evaluation.cases.folding import FoldedText
from feedback.diagnose.fuzzy import closest, confused_places, near_places
from feedback.diagnose.matching import (
    find_places,
    needles_of,
    rarity_of,
    read_text,
    values_in,
    wanted,
    windows,
)
from feedback.diagnose.scoring import certainty


def test_values_are_read_in_words() -> None:
    assert 25.0 in values_in("twenty-five days")
    assert 25_000_000.0 in values_in("二千五百万")


def test_the_closest_part_of_a_text() -> None:
    assert closest("the rivcr Onyx flows", "river onyx".upper().lower()) == (4, 14, 2)
    assert closest("abc", "abc") == (0, 3, 0)


def test_near_places_measure_noise_and_never_take_another_number() -> None:
    text = FoldedText("The CaroIina Panthcrs met. The fee is 24,600 crowns.")
    (near,) = near_places(text, "Carolina Panthers")
    assert text.text[near.start : near.end] == "CaroIina Panthcrs"
    assert near.noise == pytest.approx(2 / 16)
    assert not list(near_places(text, "24,500 crowns"))
    assert not list(near_places(text, "fee"))


def test_letters_that_look_like_digits() -> None:
    text = FoldedText("Built in l8g3 and 1894; so is B8.")
    found = [text.text[place.start : place.end] for place in confused_places(text, "1893")]
    assert found == ["l8g3"]
    assert not list(confused_places(FoldedText("so"), "50"))


def test_a_place_bound_to_the_question_is_surer_than_a_chance_one() -> None:
    texts = [
        read_text("The Onyx bridge opened in 1893. It was designed by Anna Berg."),
        read_text("The first mill closed in 1893. Nobody lives there."),
    ]
    asked = wanted("When did the Onyx bridge open?", "1893")
    rarity = rarity_of(texts)
    found = windows(texts, [frozenset()] * 2, find_places(texts, asked, rarity), asked, rarity)
    score = {window.place.text: certainty(window.features, claimed=True) for window in found if window.place.exact}
    assert score[0] > 0.6
    assert score[1] < 0.4


def test_words_are_looked_for_in_bytes_of_any_encoding() -> None:
    needles = dict(needles_of(wanted("红石大桥何时建成？", "1893年")))
    assert "1893年".encode("gb18030") in needles["1893年"]
    assert "1893年".encode("gb18030").decode("latin-1").encode() in needles["1893年"]
