"""What of a passage may be quoted is read once for each text, and told of each passage by itself."""

from __future__ import annotations

from msgspec.structs import replace

from serving.generate.quotable import candidates
from tests.serving.answering import passage

TEXT = "The ferry leaves at dawn. The lamp burns all night."


def test_the_same_text_in_two_passages_keeps_what_each_says_about_it() -> None:
    one = replace(passage(1, TEXT), heading=("Harbour",))
    two = replace(passage(2, TEXT), heading=("Lighthouse",), start=26, end=len(TEXT))

    first, second, third, fourth = candidates([one, two])
    assert (first.led, third.led) == ("Harbour", "Lighthouse")
    assert [found.passage.index for found in (first, second, third, fourth)] == [1, 1, 2, 2]
    assert [found.outside for found in (first, second, third, fourth)] == [False, False, True, False]


def test_a_score_of_one_question_is_not_there_for_the_next() -> None:
    (first, _), (again, _) = candidates([passage(1, TEXT)]), candidates([passage(1, TEXT)])
    first.score = 0.9
    assert again.score == 0.0


def test_where_the_text_stands_in_its_document_does_not_matter() -> None:
    moved = replace(passage(1, TEXT), start=126, end=100 + len(TEXT), text_start=100, text_end=100 + len(TEXT))
    assert [found.outside for found in candidates([moved])] == [True, False]
