"""The list of attacks names tests that exist, and every attack has one."""

from __future__ import annotations

import ast
import re

from tests.house.repository import ROOT

PAGE = ROOT / "docs" / "attacks.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """The cells of every attack in the page."""
    lines = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| "))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [row for row in cells if row[0] not in ("attack", "---")]


def test_every_attack_has_a_test_that_exists() -> None:
    known: dict[str, set[str]] = {}
    for attack, blocked, tests in rows():
        named = TEST.findall(tests)
        assert blocked, attack
        assert named, f"{attack} has no test"
        for file, name in named:
            if file not in known:
                tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
                known[file] = {
                    node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                }
            assert name in known[file], f"{attack}: there is no {file}::{name}"


def test_every_fault_of_the_service_is_in_the_list() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for fault in ("S1", "L1", "L2", "L3", "L4", "L5", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9"):
        assert re.search(rf"\(\b{fault}\b|\b{fault}[;)]", text), fault
    assert "make fuzz" in text


def test_every_test_of_an_attack_is_in_the_list() -> None:
    named = {name for row in rows() for _, name in TEST.findall(row[2])}
    for path in sorted((ROOT / "tests" / "attacks").glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert named & found, f"{path.name} is named nowhere"
