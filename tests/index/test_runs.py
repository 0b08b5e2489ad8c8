"""The journal of runs: what a run reported, also one that failed, also where it cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.pipeline import IngestRequest, ingest
from index.runs import list_runs, recorded_run
from ragpress.errors import SettingsError, StorageError, WriterBusyError
from ragpress.storage import disk
from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"tea.md": "# Tea\n\nTea is at four.\n"})
    return made


def run(workspace: Workspace, warnings: list[str]) -> None:
    environment = workspace.environment()
    with recorded_run(environment, "default", warnings.append) as outcome:
        outcome.report = ingest(IngestRequest(), environment)


def test_runs_are_kept_also_those_that_change_nothing(workspace: Workspace) -> None:
    warnings: list[str] = []
    for _ in range(2):
        run(workspace, warnings)

    newest, first = list_runs(workspace.environment(), "default")
    assert warnings == []
    assert first.report is not None
    assert first.report.published
    assert first.report.plan["added"] == 1
    assert newest.report is not None
    assert newest.report.plan["unchanged"] == 1
    assert (newest.exit_code, newest.error) == (0, None)
    assert first.at <= first.finished
    assert list_runs(workspace.environment(), "other") == []
    assert list_runs(workspace.environment(), limit=1) == [newest]


@pytest.mark.parametrize(
    ("error", "code"), [(WriterBusyError("busy"), 1), (SettingsError("wrong"), 2), (OSError("x"), 1)]
)
def test_a_failed_run_is_kept_with_its_error(workspace: Workspace, error: Exception, code: int) -> None:
    with pytest.raises(type(error)), recorded_run(workspace.environment(), "default", print):
        raise error

    (kept,) = list_runs(workspace.environment())
    assert kept.error is not None
    assert (kept.error.kind, kept.error.message) == (type(error).__name__, str(error))
    assert (kept.exit_code, kept.report) == (code, None)


def test_a_journal_that_cannot_be_written_fails_no_run(workspace: Workspace) -> None:
    def refuse(event: str, path: Path) -> None:
        if event == "before write" and path.suffix == ".jsonl":
            raise StorageError(f"Cannot write {path}: No space left on device.")

    warnings: list[str] = []
    disk.set_observer(refuse)
    try:
        run(workspace, warnings)
    finally:
        disk.set_observer(None)

    assert len(warnings) == 1
    assert "No space left" in warnings[0]
    assert workspace.search("tea")[0].source == "docs/tea.md"


def test_many_runs_share_a_file(workspace: Workspace) -> None:
    for _ in range(40):
        with recorded_run(workspace.environment(), "default", print):
            pass

    assert len(list_runs(workspace.environment(), limit=None)) == 40
    assert len(list(workspace.environment().journal("runs").folder.iterdir())) < 15
