"""C5: two writers of one collection at the same time."""

from __future__ import annotations

from multiprocessing.connection import wait
from pathlib import Path

import pytest

from tests.faults.crash_child import Fault, Pause, run
from tests.faults.harness import (
    Ended,
    command,
    live_id,
    make_event,
    make_workspace,
    read_end,
    read_state,
    run_case,
    start_process,
    write,
)

LIMIT = 60.0


class Writers:
    """Two writers that start together; the one that gets the lock stops while it plans, until it is told to go on.

    Args:
        root: the workspace.
        arguments: of both command lines.
    """

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self._go = make_event()
        pause = Pause("plan", make_event(), self._go)
        self._pair = [
            start_process(run, root, ("ingest", "--json", *arguments), root / f"writer{number}", Fault(), pause)
            for number in range(2)
        ]
        assert pause.reached.wait(LIMIT), "no writer got as far as its plan"

    def loser(self) -> tuple[Ended, int]:
        """How the one ended that did not get the lock, and the process id of the other."""
        ended = wait([process.sentinel for process in self._pair], LIMIT)
        assert len(ended) == 1
        first = 0 if self._pair[0].sentinel == ended[0] else 1
        return self._end(first), self._pair[1 - first].pid or 0

    def finish(self) -> list[Ended]:
        """Let the holder go on; how both ended."""
        self._go.set()
        return [self._end(number) for number in range(2)]

    def _end(self, number: int) -> Ended:
        process = self._pair[number]
        process.join(LIMIT)
        return read_end(self.root, -1 if process.exitcode is None else process.exitcode, f"writer{number}")


def prepare(root: Path) -> str:
    """A workspace with something live."""
    make_workspace(root)
    command(root, "ingest", "--json")
    return live_id(root)


def races(root: Path, rounds: int) -> None:
    """Race: one publishes, the other is told who holds the collection, and nothing else changes."""
    live = run_case(prepare, root)
    for number in range(rounds):
        write(root, {"edition.md": f"# Edition\n\nThis is edition {number} of the handbook.\n"})
        writers = Writers(root)
        loser, holder = writers.loser()
        assert loser.code == 1
        assert loser.report["error"]["type"] == "WriterBusyError"
        assert f"process {holder} on " in loser.report["error"]["message"]
        assert live_id(root) == live
        winner = next(ended for ended in writers.finish() if ended.code != 1)
        assert (winner.code, winner.report["published"], winner.report["parent"]) == (3, True, live)
        live = live_id(root)
        assert live == winner.report["release"]
    state = read_state(root)
    assert state is not None
    assert state.documents["docs/edition.md"].texts == (f"# Edition\n\nThis is edition {rounds - 1} of the handbook.",)


@pytest.mark.fault
def test_of_two_writers_one_publishes_and_the_other_is_told_who(tmp_path: Path) -> None:
    races(tmp_path / "workspace", 5)


@pytest.mark.campaign
def test_of_two_writers_one_publishes_in_each_of_100_races(tmp_path: Path) -> None:
    races(tmp_path / "workspace", 100)


@pytest.mark.fault
def test_a_writer_that_waits_goes_on_from_what_the_other_published(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    live = run_case(prepare, root)
    write(root, {"edition.md": "# Edition\n\nThis is the first edition.\n"})

    ended = Writers(root, "--wait", "60").finish()

    assert [one.code for one in ended] == [3, 3]
    assert sorted(one.report["published"] for one in ended) == [False, True]
    assert {one.report["release"] for one in ended} == {live_id(root)}
    assert live_id(root) != live
