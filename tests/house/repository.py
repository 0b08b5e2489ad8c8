"""What the tests of the house read: tracked files, pyproject.toml, commands in documents."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def tracked_files() -> list[Path]:
    """Every file that git tracks and that still exists."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def pyproject() -> dict[str, Any]:
    """The project's table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wheel_packages() -> list[str]:
    """Top-level packages that the wheel ships."""
    packages: list[str] = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return packages


def commands(page: Path, program: str) -> list[list[str]]:
    """Words of every line in a page's code blocks that starts with a program (``$ `` before it is allowed)."""
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    lines = [line.removeprefix("$ ").split("#")[0].split() for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == program]


def make_targets() -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
