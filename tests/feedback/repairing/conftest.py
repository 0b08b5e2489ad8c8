"""A live workspace with a stale document, built once and copied for every test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from feedback.workbench import Workbench
from tests.feedback.repairing.samples import bench_of, live_workspace
from tests.workspace import Workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace that answers from its stale document."""
    return live_workspace(tmp_path_factory.mktemp("repairing")).root


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    root = tmp_path / "workspace"
    shutil.copytree(built, root, copy_function=shutil.copy2)
    return Workspace(root)


@pytest.fixture
def bench(workspace: Workspace) -> Workbench:
    """Its workbench."""
    return bench_of(workspace)
