"""What one caller's claim may not do, whatever bears it out; and damage that anybody sees."""

from __future__ import annotations

import pytest

from feedback.repairing.policy import waits_for
from feedback.repairing.vouching import is_damaged, is_meant
from feedback.repairing.words import say
from index.findings import Proof
from ragpress.loop_settings import LoopSettings
from tests.feedback.repairing.samples import finding, supersede

LINES = "The pool opens at eight and closes at nine.\nTickets are sold at the gate by the guard of the hall.\n"


@pytest.mark.parametrize(
    "now",
    [
        "",
        "The pool opens at eight and closes at nine.\nTickets are sold at the ga",
        LINES.replace("gate", "ga\ufffde"),
        LINES.replace("Tickets", "Tlckets").replace("guard", "guarb").replace("closes", "cIoses"),
        "游泳池八点开门，九点关门。大厅门卫在门口售票。",
    ],
)
def test_damage_is_seen(now: str) -> None:
    assert is_damaged(LINES, now)


@pytest.mark.parametrize(
    "now",
    [
        LINES,
        "The pool opens at eight and closes at nine.\n",
        "The pool opens at noon and closes at midnight.\nTickets are free.\n",
        LINES.replace("eight", "ten").replace("nine", "twelve").replace("gate", "desk"),
    ],
)
def test_an_edit_is_no_damage(now: str) -> None:
    assert not is_damaged(LINES, now)


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("What was the revenue of 2023?", True),
        ("What was the revenue in Delft?", True),
        ("What was the revenue?", False),
        ("What was the revenue of 2024?", False),
        ("How big was the report of the revenue kept?", False),
    ],
)
def test_a_text_is_meant_where_the_question_names_what_it_alone_has(question: str, meant: bool) -> None:
    old, new = "Report 2023: the revenue in Delft was 5 million.", "Report 2024: the revenue in Gouda was 7 million."
    assert is_meant(question, old, new) is meant


@pytest.mark.parametrize("doubt", ["wait_removed", "wait_edited", "wait_planted", "wait_copies", "wait_for_all"])
def test_a_doubt_makes_it_wait_and_is_told(doubt: str) -> None:
    proven = finding(supersede("a.md", "b.md"), proof=Proof(fixed=True, release="r2", sources=("docs/b.md",)))
    assert waits_for(LoopSettings(), proven) == ""
    assert waits_for(LoopSettings(), proven, doubt) == say("en", doubt)  # type: ignore[arg-type]
