"""Which questions are the same one in almost the same words."""

from __future__ import annotations

import pytest

from feedback.folding.alike import are_alike, merged


def _near(_one: str, _other: str) -> float:
    """An embedder that finds everything near: the words alone must tell."""
    return 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many days of leave do we get?", "How many leave days do we have?"),
        ("What is the current price of the CX-30 pump?", "What is the price of the CX-30 pumps?"),
        ("目前CX-30水泵的价格是多少？", "CX-30水泵价格多少"),
        ("How often are filters replaced?", "how often is the filter replaced"),
    ],
)
def test_small_words_and_inflections_may_differ(one: str, other: str) -> None:
    assert are_alike(one, other, _near)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How long is the warranty of the CX-30?", "How long is the warranty of the CX-40?"),
        ("What is 5 % of the price?", "What is 15 % of the price?"),
        ("Who does Alice report to?", "Who does Bob report to?"),
        ("Can contractors take leave?", "Can contractors not take leave?"),
        ("What is the price of a pump?", "What is the price of a valve?"),
        ("When is the pump replaced?", "Where is the pump replaced?"),
        ("Flights from Boston to Denver?", "Flights from Denver to Boston?"),
        ("flight boston denver price", "flight from denver to boston price"),
        ("How many days of leave before 2020?", "How many days of leave after 2020?"),
        ("What is his salary limit?", "What is her salary limit?"),
        ("从北京到上海的航班几点？", "从上海到北京的航班几点？"),
        ("张三欠李四多少钱？", "李四欠张三多少钱？"),
        ("研发部张三的办公电话是多少？", "研发部李四的办公电话是多少？"),
        ("员工每年有几次体检？", "员工每月有几次体检？"),
        ("质保期内可以退货吗？", "质保期内不可以退货吗？"),
        ("part-time staff leave days", "staff leave days"),
    ],
)
def test_what_changes_the_answer_never_merges(one: str, other: str) -> None:
    assert not are_alike(one, other, _near)


def test_an_embedder_must_find_them_near() -> None:
    assert not are_alike("How many leave days do we have?", "How many days of leave do we get?", lambda *_: 0.5)


def test_the_first_one_stands_for_all_and_readers_stay_apart() -> None:
    asked = {
        "p1": (("hr",), "How many days of leave do we have?"),
        "p2": (("hr",), "How many leave days do we get?"),
        "p3": (("it",), "How many leave days do we get?"),
        "p4": (("hr",), "How many sick days do we get?"),
    }
    assert merged(asked, _near) == {"p1": "p1", "p2": "p1", "p3": "p3", "p4": "p4"}


def test_the_work_grows_with_the_number_of_questions_only() -> None:
    calls = 0

    def counted(_one: str, _other: str) -> float:
        nonlocal calls
        calls += 1
        return 0.0

    count = 400
    asked = {
        f"p{number}": ((), f"How many leave days{' please' * (number % 2)} do we get{'?' * number}")
        for number in range(count)
    }
    merged(asked, counted)
    assert calls <= 4 * count
