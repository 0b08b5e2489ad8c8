"""A live workspace with cases, built once and copied for every test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from index.pipeline import IngestRequest, ingest
from tests.evaluation.comparing.samples import SETTINGS, cased_workspace
from tests.workspace import Workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace whose documents are live; no evaluation is kept in it."""
    made = cased_workspace(tmp_path_factory.mktemp("built"))
    ingest(IngestRequest(), made.environment(judge=None))
    return made.root


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Workspace:
    """A copy of it."""
    root = tmp_path / "workspace"
    shutil.copytree(built, root)
    return Workspace(root, SETTINGS)
