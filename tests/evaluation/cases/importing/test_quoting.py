"""What is quoted is whole sentences that hold the answer, and is found again."""

from __future__ import annotations

import pytest

from evaluation.cases.folding import FoldedText, Span
from evaluation.cases.importing.quoting import answer_place, quote_around, quote_for

TEXT = "Ann runs the shop in Rye. It opens at nine on weekdays. On Sundays it is closed. Yes. Bread is baked at six."


@pytest.mark.parametrize(
    ("answer", "start", "place"),
    [("Rye", 21, Span(21, 24)), ("rye", -1, Span(21, 24)), ("it", 60, Span(67, 69)), ("none", 3, None), (" ", 0, None)],
)
def test_the_answer_nearest_to_its_place_is_meant(answer: str, start: int, place: Span | None) -> None:
    found = answer_place(TEXT, answer, start)
    assert found == (place if place is None or answer != "it" else Span(*_nearest("it", 60)))


def _nearest(word: str, start: int) -> tuple[int, int]:
    places = list(FoldedText(TEXT).find_all(word))
    best = min(places, key=lambda place: abs(place.start - start))
    return best.start, best.end


def test_a_quote_is_the_sentence_around_the_answer() -> None:
    at = TEXT.index("weekdays")
    assert quote_around(TEXT, Span(at, at + 8)) == "It opens at nine on weekdays."


def test_a_short_sentence_takes_its_neighbour() -> None:
    at = TEXT.index("Yes")
    assert quote_around(TEXT, Span(at, at + 3)) == "Yes. Bread is baked at six."


def test_a_long_passage_is_cut_between_words() -> None:
    text = "word " * 400 + "answer" + " word" * 400
    at = text.index("answer")
    quote = quote_around(text, Span(at, at + 6))
    assert "answer" in quote
    assert len(quote) < 420
    assert set(quote.split()) == {"word", "answer"}
    assert FoldedText(text).find(quote) is not None


def test_no_sentence_gives_no_quote() -> None:
    assert quote_around("  ", Span(0, 1)) == ""


def test_the_best_part_of_a_text_is_quoted() -> None:
    assert quote_for(TEXT * 3, "Is it closed on Sundays?") == "On Sundays it is closed."
    assert quote_for(" Short. ", "anything") == "Short."
