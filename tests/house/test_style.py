"""Sizes that keep the code readable: functions up to 60 lines, files up to 500."""

from __future__ import annotations

import ast
import statistics
from functools import cache
from pathlib import Path

from tests.house.repository import ROOT, tracked_files

FILES = [path for path in tracked_files() if path.suffix == ".py" and not path.is_relative_to(ROOT / "tests")]


def function_sizes(path: Path) -> dict[str, int]:
    """Lines of every function, its docstring left out, by ``file:line name``."""
    sizes = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            name = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            sizes[name] = (node.end_lineno or 0) - node.lineno + 1 - docstring
    return sizes


@cache
def all_sizes() -> dict[str, int]:
    """Lines of every function of every file. Not at import: every process that collects tests would count them."""
    return {name: size for path in FILES for name, size in function_sizes(path).items()}


def test_no_function_is_longer_than_60_lines() -> None:
    assert [name for name, size in all_sizes().items() if size > 60] == []


def test_most_functions_are_short() -> None:
    ordered = sorted(all_sizes().values())
    assert statistics.median(ordered) < 10
    assert ordered[int(0.95 * (len(ordered) - 1))] < 40


def test_no_file_is_longer_than_500_lines() -> None:
    long = [str(path.relative_to(ROOT)) for path in FILES if path.read_text(encoding="utf-8").count("\n") > 500]
    assert long == []
