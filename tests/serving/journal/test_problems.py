"""Which problem a question belongs to."""

from __future__ import annotations

import pytest

from serving.journal.problems import fold_question, problem_id
from serving.types import Turn

QUESTION = "How many days of leave do we have?"
ID = problem_id("default", QUESTION, ("hr",))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many days of leave?", "how many  DAYS of leave"),
        ("What is the price of the CX-30?", "Please tell me, what's the price of CX-30 ??".replace("'s", " is")),
        ("年假有多少天？", "请问年假有多少天呢"),
        ("可以退款吗？", "可以退款"),
        ("ＣＸ３０ 的价格？", "CX30的价格"),
        ("Hello, how do I reset my password? Thanks!", "How do I reset my password"),
        ("您好，请问一下质保期多长啊", "质保期多长？"),
    ],
)
def test_width_case_marks_and_politeness_do_not_count(one: str, other: str) -> None:
    assert fold_question(one) == fold_question(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is 1.5 mm enough?", "Is 15 mm enough?"),
        ("Does it work at -5 °C?", "Does it work at 5 °C?"),
        ("Who maintains C#?", "Who maintains C++?"),
        ("Can I carry leave over?", "Can I not carry leave over?"),
        ("可以退款吗？", "不可以退款吗？"),
        ("Who manages Alice?", "Who manages Bob?"),
        ("张三的电话是多少？", "李四的电话是多少？"),
        ("What was the price?", "What is the price?"),
        ("这是什么？", "这是谁的？"),
        ("Is it 20%?", "Is it 20?"),
    ],
)
def test_numbers_names_and_negations_count(one: str, other: str) -> None:
    assert fold_question(one) != fold_question(other)


@pytest.mark.parametrize("text", ["吗？", "???", "please", "  ", "谢谢"])
def test_a_question_of_nothing_but_small_words_is_still_one(text: str) -> None:
    assert fold_question(text) == fold_question(text + " ")


def test_who_may_read_what_and_what_was_said_before_make_another_problem() -> None:
    assert problem_id("default", "how many days of leave do we have", ("hr", "hr")) == ID
    others = [
        problem_id("default", QUESTION, None),
        problem_id("default", QUESTION, ("hr", "it")),
        problem_id("other", QUESTION, ("hr",)),
        problem_id("default", QUESTION, ("hr",), (Turn("user", "In Spain?"),)),
    ]
    assert len({ID, *others}) == 5
