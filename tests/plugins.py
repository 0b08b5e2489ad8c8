"""Installs a package for one test: modules and entry points, seen by this process and by parser workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ragpress.plugins import load_plugin


class PluginFolder:
    """A folder that counts as installed.

    Args:
        folder: an empty one.
        monkeypatch: puts it on the paths for as long as the test runs.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    def install(self, name: str, code: str, entry_points: Mapping[str, str], version: str = "1.0") -> None:
        """Install a package of one module, or another version of it.

        Args:
            name: of the distribution and of its module.
            code: the module.
            entry_points: group → ``name = module:object``.
            version: of the distribution.
        """
        (self.folder / f"{name}.py").write_text(code, encoding="utf-8")
        self.declare(name, entry_points, version)

    def declare(self, name: str, entry_points: Mapping[str, str], version: str = "1.0") -> None:
        """Declare a distribution whose modules are already there."""
        for old in self.folder.glob(f"{name}-*.dist-info"):
            old.rename(old.with_suffix(".old"))
        dist = self.folder / f"{name}-{version}.dist-info"
        dist.mkdir()
        (dist / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
        groups = [f"[{group}]\n{line}\n" for group, line in entry_points.items()]
        (dist / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
        self.forget()

    def forget(self) -> None:
        """Forget what was loaded, as a new process has."""
        load_plugin.cache_clear()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(self.folder) + os.sep):
                del sys.modules[name]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginFolder]:
    """An empty folder of plugins."""
    made = PluginFolder(tmp_path / "plugins", monkeypatch)
    yield made
    made.forget()
