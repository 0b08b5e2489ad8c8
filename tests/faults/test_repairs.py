"""C9: publishing a repair ends at any one of its writes; a second run does what is left, and nothing twice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.faults.crash_child import KILLED, Fault
from tests.faults.harness import Ended, command, copy, environment_of, forked, killed, run_case, run_cases

SEED = 20261122
NAME = "supersede-d45a2a41a77132ae"
TELLING = (f"{NAME}.json", "CHANGES.md", "live", "loop.jsonl", "manifest.json")
"""Names of the files that decide what a second run finds."""


class Prepared(msgspec.Struct, frozen=True):
    """A workspace with a proven finding, and how publishing its repair went undisturbed in a copy."""

    root: Path
    undisturbed: Ended
    state: tuple[str, ...]


class Point(msgspec.Struct, frozen=True):
    """One crash: the prepared workspace, where its copy goes, the number of the event."""

    prepared: Path
    root: Path
    at: int


class Kill(msgspec.Struct, frozen=True):
    """One SIGKILL: the prepared workspace, where its copy goes, seconds after the start."""

    prepared: Path
    root: Path
    seconds: float


class Outcome(msgspec.Struct, frozen=True):
    """What was seen after one crash."""

    at: int
    crashed: Ended
    answers: bool
    rerun: Ended
    state: tuple[str, ...]


def publish(root: Path, fault: Fault = Fault()) -> Ended:  # noqa: B008 - frozen
    return command(root, "repair", "--finding", "f1", "--apply", "--json", fault=fault)


def prepare(folder: Path) -> Prepared:
    """Make the workspace, and publish the repair once undisturbed in a copy."""
    root = folder / "workspace"
    root.mkdir()
    forked(_make, root)
    command(root, "repair", "--finding", "f1", "--json")
    twin = copy(root, folder / "twin")
    return Prepared(root, publish(twin), forked(state_of, twin))


def _make(root: Path) -> None:
    from index.findings import record_findings
    from tests.feedback.repairing.samples import finding, live_workspace, supersede

    workspace = live_workspace(root)
    live = workspace.environment().releases("default").live_id()
    repair = supersede("returns-2019.md", "returns-2025.md")
    record_findings(workspace.environment(), [finding(repair, release=live or "")])


def state_of(root: Path) -> tuple[str, ...]:
    """What is live, what stands in ``repairs/`` and ``cases/``, and what the log says went live."""
    from evaluation.cases.files import load_cases
    from index.changes import read_changes
    from index.findings import list_events
    from index.repairs.files import load_all
    from index.repairs.records import repair_id

    environment = environment_of(root)
    live = environment.releases("default").live()
    assert live is not None
    events = [event.kind for event in list_events(environment, "default", None)]
    cases = [f"{case.id} {case.state}" for case in load_cases(root, "default")]
    told = NAME in (read_changes(environment, live.id) or "")
    repairs = [repair_id(repair) for repair in load_all(root, "default")]
    published = f"published {events.count('published')}, applied {events.count('applied') <= 1}"
    return (live.content, *live.repairs, *repairs, *cases, f"told {told}", published)


def answers(root: Path) -> bool:
    """Whether something is live and can be read: the release before, or the one with the repair."""
    from index.environment import open_release

    opened = open_release(environment_of(root), "default", None)
    opened.load()
    return opened.manifest.gate.lets_through and opened.documents.num_rows == 5


def crash(point: Point) -> Outcome:
    """Crash the publication at one point, look, and run it again."""
    root = copy(point.prepared, point.root)
    crashed = publish(root, Fault(at=point.at))
    served = forked(answers, root)
    rerun = publish(root)
    outcome = Outcome(point.at, crashed, served, rerun, forked(state_of, root))
    shutil.rmtree(root)
    return outcome


def kill(case: Kill) -> tuple[bool, Ended, tuple[str, ...]]:
    """Kill the publication at one moment, and run it again."""
    root = copy(case.prepared, case.root)
    killed(root, ("repair", "--finding", "f1", "--apply", "--json"), case.seconds)
    served, rerun = forked(answers, root), publish(root)
    seen = (served, rerun, forked(state_of, root))
    shutil.rmtree(root)
    return seen


def kill_at_random(prepared: Prepared, folder: Path, times: int) -> None:
    chosen = random.Random(SEED)
    moments = [chosen.uniform(0.2, 4.0) for _ in range(times)]
    kills = [Kill(prepared.root, folder / str(number), at) for number, at in enumerate(moments)]
    for at, (served, rerun, state) in zip(moments, run_cases(kill, kills, 2), strict=True):
        where = f"seed {SEED}, killed after {at:.2f} s"
        assert served, where
        assert rerun.code == 0, f"{where}: {rerun.messages}"
        assert state == prepared.state, where


def crash_at(prepared: Prepared, folder: Path, points: Sequence[int]) -> None:
    for outcome in run_cases(crash, [Point(prepared.root, folder / str(at), at) for at in points], 2):
        where = f"event {outcome.at} ({outcome.crashed.log[-1:]})"
        finished = outcome.crashed.code == 0 and len(outcome.crashed.events) < outcome.at
        assert outcome.crashed.code == KILLED or finished, where
        assert outcome.answers, where
        assert outcome.rerun.code == 0, f"{where}: {outcome.rerun.messages}"
        assert outcome.state == prepared.state, where


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    made = run_case(prepare, tmp_path_factory.mktemp("repairs"))
    assert made.undisturbed.code == 0, made.undisturbed.messages
    assert made.undisturbed.report["published"] is True
    return made


def telling(prepared: Prepared) -> list[int]:
    """Numbers of the events that write what a second run looks at."""
    numbered = enumerate(prepared.undisturbed.events, 1)
    return [at for at, event in numbered if event.split()[1] in ("rename", "link") and event.endswith(TELLING)]


@pytest.mark.fault
def test_a_publication_that_ends_where_it_matters_is_finished_by_the_next(prepared: Prepared, tmp_path: Path) -> None:
    points = telling(prepared)
    assert len(points) >= 8
    assert NAME in prepared.state
    assert "feedback-1 accepted" in prepared.state
    crash_at(prepared, tmp_path, random.Random(SEED).sample(points, 4))
    kill_at_random(prepared, tmp_path, 2)


@pytest.mark.campaign
def test_a_publication_that_ends_anywhere_is_finished_by_the_next(prepared: Prepared, tmp_path: Path) -> None:
    every = range(1, len(prepared.undisturbed.events) + 1)
    crash_at(prepared, tmp_path, sorted({*telling(prepared), *random.Random(SEED).sample(every, 60)}))
    kill_at_random(prepared, tmp_path, 30)
