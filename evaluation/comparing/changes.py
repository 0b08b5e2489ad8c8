"""What a person wants to try: another prompt version, other settings. Values are written as in ``ragpress.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec

from ragpress.errors import SettingsError, UsageError
from ragpress.settings import CollectionSettings, with_changes

OPTION = "--set"
SEALED = ("retrieval", "rerank", "context", "answer", "generator", "access")
"""Sections that no chunk depends on: what is live can be asked under other ones at once."""

BUILT = ("sources", "parse", "clean", "audit", "chunk", "embed", "index")
"""Sections that the index depends on: a candidate is built."""

_INDEX = "index"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried.

    Attributes:
        prompt: name of a prompt version; None leaves the prompt.
        settings: settings that differ, by section.
        texts: the same as they were typed, for labels.
    """

    prompt: str | None = None
    settings: dict[str, dict[str, Any]] = {}
    texts: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether nothing is to be changed."""
        return self.prompt is None and not self.settings

    @property
    def builds(self) -> bool:
        """Whether a candidate must be built: the index depends on what is changed."""
        return any(section in BUILT for section in self.settings)

    @property
    def relays(self) -> bool:
        """Whether it changes how the index is stored, which only a compaction brings about."""
        return _INDEX in self.settings

    @property
    def label(self) -> str:
        """What reports call it, for example ``prompt brief, retrieval.k=5``."""
        named = () if self.prompt is None else (f"prompt {self.prompt}",)
        return ", ".join((*named, *self.texts))


def parse_change(prompt: str | None, options: Sequence[str]) -> Change:
    """Read what was typed.

    Args:
        prompt: name of a prompt version.
        options: ``SECTION.NAME=VALUE``, each value as in TOML; a word that is no TOML is taken as text.

    Raises:
        UsageError: one is not of this form, or a setting is given twice.
        SettingsError: a section decides no answer.
    """
    settings: dict[str, Any] = {}
    for option in options:
        name, equals, value = option.partition("=")
        path = _path(name)
        if not equals or len(path) < 2:
            raise UsageError(f"{OPTION} {option!r}: expected SECTION.NAME=VALUE, for example chunk.max_tokens=128.")
        _check_section(path[0])
        table = settings
        for part in path[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise UsageError(f"{OPTION} {option!r}: {part!r} was given a value already.")
        if path[-1] in table:
            raise UsageError(f"{OPTION} {option!r}: {name.strip()} was given a value already.")
        table[path[-1]] = _value(value)
    return Change(prompt=prompt, settings=settings, texts=tuple(option.strip() for option in options))


def changed(settings: CollectionSettings, change: Change) -> CollectionSettings:
    """A collection's settings with the change.

    Raises:
        SettingsError: a name or a value is wrong.
    """
    return with_changes(settings, change.settings, OPTION) if change.settings else settings


def _check_section(name: str) -> None:
    known = (*SEALED, *BUILT)
    if name in CollectionSettings.__struct_fields__ and name not in known:
        raise SettingsError(
            f"{OPTION} {name}: [{name}] decides no answer, so there is nothing to compare. "
            f"Change it in ragpress.toml. What can be tried: {', '.join(known)}."
        )


def _path(name: str) -> list[str]:
    """The parts of a dotted name; TOML's own reader knows quoted ones."""
    try:
        table: Any = tomllib.loads(f"{name.strip()} = 0")
    except tomllib.TOMLDecodeError:
        return []
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        part, table = next(iter(table.items()))
        parts.append(part)
    return parts if table == 0 else []


def _value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    return table["value"] if len(table) == 1 else text.strip()
