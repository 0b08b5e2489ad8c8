from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feedback.loop.budget import Budget, budget_of
from feedback.loop.rollbacks import went_back_to
from feedback.loop.state import LoopState, read_state
from index.environment import Environment
from index.findings import Cause, EventKind, Finding, LoopEvent, Proof, iso, record_event, record_findings
from index.release import LiveRecord
from index.repairs.records import Quarantine
from ragpress.loop_settings import LoopSettings
from tests.workspace import Workspace

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPAIR = Quarantine(collection="default", reason="why", by="me", at="", source="docs/a.md")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Workspace(tmp_path).environment()


def finding(name: str, case: str = "c1", proof: Proof | None = None) -> Finding:
    return Finding(
        finding_id=name,
        at=iso(NOW),
        collection="default",
        case_id=case,
        question="?",
        release="r00001-a",
        cause=Cause.STALE_DOCUMENT,
        confidence=0.9,
        repairs=(REPAIR,),
        proof=proof,
    )


def event(kind: EventKind, at: datetime = NOW, **fields: Any) -> LoopEvent:
    return LoopEvent(at=iso(at), collection="default", kind=kind, text="", **fields)


def test_a_finding_that_is_found_again_begins_anew(environment: Environment) -> None:
    record_findings(environment, [finding("f1", proof=Proof(fixed=True))])
    for kind in ("found", "waiting"):
        record_event(environment, event(kind, findings=("f1",)))
    assert read_state(environment, "default").states == {"f1": "waiting"}
    record_event(environment, event("found", findings=("f1",)))
    assert read_state(environment, "default").states == {"f1": "proven"}


def test_only_the_newest_finding_of_a_case_counts(environment: Environment) -> None:
    record_findings(environment, [finding("f1"), finding("f2"), finding("f3", "c2")])
    state = read_state(environment, "default")
    assert {one.finding_id for one in state.newest()} == {"f2", "f3"}
    found = state.of_case("c1")
    assert found is not None
    assert found.finding_id == "f2"


@pytest.mark.parametrize(("failures", "seconds"), [(1, 60), (2, 120), (4, 480), (12, 6 * 3600)])
def test_what_failed_is_tried_again_later_and_later(failures: int, seconds: int) -> None:
    events = tuple(event("failed", basis="b") for _ in range(failures))
    state = LoopState({}, events, {})
    assert not state.may_try("b", NOW + timedelta(seconds=seconds - 1))
    assert state.may_try("b", NOW + timedelta(seconds=seconds))
    assert state.may_try("other", NOW)


def test_repairs_that_were_taken_back_are_known(environment: Environment) -> None:
    record_findings(environment, [finding("f1")])
    assert read_state(environment, "default").taken_back([REPAIR]) is None
    record_event(environment, event("rejected", findings=("f1",)))
    state = read_state(environment, "default")
    taken = state.taken_back([REPAIR])
    assert taken is not None
    assert taken.kind == "rejected"
    other = Quarantine(collection="default", reason="", by="", at="", source="docs/b.md")
    assert state.taken_back([other]) is None
    assert state.taken_back([]) is None


def test_the_budget_is_what_24_hours_have_left() -> None:
    settings = LoopSettings(max_model_tokens=100, max_embeddings=10)
    old, new = NOW - timedelta(hours=25), NOW - timedelta(hours=23)
    events = [event("proven", old, embeddings=9), event("proven", new, embeddings=4, model_tokens=30)]
    left = budget_of(settings, events, NOW)
    assert (left.model_tokens, left.embeddings) == (70, 6)
    assert left.less(70, 1) == Budget(0, 5)


@pytest.mark.parametrize(
    ("lived", "release", "target"),
    [
        (["r1", "r2"], "r2", None),
        (["r1", "r2", "r3"], "r2", None),
        (["r1", "r2", "r1"], "r2", "r1"),
        (["r1", "r2", "r1", "r4"], "r2", "r1"),
        (["r1", "r2", "r3", "r1"], "r2", "r1"),
        (["r1", "r2", "r3", "r2"], "r2", None),
        (["r1", "r2", "r3", "r2", "r3"], "r2", None),
        (["r1", "r2", "r1", "r2", "r1"], "r2", "r1"),
        (["r1", "r2", "r3", "r1"], "r3", "r1"),
        (["r1", "r2", "r1", "r2"], "r2", None),
        (["r1"], "r2", None),
    ],
)
def test_a_rollback_is_read_from_the_history_of_the_live_pointer(
    lived: list[str], release: str, target: str | None
) -> None:
    history = tuple(lived[:-1][::-1])
    record = LiveRecord(release=lived[-1], previous=None, changed="", why="", history=history)
    assert went_back_to(record, release) == target
