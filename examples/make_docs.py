"""Write ``docs/settings.md``, ``docs/cli.md`` and ``docs/modules.md`` from the code, so that they never fall behind.

Run it with ``make docs``. A test compares the committed files with what this module renders.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import typer
from typer.testing import CliRunner

from ragpress.cli import app
from ragpress.settings import FILE_NAME, AuditRule, CollectionSettings, ServiceSettings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SENTENCE_END = re.compile(r"(?<=[a-z\d)`])\. (?=[A-Z])")
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
    service = ServiceSettings()
    for name in ServiceSettings.__struct_fields__:
        parts += _section(name, getattr(service, name))
    return "\n\n".join(parts) + "\n"


def cli_page() -> str:
    """The help of every command, as Markdown."""
    command = typer.main.get_command(app)
    parts = [
        "# Command line",
        "<!-- Written by `make docs` from `ragpress --help`. Don't edit. -->",
        "Exit codes: 0 done, 1 failed, 2 usage, 3 done with quarantined documents, 4 the gate refused.\n"
        "With `--json` a command prints one JSON object on stdout; progress and logs go to stderr.",
        _help(command, []),
    ]
    for name in _names(command, []):
        parts += [f"## `ragpress {' '.join(name)}`", _help(command, name)]
    return "\n\n".join(parts) + "\n"


def command_names() -> list[list[str]]:
    """Every command as its words, groups before their members, in the order of the help."""
    return _names(typer.main.get_command(app), [])


def modules_page() -> str:
    """Every module of the packages that the wheel ships, with the first sentence of its docstring, as Markdown."""
    parts = [
        "# Modules",
        "<!-- Written by `make docs` from the modules' docstrings. Don't edit. -->",
        "Every module, one line each. How they work together: [architecture.md](architecture.md).",
    ]
    for package in _packages():
        files = sorted((ROOT / package).glob("*.py"))
        rows = [f"- [`{file.name}`](../{package}/{file.name}): {_first_sentence(file)}" for file in files]
        if rows:
            parts += [f"## `{package}/`", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the pages."""
    (DOCS / "modules.md").write_text(modules_page(), encoding="utf-8")
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


def _packages() -> list[str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tops = table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    found = (path.parent for top in tops for path in sorted((ROOT / top).rglob("__init__.py")))
    return [path.relative_to(ROOT).as_posix() for path in found]


def _first_sentence(file: Path) -> str:
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(doc.partition("\n\n")[0].split())
    return SENTENCE_END.split(paragraph)[0].rstrip(".").replace("``", "`") + "."


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


def _help(command: Any, words: list[str]) -> str:
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    # not ``invoke``: it builds all commands anew for each help
    with CliRunner().isolation(env=plain) as (output, *_):
        with contextlib.suppress(SystemExit):
            command.main([*words, "--help"], prog_name="ragpress")
        sys.stdout.flush()
        shown = output.getvalue().decode()
    return "```text\n" + "\n".join(line.rstrip() for line in shown.strip().splitlines()) + "\n```"


if __name__ == "__main__":
    main()
