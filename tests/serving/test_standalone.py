"""Follow-ups as standalone questions: the rule in both languages, and what a model's rewriting must be."""

from __future__ import annotations

import pytest

from ragpress.prompts import built_in
from serving.standalone import checked_rewrite, is_follow_up, rewrite_messages, standalone_by_rule
from serving.types import Turn

ENGLISH = (Turn("user", "What was the revenue of Acme in 2022?"), Turn("assistant", "It was 5 million euros. [1]"))
CHINESE = (Turn("user", "绿茶套餐包括什么？"), Turn("assistant", "包括一壶绿茶。[2]"))


@pytest.mark.parametrize(
    ("question", "history", "carried"),
    [
        ("and in 2023?", ENGLISH, ["revenue", "Acme"]),
        ("How did they calculate it in the annual report?", ENGLISH, ["Acme"]),
        ("Why?", ENGLISH, ["revenue", "Acme", "2022"]),
        ("那价格呢？", CHINESE, ["绿茶", "套餐"]),
        ("它适合几个人一起在花园里享用？", CHINESE, ["绿茶"]),
    ],
)
def test_a_follow_up_carries_the_words_of_the_questions_before(
    question: str, history: tuple[Turn, ...], carried: list[str]
) -> None:
    standalone = standalone_by_rule(question, history)
    assert standalone.startswith(question)
    assert [word for word in carried if word not in standalone] == []


@pytest.mark.parametrize(
    "question",
    ["Which office in Berlin handles export licences for machine tools?", "柏林办公室如何处理机床出口申请？"],
)
def test_a_question_with_a_subject_of_its_own_stays(question: str) -> None:
    assert not is_follow_up(question, ENGLISH)
    assert standalone_by_rule(question, ENGLISH) == question


@pytest.mark.parametrize("question", ["?!", "？？", "😀🎉", "…"])
def test_a_question_without_a_word_is_not_answered_from_the_ones_before(question: str) -> None:
    assert standalone_by_rule(question, ENGLISH) == question


@pytest.mark.parametrize(
    ("question", "history", "carried"),
    [
        ("假期有多少天?", ENGLISH, ""),
        ("那病假呢？", (*CHINESE, *ENGLISH), "绿茶"),
        ("And the price?", (*ENGLISH, *CHINESE), "revenue"),
    ],
)
def test_words_of_another_language_are_not_carried(question: str, history: tuple[Turn, ...], carried: str) -> None:
    standalone = standalone_by_rule(question, history)
    assert carried in standalone
    added = standalone.removeprefix(question)
    assert added.isascii() == question.isascii() or not added


def test_without_earlier_questions_nothing_is_a_follow_up() -> None:
    assert standalone_by_rule("And in 2023?", ()) == "And in 2023?"
    assert standalone_by_rule("And in 2023?", (Turn("assistant", "Hello."),)) == "And in 2023?"


def test_words_are_carried_once_and_not_without_end() -> None:
    history = tuple(Turn("user", " ".join(f"word{chr(97 + n)}{turn}" for n in range(20))) for turn in range(5))
    standalone = standalone_by_rule("And that?", history)
    added = standalone.partition("(")[2].rstrip(")").split()
    assert len(added) == len(set(added)) == 8


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("What was the revenue of Acme in 2023?\n", "What was the revenue of Acme in 2023?"),
        ('"What was Acme\'s revenue in 2023?"', "What was Acme's revenue in 2023?"),
        ("", None),
        ("Sure!\nWhat was the revenue of Acme in 2023?", None),
        ("Bananas grow in tropical climates with heavy rainfall.", None),
        ("revenue " * 80, None),
    ],
)
def test_a_rewriting_is_taken_only_if_it_can_come_from_the_conversation(written: str, taken: str | None) -> None:
    assert checked_rewrite(written, "And in 2023?", ENGLISH) == taken


def test_the_model_is_asked_with_the_conversation_and_without_its_citations() -> None:
    (message,) = rewrite_messages(built_in().prompt, "And in 2023?", ENGLISH)
    assert message.role == "user"
    assert "What was the revenue of Acme in 2022?" in message.content
    assert "And in 2023?" in message.content
    assert "[1]" not in message.content
