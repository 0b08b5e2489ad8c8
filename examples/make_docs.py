"""Write ``docs/settings.md`` and ``docs/cli.md`` from the code, so that they cannot fall behind it.

Run it with ``make docs``. A test compares the committed files with what this module renders.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
import typer
from typer.testing import CliRunner

from ragpress.cli import app
from ragpress.settings import FILE_NAME, AuditRule, CollectionSettings

DOCS = Path(__file__).parent.parent / "docs"
FIELD = re.compile(r"^(\w+): ", re.MULTILINE)


def settings_page() -> str:
    """Every setting with its default and meaning, as Markdown."""
    parts = [
        "# Settings",
        "<!-- Written by `make docs` from ragpress/settings.py. Don't edit. -->",
        f"Every setting of `{FILE_NAME}`. A workspace needs none of them but `sources.folders`. A table\n"
        "`[collections.NAME.SECTION]` overrides the common section for one collection. A name that is not listed\n"
        "here is an error, with the nearest valid name in its message.",
        "## `[workspace]`",
        "| setting | default | meaning |\n| --- | --- | --- |\n"
        "| `data_dir` | `.ragpress` | where derived data lives: a folder, or `s3://bucket/prefix`; the environment "
        "variable `RAGPRESS_DATA_DIR` overrides it |\n"
        "| `cache_dir` | the user's cache folder | what can be computed again, such as exported models; the "
        "environment variable `RAGPRESS_CACHE_DIR` overrides it |",
    ]
    defaults = CollectionSettings()
    for name in CollectionSettings.__struct_fields__:
        parts += _section(name, getattr(defaults, name))
    return "\n\n".join(parts) + "\n"


def cli_page() -> str:
    """The help of every command, as Markdown."""
    names = command_names()
    parts = [
        "# Command line",
        "<!-- Written by `make docs` from `ragpress --help`. Don't edit. -->",
        "Exit codes: 0 done, 1 failed, 2 usage, 3 done with quarantined documents, 4 the gate refused.\n"
        "With `--json` a command prints one JSON object on stdout; progress and logs go to stderr.",
        _help([]),
    ]
    for name in names:
        parts += [f"## `ragpress {' '.join(name)}`", _help(name)]
    return "\n\n".join(parts) + "\n"


def command_names() -> list[list[str]]:
    """Every command as its words, groups before their members, in the order of the help."""
    return _names(typer.main.get_command(app), [])


def main() -> None:
    """Write both pages."""
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


def _names(command: Any, words: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            found += [[*words, name], *_names(child, [*words, name])]
    return found


def _section(name: str, section: msgspec.Struct) -> list[str]:
    doc = inspect.cleandoc(type(section).__doc__ or "")
    summary, _, listed = doc.partition("Attributes:")
    meanings = _meanings(inspect.cleandoc(listed))
    rows = [
        f"| `{field}` | {_shown(getattr(section, field))} | {meanings[field]} |" for field in section.__struct_fields__
    ]
    return [
        f"## `[{name}]`",
        summary.strip(),
        "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *rows]),
    ]


def _meanings(listed: str) -> dict[str, str]:
    pieces = FIELD.split(listed)[1:]
    return {
        name: " ".join(text.split()).replace("``", "`").replace("|", "\\|")
        for name, text in zip(pieces[::2], pieces[1::2], strict=True)
    }


def _shown(value: Any) -> str:
    if isinstance(value, AuditRule):
        return f'`{{action = "{value.action}", threshold = {value.threshold:g}}}`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{msgspec.json.encode(value).decode()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _help(words: list[str]) -> str:
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    shown = CliRunner().invoke(app, [*words, "--help"], env=plain, prog_name="ragpress").stdout
    return "```text\n" + "\n".join(line.rstrip() for line in shown.strip().splitlines()) + "\n```"


if __name__ == "__main__":
    main()
