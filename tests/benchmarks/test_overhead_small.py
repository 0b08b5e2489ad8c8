"""The overhead benchmark runs, and asks what it says it asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.overhead import measure, workspace


@pytest.mark.workspace
def test_every_kind_of_question_is_asked_of_its_own_rows(tmp_path: Path) -> None:
    root = workspace(tmp_path / "made", 8)

    size = measure(root, 3)
    again = measure(workspace(root, 8), 1)

    cold, warm, half, filtered = size.costs
    assert [cost.questions for cost in size.costs] == [3, 3, 3, 3]
    assert cold.rows == warm.rows == size.chunks == again.chunks
    assert 0 < half.rows < cold.rows
    assert 0 < filtered.rows < half.rows
    assert all(cost.cpu_p50 <= cost.cpu_p95 and cost.wall_p50 <= cost.wall_p95 for cost in size.costs)
