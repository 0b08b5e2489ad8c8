"""A candidate answers some conversations first: it goes live if nothing turns, and is dropped where something does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from index.canary import canary_of, conversation_of, read_canary
from index.repairs import files
from tests.feedback.loop.looped import LOOP, QUESTION, Looped
from tests.feedback.loop.test_watch import OTHERS

pytestmark = pytest.mark.workspace


@pytest.fixture
def looped(tmp_path: Path) -> Iterator[Looped]:
    made = Looped(tmp_path, LOOP + "canary_share = 0.4\ncanary_answers = 8\nwatch_answers = 8\nshadow_replays = 0\n")
    for question in OTHERS * 4:
        made.ask(question)
    made.complain(made.ask())
    yield made
    made.close()


def candidate(looped: Looped) -> str:
    """Run a round, after which a candidate is on trial; its id."""
    live = looped.live
    report = looped.round()
    assert looped.live == live
    assert report.canary
    assert report.published == ()
    assert files.load_all(looped.workspace.root, "default") == ()
    return report.canary


def test_a_candidate_that_does_no_harm_goes_live(looped: Looped) -> None:
    name = candidate(looped)
    canary = canary_of(looped.environment, "default")
    assert canary is not None
    assert canary.share == 0.4
    for question in OTHERS[:7]:
        looped.ask(question, name)
    assert looped.round().canary == name
    looped.ask(OTHERS[7], name)
    report = looped.round()
    assert report.published == (looped.live,)
    assert report.canary == ""
    assert "6 euro" in looped.ask(QUESTION).answer
    assert looped.kinds().count("canary") == 1


def test_a_candidate_that_does_harm_is_dropped_and_not_tried_again(looped: Looped) -> None:
    before, name = looped.live, candidate(looped)
    for number in range(20):
        looped.complain(looped.ask(f"{OTHERS[number % 8]} I am visitor {number}.", name), "")
    report = looped.watch()
    assert report.rolled_back == (name,)
    assert read_canary(looped.environment.store, "default") is None
    assert looped.live == before
    assert [event.kind for event in looped.events][-1] == "rolled_back"
    assert looped.watch().canary == ""


def test_a_canary_is_over_when_another_release_goes_live_and_begins_anew(looped: Looped) -> None:
    name = candidate(looped)
    looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
    looped.workspace.ingest()
    assert canary_of(looped.environment, "default") is None
    report = looped.round()
    assert report.canary not in {"", name}


def test_conversations_are_named_by_who_asks_and_the_first_question() -> None:
    assert conversation_of("key", "a") == conversation_of("key", "a")
    assert len({conversation_of(*pair) for pair in (("k", "a"), ("k", "b"), ("ka", ""), ("", "ka"))}) == 4
