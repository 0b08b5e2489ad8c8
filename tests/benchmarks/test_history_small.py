"""The first steps of a real edit history: what benchmarks.history shows of all of them must hold in every commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.history import OVERLAP_GOAL, EndResult, Replay, StepResult
from benchmarks.snapshots import DATA

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.exists(), reason="the edit history docs_history_fastapi is not beside the repository"),
]
# Never compacted by itself, so that what deleted rows do to the ranking can be seen.
KEEP_DELETED = "[index]\ncompact_deleted = 1.0\n"


class Replayed:
    """A replay of the first snapshot and two steps, and of the small changes after it."""

    def __init__(self, folder: Path) -> None:
        replay = Replay(folder, "hashing", KEEP_DELETED)
        self.steps: list[StepResult] = [replay.step() for _ in range(3)]
        self.end: EndResult = replay.end()


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return Replayed(tmp_path_factory.mktemp("history"))


def test_an_incremental_release_holds_what_a_fresh_build_holds(replayed: Replayed) -> None:
    assert [step.same_content for step in replayed.steps] == [True, True, True]
    assert replayed.steps[0].documents == 235
    assert [step.plan["added"] for step in replayed.steps] == [235, 4, 1]
    assert [step.plan["deleted"] for step in replayed.steps] == [0, 0, 5]


def test_exactly_the_new_chunk_texts_are_embedded(replayed: Replayed) -> None:
    assert [step.embedded for step in replayed.steps] == [step.texts_new for step in replayed.steps]
    assert 0 < replayed.steps[1].embedded < replayed.steps[1].chunks / 20


def test_once_compacted_it_answers_as_a_fresh_build(replayed: Replayed) -> None:
    assert [(step.compact_same, step.queries) for step in replayed.steps] == [(50, 50)] * 3


def test_deleted_rows_hardly_move_the_ranking(replayed: Replayed) -> None:
    assert replayed.steps[2].lexical_deleted_share > 0.2
    assert not any(step.compacted for step in replayed.steps)
    assert min(step.overlap for step in replayed.steps) >= OVERLAP_GOAL - 1e-9


def test_deleted_text_is_never_found(replayed: Replayed) -> None:
    assert min(step.canaries for step in replayed.steps[1:]) > 0
    assert [step.stale for step in replayed.steps] == [0, 0, 0]


def test_a_run_without_changes_computes_reads_and_writes_nothing(replayed: Replayed) -> None:
    assert [step.quiet for step in replayed.steps] == [(), (), ()]


def test_touching_renaming_and_new_settings_compute_only_what_they_must(replayed: Replayed) -> None:
    assert replayed.end.missed == ()
    assert replayed.end.counts["renamed files"] > 0
    assert replayed.end.counts["cut again after it"] < replayed.end.counts["touched files"] / 4
