"""constraints.txt pins everything exactly, and nothing in it wants a GPU or names a host."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.repository import ROOT, pyproject

LINES = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PINNED = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in LINES}


def test_every_line_is_an_exact_pin() -> None:
    wrong = [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)]
    assert wrong == []
    assert len(PINNED) == len(LINES) > 50


def test_no_pin_brings_cuda() -> None:
    assert [name for name in PINNED if re.search(r"nvidia|cuda|cudnn|nccl|triton", name)] == []
    assert PINNED[canonicalize_name("torch")] == "2.13.0"


@pytest.mark.parametrize("group", ["runtime", "test"])
def test_every_dependency_is_pinned_within_its_bounds(group: str) -> None:
    project = pyproject()["project"]
    wanted = project["dependencies"] if group == "runtime" else project["optional-dependencies"][group]
    wrong = []
    for requirement in map(Requirement, wanted):
        version = PINNED.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            wrong.append(f"{requirement} is pinned to {version}; run: make lock")
    assert wrong == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "Makefile", ".ci/run"])
def test_no_package_index_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"--(?:extra-)?index-url|--find-links|https?://\S*(?:simple|whl)\b", text) == []
