from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of real models, because an export takes seconds."""
    given = os.environ.get("RAGPRESS_CACHE_DIR")
    return Path(given) if given else tmp_path_factory.mktemp("models")
