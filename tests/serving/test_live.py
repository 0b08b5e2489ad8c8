"""The live release is followed: what is next is opened beside what answers, and nobody waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from index.canary import Canary, conversation_of
from ragpress.errors import IntegrityError, ReleaseError
from ragpress.serve_settings import ServeSettings
from serving.chain import Answerer
from serving.live import LiveAnswers, Wanted
from tests.serving.answering import Scripted, answerer, passage
from tests.serving.api.services import FakeOpening, workspace_of

CLOCK = [0.0]


class Releases(FakeOpening):
    """Releases whose opening a test can hold up."""

    def __init__(self, root: Path, *names: str) -> None:
        self.generators = {name: Scripted("x") for name in names}
        made = {name: answerer(generator, passage(1, "x")) for name, generator in self.generators.items()}
        super().__init__(workspace_of(root), **made)
        self.gate = threading.Event()
        self.gate.set()

    def open(self, wanted: Wanted) -> Answerer:
        self.gate.wait(30)
        return super().open(wanted)


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path, "r1", "r2", "r3", "r4", "r5")


@pytest.fixture
async def live(releases: Releases) -> AsyncIterator[LiveAnswers]:
    CLOCK[0] = 0.0
    made = LiveAnswers(releases, ServeSettings(pinned_releases=2), lambda: CLOCK[0])
    yield made
    releases.gate.set()
    await made.aclose()


async def release_of(live: LiveAnswers, release: str | None = None) -> str:
    async with live.use("default", release) as served:
        return served.release


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


async def test_the_next_release_answers_once_it_is_open_and_the_one_before_until_then(
    live: LiveAnswers, releases: Releases
) -> None:
    assert await release_of(live) == "r1"
    releases.gate.clear()
    releases.live_releases["default"] = "r2"
    await live.look()
    assert await release_of(live) == "r1"
    releases.gate.set()
    await live.settled()
    assert await release_of(live) == "r2"
    assert releases.opened == ["r1", "r2"]


async def test_a_release_is_closed_when_its_last_user_has_left(live: LiveAnswers, releases: Releases) -> None:
    async with live.use("default") as served:
        releases.live_releases["default"] = "r2"
        await live.look()
        await live.settled()
        assert await release_of(live) == "r2"
        assert served.release == "r1"
        assert not releases.generators["r1"].given_back
    await until(lambda: releases.generators["r1"].given_back)
    assert not releases.generators["r2"].given_back


async def test_many_first_questions_open_a_release_once(live: LiveAnswers, releases: Releases) -> None:
    assert await asyncio.gather(*(release_of(live) for _ in range(10))) == ["r1"] * 10
    assert releases.opened == ["r1"]


async def test_a_damaged_release_leaves_the_one_before_and_is_reported_and_tried_again_later(
    live: LiveAnswers, releases: Releases
) -> None:
    await release_of(live)
    sound = releases.answerers["r2"]
    releases.answerers["r2"] = IntegrityError("r2 is damaged")
    releases.live_releases["default"] = "r2"
    for _ in range(3):
        await live.look()
        await live.settled()
    assert releases.opened == ["r1", "r2"]
    assert await release_of(live) == "r1"
    (status,) = live.status().collections
    assert (status.release, status.wanted, status.error) == ("r1", "r2", "r2 is damaged")
    assert live.status().ready
    releases.answerers["r2"] = sound
    CLOCK[0] += 2
    await live.look()
    await live.settled()
    assert await release_of(live) == "r2"
    assert live.status().collections[0].error == ""


async def test_a_first_release_that_is_damaged_is_an_error_for_every_question_and_not_ready(
    live: LiveAnswers, releases: Releases
) -> None:
    releases.answerers["r1"] = IntegrityError("r1 is damaged")
    for _ in range(2):
        with pytest.raises(IntegrityError):
            await release_of(live)
    assert releases.opened == ["r1"]
    assert not live.status().ready


async def test_nothing_live_is_told_until_something_is(live: LiveAnswers, releases: Releases) -> None:
    releases.live_releases["default"] = None
    with pytest.raises(ReleaseError, match="no release yet"):
        await release_of(live)
    await live.look()
    assert not live.status().ready
    releases.live_releases["default"] = "r3"
    assert await release_of(live) == "r3"


async def test_an_unknown_collection_is_told_without_a_look_at_the_store(live: LiveAnswers, releases: Releases) -> None:
    with pytest.raises(ReleaseError, match="no collection 'other'"):
        async with live.use("other"):
            pass
    assert not releases.opened


async def test_named_releases_are_kept_open_up_to_a_number(live: LiveAnswers, releases: Releases) -> None:
    assert await release_of(live, "r2") == "r2"
    assert await release_of(live, "r3") == "r3"
    assert await release_of(live, "r2") == "r2"
    assert await release_of(live, "r4") == "r4"
    await until(lambda: releases.generators["r3"].given_back)
    assert not releases.generators["r2"].given_back
    assert releases.opened == ["r2", "r3", "r4"]
    with pytest.raises(ReleaseError):
        await release_of(live, "r")


async def test_a_named_release_that_is_live_is_not_opened_twice(live: LiveAnswers, releases: Releases) -> None:
    await release_of(live)
    assert await release_of(live, "r1") == "r1"
    assert releases.opened == ["r1"]


async def test_a_named_release_that_failed_is_tried_again(live: LiveAnswers, releases: Releases) -> None:
    sound = releases.answerers["r2"]
    releases.answerers["r2"] = IntegrityError("damaged")
    with pytest.raises(IntegrityError):
        await release_of(live, "r2")
    releases.answerers["r2"] = sound
    assert await release_of(live, "r2") == "r2"


async def test_changed_settings_open_releases_anew(live: LiveAnswers, releases: Releases) -> None:
    await release_of(live)
    await live.look()
    await release_of(live, "r2")
    releases.settings = "other rules"
    await live.look()
    await live.settled()
    await release_of(live)
    await release_of(live, "r2")
    assert releases.opened == ["r1", "r2", "r1", "r2"]


async def test_settings_that_cannot_be_used_are_reported(live: LiveAnswers, releases: Releases) -> None:
    releases.problem = "no such name"
    await live.look()
    assert live.status().settings_error == "no such name"
    releases.problem = None
    await live.look()
    assert live.status().settings_error == ""


async def test_a_caller_who_leaves_while_a_release_is_opened_does_not_stop_it(
    live: LiveAnswers, releases: Releases
) -> None:
    releases.gate.clear()
    leaving = asyncio.create_task(release_of(live))
    staying = asyncio.create_task(release_of(live))
    await asyncio.sleep(0)
    leaving.cancel()
    releases.gate.set()
    assert await staying == "r1"


async def test_it_follows_by_itself(releases: Releases) -> None:
    live = LiveAnswers(releases, ServeSettings(watch_seconds=0.001))
    live.start()
    await until(lambda: live.status().collections[0].release == "r1")
    releases.live_releases["default"] = "r5"
    await until(lambda: live.status().collections[0].release == "r5")
    await live.aclose()
    assert releases.generators["r5"].given_back


async def test_a_canary_answers_its_share_of_the_conversations_and_each_of_them_always(
    live: LiveAnswers, releases: Releases
) -> None:
    await release_of(live)
    releases.canaries["default"] = Canary(release="r2", base="r1", share=0.3)
    await live.look()
    await live.settled()
    names = [conversation_of("key", f"question {number}") for number in range(300)]

    async def ask(conversation: str) -> str:
        async with live.use("default", conversation=conversation) as served:
            return served.release

    first = [await ask(name) for name in names]
    assert 60 <= first.count("r2") <= 120
    assert [await ask(name) for name in names] == first
    assert await release_of(live) == "r1"
    assert await release_of(live, "r3") == "r3"


async def test_a_canary_that_is_over_is_closed_and_one_that_cannot_be_opened_answers_nothing(
    live: LiveAnswers, releases: Releases
) -> None:
    await release_of(live)
    releases.answerers["r3"] = IntegrityError("r3 is damaged")
    for release, answers in (("r2", "r2"), ("r3", "r1")):
        releases.canaries["default"] = Canary(release=release, base="r1", share=1.0)
        await live.look()
        await live.settled()
        async with live.use("default", conversation="c") as served:
            assert served.release == answers
    releases.canaries.clear()
    await live.look()
    await until(lambda: releases.generators["r2"].given_back)
    async with live.use("default", conversation="c") as served:
        assert served.release == "r1"


async def test_a_canary_does_not_outlive_the_release_that_it_is_compared_with(
    live: LiveAnswers, releases: Releases
) -> None:
    await release_of(live)
    releases.canaries["default"] = Canary(release="r2", base="r1", share=1.0)
    await live.look()
    await live.settled()
    releases.live_releases["default"] = "r3"
    await live.look()
    await live.settled()
    async with live.use("default", conversation="c") as served:
        assert served.release == "r3"
