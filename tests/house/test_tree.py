"""What must hold for every tracked file and every package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import DEAREST
from tests.house.repository import ROOT, tracked_files, wheel_packages

MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:home|Users|root|work|tmp)/\w")
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ".cfg", ""}
PACKAGES = sorted(path.parent for name in wheel_packages() for path in (ROOT / name).rglob("__init__.py"))


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in TEXT and not path.is_relative_to(ROOT / "examples" / "sample")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_the_path_pattern_finds_one() -> None:
    assert MACHINE_PATH.search("see " + "/".join(["", "home", "someone", "notes"]))
    assert not MACHINE_PATH.search("https://example.org/work/of/art")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_says_what_it_does(package: Path) -> None:
    doc = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert doc is not None
    assert len(doc.split()) >= 5


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_all_names_what_the_package_has(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text(encoding="utf-8"))
    assigned = [
        node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    listed = [name for node in assigned for name in ast.literal_eval(node.value)]
    present = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    present |= {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert sorted(set(listed) - present) == []
    assert len(listed) == len(set(listed))


def test_generated_folders_are_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"demo-run/", ".ragpress/", ".mypy_cache/"} <= set(ignored)


def test_the_files_that_begin_first_exist() -> None:
    assert [name for name in DEAREST if not (ROOT / "tests" / name).is_file()] == []
