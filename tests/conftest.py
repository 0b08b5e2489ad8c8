"""What all tests share: no test measures time, property tests neither; none is left out by the Makefile; the slowest
begin first; one cache of real models.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from ingest.embed.atomic import ensure_folder
from tests.workspace import Workspace

settings.register_profile("ragpress", deadline=None)
settings.load_profile("ragpress")

ROOT = Path(__file__).parent.parent
SLOW_MARKERS = frozenset({"campaign", "data", "model", "process", "fault", "browser", "workspace", "vllm"})
SAMPLE_SETTINGS = '[sources]\nfolders = ["documents"]\n\n[workers]\nprocesses = 1\n'
DEAREST = (
    "house/test_demo.py",
    "faults/test_any_order.py",
    "evaluation/test_sample_cases.py",
    "faults/test_readers.py",
    "ingest/embed/test_models.py",
    "serving/evidence/test_evidence_quality.py",
    "faults/test_two_writers.py",
    "evaluation/metrics/test_answers.py",
    "benchmarks/test_history_small.py",
    "serving/evidence/test_sample_questions.py",
    "ragpress/test_cli.py",
    "feedback/test_end_to_end.py",
)
"""Files of which one test takes ten seconds or more, the slowest first: at the end one of them keeps a processor
waiting.
"""


def slow_folders() -> tuple[Path, ...]:
    """The folders that ``make unit`` does not read."""
    line = re.search(r"^SLOW_FOLDERS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line, "expected SLOW_FOLDERS in the Makefile"
    return tuple(ROOT / name for name in line[1].split())


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share; what is in it was built by ``ensure_folder``."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"


@pytest.fixture(scope="session")
def model_cache(shared_folder: Path) -> Path:
    """One cache for all tests of real models: an export takes half a minute."""
    given = os.environ.get("RAGPRESS_CACHE_DIR")
    return Path(given) if given else shared_folder / "models"


@pytest.fixture
def sample(shared_folder: Path, model_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with a copy of ``examples/sample`` in ``documents``, published once for all with the real model."""
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", str(model_cache))

    def build(folder: Path) -> None:
        shutil.copytree(ROOT / "examples" / "sample", folder / "documents")
        assert Workspace(folder, SAMPLE_SETTINGS).ingest().published

    shutil.copytree(ensure_folder(shared_folder / "sample", build), tmp_path, dirs_exist_ok=True)
    return Workspace(tmp_path, SAMPLE_SETTINGS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Reading the tests makes a million objects that stay; looking through them for garbage would take two fifths of
    the time, and a tenth of that of the tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """What libraries count as leaked at the end of a process is set free."""
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files come first. A test that neither ``make unit`` nor ``make slow`` would run is an error, not a
    test that nobody misses.
    """
    places = {ROOT / "tests" / name: place for place, name in enumerate(DEAREST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    folders = slow_folders()
    for item in items:
        inside = any(item.path.is_relative_to(folder) for folder in folders)
        if inside and not SLOW_MARKERS.intersection(marker.name for marker in item.iter_markers()):
            raise pytest.UsageError(
                f"{item.nodeid} has no marker of the slow tests and lies in a folder that `make unit` does not read. "
                "Mark it, or move it."
            )
