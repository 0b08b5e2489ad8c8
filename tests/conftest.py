"""What all tests share: no test measures time, property tests neither; and none is left out by the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ragpress", deadline=None)
settings.load_profile("ragpress")

ROOT = Path(__file__).parent.parent
SLOW_MARKERS = frozenset({"campaign", "data", "model", "process", "fault", "browser", "workspace", "vllm"})


def slow_folders() -> tuple[Path, ...]:
    """The folders that ``make unit`` does not read."""
    line = re.search(r"^SLOW_FOLDERS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line, "expected SLOW_FOLDERS in the Makefile"
    return tuple(ROOT / name for name in line[1].split())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that neither ``make unit`` nor ``make slow`` would run is an error, not a test that nobody misses."""
    folders = slow_folders()
    for item in items:
        inside = any(item.path.is_relative_to(folder) for folder in folders)
        if inside and not SLOW_MARKERS.intersection(marker.name for marker in item.iter_markers()):
            raise pytest.UsageError(
                f"{item.nodeid} has no marker of the slow tests and lies in a folder that `make unit` does not read. "
                "Mark it, or move it."
            )
