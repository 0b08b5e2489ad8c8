"""The settings file of a new workspace."""

from __future__ import annotations

from pathlib import Path

from ragpress.settings import CollectionSettings, SourceSettings, load_workspace
from ragpress.starter import create_workspace


def test_every_value_it_shows_is_the_default(tmp_path: Path) -> None:
    settings = load_workspace(create_workspace(tmp_path / "new", [])).collection("default")
    assert settings == CollectionSettings(sources=SourceSettings(folders=("docs",)))
