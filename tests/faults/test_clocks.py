"""C7: the clock jumps, time stamps repeat or go back, and edits keep a file's size."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from index.catalogue import list_releases
from index.history import rollback
from index.pipeline import IngestRequest, ingest
from index.report import IngestReport
from tests.workspace import Workspace

pytestmark = pytest.mark.fault

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "note.md"


class ClockedWorkspace(Workspace):
    """A workspace whose clock shows what the test says."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.now = datetime.now(UTC)

    def run(self) -> IngestReport:
        """Ingest at the time that the clock shows."""
        environment = msgspec.structs.replace(self.environment(), now=lambda: self.now)
        return ingest(IngestRequest(), environment)

    def note(self, word: str, mtime: datetime | None = None) -> None:
        """Write the note; all words have one length, so that its size stays."""
        assert len(word) == 5
        self.write({NAME: f"# Note\n\nThe word of the day is {word}.\n"})
        if mtime is not None:
            stamp = int(mtime.timestamp() * 1e9)
            os.utime(self.docs / NAME, ns=(stamp, stamp))

    def word(self) -> str:
        """The word that a search finds."""
        [hit] = [hit for hit in self.search("word of the day") if hit.source == f"docs/{NAME}"]
        return hit.text.rpartition(" ")[2].rstrip(".\n")


@pytest.fixture
def workspace(tmp_path: Path) -> ClockedWorkspace:
    made = ClockedWorkspace(tmp_path)
    made.write({"other.md": "# Other\n\nSomething else entirely.\n"})
    return made


@pytest.mark.parametrize("jump", [-10 * 365 * DAY, -DAY, timedelta(0), DAY, 10 * 365 * DAY])
def test_an_edit_is_found_whatever_the_clock_does(workspace: ClockedWorkspace, jump: timedelta) -> None:
    workspace.note("apple")
    workspace.run()
    workspace.now += jump

    workspace.note("berry")
    report = workspace.run()

    assert report.plan["changed"] == 1
    assert workspace.word() == "berry"


def test_edits_that_keep_size_and_time_stamp_are_found(workspace: ClockedWorkspace) -> None:
    for word in ("apple", "berry", "cedar", "daisy"):
        workspace.note(word, START)
        report = workspace.run()

        assert report.published
        assert workspace.word() == word


def test_an_edit_that_keeps_its_time_stamp_is_found_also_when_the_cache_had_settled(
    workspace: ClockedWorkspace,
) -> None:
    workspace.note("apple", START)
    workspace.now += DAY
    assert workspace.run().published
    assert not workspace.run().published

    workspace.note("berry", START)

    assert workspace.run().published
    assert workspace.word() == "berry"


def test_time_stamps_that_go_back_are_found_and_cost_nothing_without_an_edit(workspace: ClockedWorkspace) -> None:
    workspace.note("apple", START)
    first = workspace.run()
    workspace.note("apple", START - 300 * DAY)
    assert workspace.run().release == first.release

    workspace.note("berry", START - 600 * DAY)
    report = workspace.run()

    assert report.plan["changed"] == 1
    assert workspace.word() == "berry"


def test_a_file_replaced_by_an_older_one_of_the_same_size_is_found(workspace: ClockedWorkspace) -> None:
    workspace.note("apple", START)
    workspace.run()
    (workspace.docs / NAME).unlink()
    workspace.note("berry", START - 900 * DAY)

    assert workspace.run().plan["changed"] == 1
    assert workspace.word() == "berry"


def test_releases_stay_unique_and_in_order_while_the_clock_jumps(workspace: ClockedWorkspace) -> None:
    ids, now = [], workspace.now
    for number, jump in enumerate((0, 5, -5, -5, 0, 400, -4000)):
        workspace.now = now + jump * DAY
        workspace.note(f"word{number}")
        ids.append(workspace.run().release)
        if number == 3:
            rollback(workspace.environment(), "default", None)

    releases = workspace.environment().releases("default")
    numbers = [manifest.number for manifest in releases.list()]

    assert len(set(ids)) == len(ids)
    assert [entry.id for entry in list_releases(releases).releases] == ids[::-1]
    assert numbers == sorted(set(numbers), reverse=True)
    assert workspace.word() == "word6"


def test_the_same_content_at_the_same_moment_is_another_release(workspace: ClockedWorkspace) -> None:
    workspace.note("apple")
    first = workspace.run().release
    (workspace.docs / "other.md").unlink()
    second = workspace.run().release
    rollback(workspace.environment(), "default", first)

    third = workspace.run().release

    assert len({first, second, third}) == 3
    assert workspace.open().manifest.id == third
    assert workspace.open(second).manifest.content == workspace.open().manifest.content
