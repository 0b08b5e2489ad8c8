from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.generate.english import ask_english, small_words, without_names

COMMON = small_words(["the ferry certificate electrochemical gas cells a people inlet company station limit ninety"])


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("The certificate is valid for 90 days.", "For how many days is the certificate valid?", "90 days"),
        (
            "Electrochemical gas cells are covered for 12 months.",
            "For how many months are electrochemical gas cells covered?",
            "12 months",
        ),
        (
            "The company was founded in Suzhou in 2014 by Lin Yue.",
            "In what year was the company founded in Suzhou by Lin Yue?",
            "2014",
        ),
        ("The station has 86 people.", "How many people does the station have?", "86 people"),
        (
            "A repair takes at most 10 working days from arrival.",
            "How many working days does a repair take from arrival?",
            "at most 10 working days",
        ),
        (
            "In 1950, Noble appointed Robert Kintner to the board.",
            "In what year did Noble appoint Robert Kintner to the board?",
            "1950",
        ),
        ("Tesla died on 7 January 1943.", "On what date did Tesla die?", "7 January 1943"),
        (
            "The limit is 20 working days in a calendar year.",
            "What is the limit?",
            "20 working days in a calendar year",
        ),
        ("Lark Mini is an indoor monitor for classrooms.", "What is Lark Mini?", "an indoor monitor for classrooms"),
        (
            "Marie Curie discovered two new elements in Paris.",
            "Who discovered two new elements in Paris?",
            "Marie Curie",
        ),
        (
            "The gateway brings EUR 1,200 for each station.",
            "How much does the gateway bring for each station?",
            "EUR 1,200",
        ),
        ("Filters are exchanged every six months.", "How often are filters exchanged?", "every six months"),
        ("The past record was held by John Elway.", "By whom was the past record held?", "John Elway"),
        (
            "Polonia's home venue is located at Konwiktorska Street.",
            "Where is Polonia's home venue located?",
            "at Konwiktorska Street",
        ),
        ("About 70% of the visitors come from the mainland and speak Danish.", "", ""),
        ("86 people have a key to the building.", "How many people have a key to the building?", "86"),
    ],
)  # fmt: skip
def test_a_fact_is_asked_for_by_a_whole_question(sentence: str, question: str, answer: str) -> None:
    asked = ask_english(sentence, COMMON | {"filters"})
    if question:
        assert (asked[0].question, asked[0].answer) == (question, answer)
    else:
        assert asked == []


@pytest.mark.parametrize(
    "sentence",
    [
        "It takes 45 minutes.",
        "They were sold for 12 days.",
        "After 49.7 days without a restart the station stopped uploading.",
        "The station takes 12 volts",
        "Is it open for 12 days?",
        "The price is not 40 euros.",
        "Run `pip install x` for 3 days.",
        "Finding oil required five to ten years before production.",
        "The Grainger Market replaced an earlier market originally built in 1808.",
        "Initially it was built with three layers.",
        "The number of visitors, who came for 12 days, rose.",
        "See https://example.org for 12 days of it.",
    ],
)
def test_what_the_rules_do_not_understand_for_certain_gives_nothing(sentence: str) -> None:
    assert ask_english(sentence, COMMON) == []


def test_names_keep_their_capitals() -> None:
    text = "We met Holden there, and Holden said a tesla is a unit. The tesla was named after Tesla, and Tesla smiled."
    common = without_names(small_words([text, "holden"]), text)
    assert "holden" not in common
    asked = ask_english("Holden died on 7 January 1943.", common)
    assert asked[0].question == "On what date did Holden die?"


@given(st.text(alphabet=st.sampled_from("aeT s.,12()in 2014 is was for days by%€—“”\n"), max_size=120))
def test_every_answer_is_words_of_the_sentence(sentence: str) -> None:
    flat = " ".join(sentence.split())
    for asked in ask_english(flat, COMMON):
        assert asked.answer in " ".join(flat.replace("(", " ").replace(")", " ").split()) or asked.answer in flat
        assert asked.question.endswith("?")
