"""1,000 hostile or mistaken corrections change no other user's answer, though every kind of repair may go live alone.

The embedder is the one without a model: what is tested is who may change what, not how well is found. The confidence
that is asked for is 0: only evidence and policy stand in the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.journal.answers import FeedbackQuery
from tests.attacks.hostile_feedback import ATTACKS, COUNT, Attack, Besieged, flood

HARMLESS = {"disputed", "open", "unproven", "waiting", "refused"}


@pytest.fixture
def besieged(tmp_path: Path) -> Iterator[Besieged]:
    made = Besieged(tmp_path)
    yield made
    made.journal.close()


@pytest.mark.process
def test_a_thousand_hostile_corrections_change_no_other_users_answer(besieged: Besieged) -> None:
    answers, content, repairs = besieged.answers(), besieged.content, besieged.repairs
    # First each attack alone, undisturbed by the others; then all that is left to a thousand at once.
    besieged.keep(record for number, one in enumerate(ATTACKS) for record in besieged.say(one, f"alone-{number}"))
    besieged.work()
    assert besieged.content == content
    besieged.keep(
        record
        for one, key, rating in flood(COUNT - len(ATTACKS))
        for record in besieged.say(one, key, rating=rating, comment="" if one.correction else "bad")
    )
    besieged.work()

    assert besieged.content == content
    assert besieged.repairs == repairs
    assert besieged.answers() == answers
    states = besieged.states()
    assert {state for state, _ in states.values()} <= HARMLESS
    assert len(states) >= len({one.question for one in ATTACKS})
    assert len(besieged.journal.feedback(FeedbackQuery(limit=2 * COUNT))) == COUNT


@pytest.mark.process
def test_colluding_callers_bring_nothing_back_that_a_person_removed(besieged: Besieged) -> None:
    answers, content, repairs = besieged.answers(), besieged.content, besieged.repairs
    removed = [one for one in ATTACKS if "merger" in one.question or "lamp" in one.question]
    besieged.keep(record for one in removed for key in "abcdef" for record in besieged.say(one, key))
    besieged.work()
    assert (besieged.answers(), besieged.content, besieged.repairs) == (answers, content, repairs)
    waiting = {one.question for state, one in besieged.states().values() if state in ("waiting", "refused")}
    assert "When will the merger be announced?" in waiting


@pytest.mark.process
def test_many_thumbs_down_take_no_right_document_out(besieged: Besieged) -> None:
    content = besieged.content
    bare = [Attack(one.question) for one in ATTACKS if "desk" in one.question or "hotline" in one.question]
    besieged.keep(record for one in bare for number in range(20) for record in besieged.say(one, f"k{number}"))
    besieged.work()
    assert besieged.content == content
    assert {state for state, _ in besieged.states().values()} <= HARMLESS
