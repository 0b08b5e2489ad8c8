"""Weak signals: what is seen, and when it is enough."""

from __future__ import annotations

import pytest

from feedback.folding.weak import is_rephrased
from tests.feedback.folding.talk import Talk, turns
from tests.serving.journalled import checked

QUESTION = "How many days of leave do new employees have?"
AGAIN = "Leave of new employees: how many days are there?"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (QUESTION, AGAIN, True),
        ("新员工每年有多少天年假？", "新员工每年的年假天数是多少", True),
        (QUESTION, QUESTION, False),
        (QUESTION, "Thanks! And how many days of leave do new employees in Spain have?", False),
        (QUESTION, "Who pays for travel?", False),
        ("How long is the warranty of the CX-30?", "How long is the warranty of the CX-40?", False),
        (QUESTION, "新员工每年有多少天年假？", False),
    ],
)
def test_asked_again_in_other_words(first: str, second: str, expected: bool) -> None:
    assert is_rephrased(first, second) is expected


@pytest.mark.workspace
def test_an_abstention_that_is_asked_again_is_a_case_without_a_claim(talk: Talk) -> None:
    talk.ask(QUESTION, text="The documents do not say.", abstained=True, key="a")
    talk.tick(30)
    talk.ask(AGAIN, key="a")
    bad = talk.one()
    assert (bad.question, [signal.kind for signal in bad.signals]) == (QUESTION, ["abstained", "rephrased"])
    assert (bad.claim.says_something, bad.disputed, bad.feedback) == (False, "", ())


@pytest.mark.workspace
def test_the_same_conversation_tells_who_asks_again_without_a_key(talk: Talk) -> None:
    talk.ask(QUESTION, text="The documents do not say.", abstained=True)
    talk.ask(AGAIN)
    assert talk.fold() == ()
    talk.ask(AGAIN, history=turns(QUESTION, "The documents do not say."))
    assert talk.one().question == QUESTION


@pytest.mark.workspace
def test_one_weak_signal_is_not_enough(talk: Talk) -> None:
    talk.ask("What is A?", text="The documents do not say.", abstained=True, key="a", evidence=0.1)
    talk.ask("What is B?", sentences=checked(False), key="a")
    talk.ask("What is C?", text="It is " * 20, status="cancelled", key="a")
    assert talk.fold() == ()


@pytest.mark.workspace
def test_several_callers_or_kinds_are(talk: Talk) -> None:
    for key in ("a", "b", "c"):
        talk.ask("What is A?", text="The documents do not say.", abstained=True, key=key, evidence=0.1)
    talk.ask("What is B?", sentences=checked(False), key="a")
    talk.ask("What is B?", text="The documents do not say.", abstained=True, key="a", evidence=0.9)
    assert {bad.question for bad in talk.fold()} == {"What is A?", "What is B?"}


@pytest.mark.workspace
def test_who_leaves_says_little_however_many_do(talk: Talk) -> None:
    for key in "abcdef":
        talk.ask("What is C?", text="It is " * 20, status="cancelled", key=key)
    assert talk.fold() == ()


@pytest.mark.workspace
def test_praise_outweighs_what_is_only_seen(talk: Talk) -> None:
    for key in ("a", "b", "c"):
        talk.ask("What is A?", text="The documents do not say.", abstained=True, key=key)
    talk.say(talk.ask("What is A?", text="The documents do not say.", abstained=True, key="d"), "up")
    assert talk.fold() == ()


@pytest.mark.workspace
def test_what_is_seen_comes_with_a_complaint(talk: Talk) -> None:
    talk.say(talk.ask("What is B?", key="a", removed_citations=(7,)))
    assert [signal.kind for signal in talk.one().signals] == ["unsupported", "down"]
