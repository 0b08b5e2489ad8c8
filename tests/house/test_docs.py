"""Documents say what the code does: commands exist, generated pages are current, links lead somewhere."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
import typer

from examples.make_docs import cli_page, command_names, modules_page, settings_page
from ragpress.cli import app
from tests.house.repository import ROOT, commands, make_targets, tracked_files, wheel_packages

PAGES = [path for path in tracked_files() if path.suffix == ".md" and path.parent in (ROOT, ROOT / "docs")]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
MEMBERS = vars(typer.main.get_command(app))["commands"]
GROUPS_BY_THEMSELVES = {name for name in MEMBERS if vars(MEMBERS[name]).get("invoke_without_command")}
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@cache
def known_commands() -> frozenset[tuple[str, ...]]:
    """The words of every command."""
    return frozenset(tuple(words) for words in command_names())


def relative(path: Path) -> str:
    """A test's id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_in_a_page_exists(page: Path) -> None:
    named = {word for words in commands(page, "make") for word in words if "=" not in word}
    assert sorted(named - make_targets()) == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_ragpress_command_in_a_page_exists(page: Path) -> None:
    known = known_commands()
    groups = {words[0] for words in known if len(words) == 2}
    named = [words for words in commands(page, "ragpress") if words and not words[0].startswith("-")]
    assert [words for words in named if _command(words, groups) not in known] == []


def _command(words: list[str], groups: set[str]) -> tuple[str, ...]:
    """The command that a line runs; a group that runs without a member takes options in the member's place."""
    by_itself = words[0] in GROUPS_BY_THEMSELVES and words[1:2] and words[1].startswith("-")
    return tuple(words[: 2 if words[0] in groups and not by_itself else 1])


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_local_link_leads_to_a_file(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readmes_show_commands_at_all() -> None:
    for page in READMES:
        assert {"demo", "test"} <= {word for words in commands(page, "make") for word in words}
        assert commands(page, "ragpress")


def test_both_readmes_show_the_same_commands() -> None:
    for program in ("make", "ragpress", "DOCS=folder"):
        english, chinese = (commands(page, program) for page in READMES)
        assert english == chinese


def test_the_settings_page_is_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page(), "run: make docs"


def test_the_command_line_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH"):
        monkeypatch.delenv(name, raising=False)
    assert os.environ.get("TERMINAL_WIDTH") is None
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page(), "run: make docs"


def test_the_module_page_is_current() -> None:
    assert (ROOT / "docs" / "modules.md").read_text(encoding="utf-8") == modules_page(), "run: make docs"


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [name for name in wheel_packages() if f"`{name}/" not in text] == []


def test_every_module_that_make_runs_exists() -> None:
    modules = re.findall(r"-m ((?:benchmarks|examples)\.[a-z_]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(modules) >= 5
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []
