"""C9: the worker is killed at random points of a round; it continues, and does nothing twice.

Half of the kills are SIGKILL at a random moment; as a busy machine shifts those to the early steps, the others end the
process on the spot, without any cleaning up, at a random write, rename or fsync of the round.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from index.findings import list_events, list_findings
from index.repairs import files
from index.repairs.records import repair_id
from serving.journal.answers import AnswerJournal, FeedbackQuery
from tests.faults.crash_child import KILLED, Fault
from tests.faults.harness import (
    Ended,
    command,
    copy,
    environment_of,
    forked,
    killed,
    leftovers,
    run_case,
    run_cases,
)
from tests.feedback.loop.looped import DOCUMENTS, LOOP, Looped

SEED = 20261122
ROUNDS = 6
WORKER = ("worker", "--once", "--json")
PARKING = "How much is an hour of parking at the north gate?"
MORE = {
    "parking/rules-2020.md": (
        "# Parking at the north gate\n\nValid from March 2020.\n\nAn hour of parking at the north gate is 2 euro. "
        "Bicycles park free of charge at the north gate. The barrier opens at five.\n"
    ),
    "parking/rules-2024.md": (
        "# Parking at the north gate\n\nValid from March 2024.\n\nOne hour costs 3 euro now. "
        "Bicycles park free of charge at the north gate. The barrier opens at five.\n"
    ),
}


class Outcome(msgspec.Struct, frozen=True):
    """What is to be the same however often the worker was killed.

    Attributes:
        content: digest of what is live.
        repairs: ids of the repairs in ``repairs/``, sorted.
        in_force: ids of the repairs that the live release was built with.
        published: for each finding that went live, how many events say so.
        cases: ids of the cases with a finding.
        feedback: ids of the feedback in the journal.
    """

    content: str
    repairs: tuple[str, ...]
    in_force: tuple[str, ...]
    published: tuple[int, ...]
    cases: tuple[str, ...]
    feedback: tuple[str, ...]


class Prepared(msgspec.Struct, frozen=True):
    """A workspace with complaints, what an undisturbed worker makes of it, in how many seconds and disk events."""

    root: Path
    undisturbed: Outcome
    seconds: float
    events: int


class Kill(msgspec.Struct, frozen=True):
    """One kill: a prepared workspace, where its copy goes, and the point: seconds after the start, or a disk event."""

    prepared: Path
    root: Path
    seconds: float = 0.0
    event: int = 0


class Survived(msgspec.Struct, frozen=True):
    """What was seen after a kill: how the worker ended, what it left running, the rounds after it, and the outcome."""

    ended: Ended
    last: str
    orphans: list[int]
    rounds: int
    outcome: Outcome
    scratch: list[str]


def prepare(folder: Path) -> Prepared:
    """Complaints about two stale documents, and a source that changed; the undisturbed worker in a copy of it."""
    root = folder / "workspace"
    root.mkdir(parents=True)
    forked(complain, root)
    twin = copy(root, folder / "undisturbed")
    began = time.monotonic()
    first = command(twin, *WORKER)
    seconds = time.monotonic() - began
    assert first.code == 0, first
    finish(twin)
    return Prepared(root, forked(outcome_of, twin), seconds, len(first.events))


def complain(root: Path) -> None:
    """Write the workspace, ask, and say what was wrong."""
    looped = Looped(root, LOOP, {**DOCUMENTS, **MORE})
    looped.complain(looped.ask())
    looped.complain(looped.ask(PARKING), "One hour costs 3 euro now.")
    looped.workspace.write({"warehouse.md": DOCUMENTS["warehouse.md"].replace("forty", "fifty")})
    old = time.time() - 60
    for path in (root / "docs").rglob("*.md"):
        os.utime(path, (old, old))
    looped.close()


def finish(root: Path) -> int:
    """Run the worker until it finds nothing to do; returns how many rounds that took."""
    for number in range(1, ROUNDS + 1):
        ended = command(root, *WORKER)
        assert ended.code == 0, ended.messages
        (report,) = ended.report["rounds"]
        if not (report["found"] or report["proven"] or report["published"] or report["ingested"] or report["left"]):
            return number
    raise AssertionError(f"after {ROUNDS} rounds the worker still finds something to do: {report}")


def outcome_of(root: Path) -> Outcome:
    """Read what became of a workspace."""
    environment = environment_of(root)
    live = environment.releases("default").live()
    assert live is not None
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    told = Counter(
        name
        for event in list_events(environment, "default", limit=None)
        if event.kind == "published"
        for name in event.findings
    )
    return Outcome(
        content=live.content,
        repairs=tuple(sorted(repair_id(repair) for repair in files.load_all(root, "default"))),
        in_force=live.repairs,
        published=tuple(sorted(told.values())),
        cases=tuple(sorted({finding.case_id for finding in list_findings(environment)})),
        feedback=tuple(sorted(one.id for one in journal.feedback(FeedbackQuery(limit=None)))),
    )


def kill(case: Kill) -> Survived:
    """Kill a worker in a copy of the workspace, then let others continue."""
    copy(case.prepared, case.root)
    if case.event:
        ended, orphans = command(case.root, *WORKER, fault=Fault(at=case.event)), list[int]()
    else:
        ended, orphans = killed(case.root, WORKER, case.seconds)
    last = next(iter(list_kinds(case.root)), "nothing")
    rounds = finish(case.root)
    return Survived(ended, last, orphans, rounds, forked(outcome_of, case.root), leftovers(case.root))


def list_kinds(root: Path) -> list[str]:
    """Kinds of the loop's events, newest first."""
    return forked(_kinds, root)


def _kinds(root: Path) -> list[str]:
    return [event.kind for event in list_events(environment_of(root), "default", limit=None)]


def kill_all(prepared: Prepared, folder: Path, count: int) -> list[Survived]:
    """Kill workers at random points, and check what became of each."""
    generator = random.Random(SEED)
    cases = []
    for number in range(count):
        root = folder / str(number)
        if number % 2:
            # Some of them after its end, as rounds are slower under load.
            cases.append(Kill(prepared.root, root, seconds=generator.uniform(0.1, 1.5) * prepared.seconds))
        else:
            cases.append(Kill(prepared.root, root, event=generator.randint(1, prepared.events)))
    survived = run_cases(kill, cases, processes=2)
    for one in survived:
        where = f"killed after {one.last}, {one.ended.log[-1:]}"
        assert one.ended.code in (-9, KILLED, 0), f"{where}: {one.ended}"
        assert one.orphans == [], where
        assert one.outcome == prepared.undisturbed, where
    return survived


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return run_case(prepare, tmp_path_factory.mktemp("worker"))


@pytest.mark.fault
def test_an_undisturbed_worker_publishes_each_repair_once(prepared: Prepared) -> None:
    outcome = prepared.undisturbed
    assert len(outcome.repairs) >= 2
    assert outcome.in_force == outcome.repairs
    assert set(outcome.published) == {1}
    assert len(outcome.published) == len(outcome.cases) == len(outcome.feedback) == 2


@pytest.mark.fault
def test_a_killed_worker_continues_and_does_nothing_twice(prepared: Prepared, tmp_path: Path) -> None:
    survived = kill_all(prepared, tmp_path, 4)
    assert any(one.ended.code != 0 for one in survived)


@pytest.mark.campaign
def test_fifty_killed_workers_continue_and_do_nothing_twice(prepared: Prepared, tmp_path: Path) -> None:
    survived = kill_all(prepared, tmp_path, 50)
    last = Counter(one.last if one.ended.code else "(finished before)" for one in survived)
    print(f"\nseed {SEED}: {len(survived)} workers, killed after {dict(last)}")
    assert last.total() == 50
    assert len(last) >= 4
