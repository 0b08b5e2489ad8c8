"""A running service follows releases and the settings file of a real workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ragpress.errors import ReleaseError
from ragpress.serve_settings import ServeSettings
from retrieval.access import ANYBODY, Principal
from serving.live import LiveAnswers
from serving.release_opening import ReleaseOpening
from serving.types import Answer, Question
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

OPEN = '\n[access.rules]\n"docs/leave.md" = ["hr"]\n'
SHUT = '\n[access.rules]\n"docs/leave.md" = []\n'
HR = Principal(groups=frozenset({"hr"}))
QUESTION = "How many days of annual leave does every employee have?"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, SETTINGS + OPEN)
    made.write({"leave.md": "# Leave\n\nEvery employee has 25 days of annual leave.\n"})
    made.ingest()
    return made


@asynccontextmanager
async def following(workspace: Workspace) -> AsyncIterator[LiveAnswers]:
    live = LiveAnswers(ReleaseOpening(workspace.environment()), ServeSettings())
    try:
        yield live
    finally:
        await live.aclose()


async def ask(live: LiveAnswers, caller: Principal = HR, release: str | None = None) -> Answer:
    async with live.use("default", release) as served:
        answer = await served.answerer.answer(Question(text=QUESTION, caller=caller))
        assert answer.release == served.release
        return answer


async def look(live: LiveAnswers) -> None:
    await live.look()
    await live.settled()


async def test_a_publish_and_a_rollback_are_followed_and_generators_stay(workspace: Workspace) -> None:
    async with following(workspace) as live:
        first = await ask(live)
        async with live.use("default") as before:
            workspace.write({"leave.md": "# Leave\n\nEvery employee has 31 days of annual leave.\n"})
            await asyncio.to_thread(workspace.ingest)
            await look(live)
            second = await ask(live)
            async with live.use("default") as after:
                names = [before.answerer.parts.generator, after.answerer.parts.generator]
            assert (await before.answerer.answer(Question(text=QUESTION, caller=HR))).answer == first.answer
        assert ("25 days" in first.answer, "31 days" in second.answer) == (True, True)
        assert len({id(vars(name)["_generator"]) for name in names}) == 1
        named = await ask(live, release=first.release[:-2])
        assert (named.release, named.answer) == (first.release, first.answer)


async def test_a_right_that_is_taken_back_is_gone_from_live_and_named_releases(workspace: Workspace) -> None:
    async with following(workspace) as live:
        release = (await ask(live)).release
        assert not (await ask(live)).abstained
        assert (await ask(live, ANYBODY)).abstained
        environment = live.environment
        workspace.configure(SETTINGS + SHUT)
        await look(live)
        assert (await ask(live)).abstained
        assert (await ask(live, release=release)).abstained
        assert live.environment is not environment
        assert live.environment.embedders is environment.embedders


@pytest.mark.parametrize(
    "text",
    [
        "no toml at all [",
        SETTINGS + "[retrieval]\nunknown = 1\n",
        SETTINGS + '[access.rules]\n"[" = []\n"!" = []\n',
        '[workspace]\ndata_dir = "elsewhere"\n' + SETTINGS,
    ],
)
async def test_settings_that_cannot_be_used_leave_the_former_ones(text: str, workspace: Workspace) -> None:
    async with following(workspace) as live:
        before = await ask(live)
        workspace.configure(text)
        await look(live)
        assert live.status().settings_error
        assert (await ask(live)).answer == before.answer
        assert (await ask(live, ANYBODY)).abstained
        await look(live)
        assert live.status().settings_error
        workspace.configure(SETTINGS + OPEN)
        await look(live)
        assert live.status().settings_error == ""


async def test_a_file_that_is_away_for_a_moment_changes_nothing(workspace: Workspace) -> None:
    async with following(workspace) as live:
        before = await ask(live)
        (workspace.root / "ragpress.toml").unlink()
        await look(live)
        assert (await ask(live)).answer == before.answer


async def test_a_new_collection_is_served_and_one_that_is_gone_is_not(workspace: Workspace) -> None:
    async with following(workspace) as live:
        with pytest.raises(ReleaseError):
            async with live.use("more"):
                pass
        workspace.configure(SETTINGS + OPEN + '[collections.more.sources]\nfolders = ["docs"]\n')
        await look(live)
        with pytest.raises(ReleaseError, match="no release yet"):
            async with live.use("more"):
                pass
        await asyncio.to_thread(workspace.ingest, collection="more")
        async with live.use("more") as served:
            assert served.collection == "more"
        workspace.configure(SETTINGS + OPEN)
        await look(live)
        with pytest.raises(ReleaseError, match="no collection"):
            async with live.use("more"):
                pass
