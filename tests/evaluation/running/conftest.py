"""A published workspace for every test; it is ingested once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.evaluation.running.samples import workspace
from tests.workspace import Workspace


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("published")).root


@pytest.fixture
def made(published: Path, tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    shutil.copytree(published, root)
    return Workspace(root, (root / "ragpress.toml").read_text(encoding="utf-8"))
