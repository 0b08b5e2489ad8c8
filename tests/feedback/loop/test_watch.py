"""What was published is watched: a turn for the worse takes it back, harmless changes stay."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from feedback.loop.desk import Desk
from feedback.loop.signals import Seen
from feedback.loop.watching import compare, is_worse, watched
from index.findings import Cause, Finding, Proof, record_findings
from index.repairs import files
from index.repairs.records import Quarantine
from tests.feedback.loop.looped import DOCUMENTS, LOOP, PLENTY, Looped

pytestmark = pytest.mark.workspace

TEA = "When does the canteen serve green tea?"
BOOKS = "For how long may books be kept?"
OTHERS = (
    "Where is the warehouse with forty docks?",
    "When does the library open in the morning?",
    "When is lunch served in the canteen?",
    "What does a day pass for the harbour ferry cost?",
    "Who travels free of charge?",
    "When does the gate of the warehouse close?",
    BOOKS,
    TEA,
)


def seen(down: bool = False, abstained: bool = False, key: str = "", number: int = 0) -> Seen:
    return Seen(question=f"q{number}", key=key, release="r", down=down, abstained=abstained, unsupported=False)


def history(count: int, share: float, key: str = "", seed: int = 1) -> list[Seen]:
    drawn = random.Random(seed)
    return [seen(down=drawn.random() < share, key=key, number=number) for number in range(count)]


def test_more_thumbs_down_are_a_turn_and_as_many_are_none() -> None:
    old = history(400, 0.05)
    assert is_worse(compare(old, history(40, 0.6, seed=2)), 0.95, 20)
    assert not is_worse(compare(old, history(40, 0.05, seed=3)), 0.95, 20)


def test_nothing_is_judged_before_enough_answers_came() -> None:
    turn = compare(history(400, 0.05), history(15, 1.0))
    assert turn.evidence > 100
    assert not is_worse(turn, 0.95, 20)


def test_the_thumbs_of_one_caller_take_nothing_back() -> None:
    new = history(40, 0.9, key="hostile")
    assert not is_worse(compare(history(400, 0.05), new), 0.95, 20)
    new[0] = replace(new[0], key="another", down=True)
    assert is_worse(compare(history(400, 0.05), new), 0.95, 20)


def test_abstentions_are_a_sign_as_well() -> None:
    turn = compare(history(300, 0.0), [seen(abstained=number % 2 == 0, number=number) for number in range(60)])
    assert is_worse(turn, 0.95, 20)
    assert (turn.sign, turn.bad, turn.answers) == ("abstained", 30, 60)


@pytest.fixture
def looped(tmp_path: Path) -> Iterator[Looped]:
    made = Looped(tmp_path, LOOP + "shadow_replays = 0\nwatch_answers = 10\n")
    yield made
    made.close()


def publish_harm(looped: Looped, source: str = "docs/canteen.md") -> str:
    """Publish, past a gate that has no case on it, the quarantine of a document that is needed; the live release."""
    quarantine = Quarantine(
        collection="default", reason="wrongly blamed", by="ragpress loop", at="", finding="f0", source=source
    )
    finding = Finding(
        finding_id="f0",
        at=looped.environment.now().isoformat(),
        collection="default",
        case_id="c0",
        question="What is the weather?",
        release=looped.live,
        cause=Cause.STALE_DOCUMENT,
        confidence=0.99,
        repairs=(quarantine,),
        proof=Proof(fixed=True),
    )
    before = looped.live
    record_findings(looped.environment, [finding])
    files.save(looped.workspace.root, quarantine)
    looped.workspace.ingest()
    desk = Desk(looped.bench, PLENTY)
    name = looped.live
    repairs = looped.environment.releases("default").get(name).repairs
    desk.note("published", "", findings=("f0",), repairs=repairs, release=name, to=before)
    return name


def test_a_regression_past_the_gate_is_rolled_back_by_what_users_say(looped: Looped) -> None:
    for question in OTHERS * 3:
        looped.ask(question)
    before, harmed = looped.live, publish_harm(looped)
    served = 0
    for number in range(60):
        answer = looped.ask(f"{TEA} I am visitor {number}.")
        served += 1
        if answer.abstained or "four" not in answer.answer:
            looped.complain(answer, "")
        if number % 5 == 4 and looped.watch().rolled_back:
            break
    assert looped.live == before
    (event,) = [event for event in looped.events if event.kind == "rolled_back"]
    assert (event.release, event.to) == (harmed, before)
    assert served <= 30
    assert files.load_all(looped.workspace.root, "default") == ()
    record = looped.environment.releases("default").pointer()
    assert record is not None
    assert "by ragpress loop" in record[0].why


def test_shadow_replays_take_a_regression_back_before_anybody_was_told_wrong(tmp_path: Path) -> None:
    extra = {
        f"page{number}.md": f"# Page {number}\n\nThe code of room {number} is {number}77.\n" for number in range(9)
    }
    looped = Looped(tmp_path, LOOP, {**DOCUMENTS, "rooms.md": "# Rooms\n\n" + "\n\n".join(extra.values())})
    for number in range(9):
        looped.ask(f"What is the code of room {number}?")
    before = looped.live
    publish_harm(looped, "docs/rooms.md")
    report = looped.round()
    assert report.rolled_back
    assert looped.live == before
    assert "asked again" in looped.events[-1].text
    looped.close()


def test_a_harmless_publish_is_watched_to_its_end(looped: Looped) -> None:
    for question in OTHERS:
        looped.ask(question)
    name = publish_harm(looped, "docs/ferry/fares-2021.md")
    for question in OTHERS:
        looped.ask(question)
    assert looped.round().watching == (name,)
    later = looped.environment
    looped.bench.renew(replace(later, now=lambda: later.now() + timedelta(hours=25)))
    report = looped.round()
    assert report.watching == ()
    assert looped.kinds()[-1] == "watched"
    assert looped.live == name


def test_a_turn_that_is_seen_after_other_changes_takes_the_repairs_out_and_keeps_the_changes(looped: Looped) -> None:
    for question in OTHERS * 2:
        looped.ask(question)
    harmed = publish_harm(looped)
    looped.workspace.write({"new.md": "# Bikes\n\nBikes are lent at the south gate.\n"})
    looped.workspace.ingest()
    for number in range(20):
        looped.complain(looped.ask(f"{TEA} I am visitor {number}."), "")
    report = looped.watch()
    assert report.rolled_back == (harmed,)
    assert "four" in looped.ask(TEA).answer
    assert "south" in looped.ask("Where are bikes lent?").answer


def test_a_watch_is_over_when_the_repairs_are_gone(looped: Looped) -> None:
    publish_harm(looped)
    files.discard(looped.workspace.root, files.load_all(looped.workspace.root, "default")[0])
    looped.workspace.ingest()
    looped.round()
    assert looped.kinds()[-1] == "watched"
    assert watched(Desk(looped.bench, PLENTY)) == ()
