"""What other packages offer under a name: found by entry points, loaded once, fingerprinted.

A package declares an entry point in one of the groups of ``docs/plugins.md``; a setting names it. What decides a
plugin's output is its distribution's version and, where its object has one, the attribute ``fingerprint``: a
change of either computes again what the plugin made, and nothing else.
"""

from __future__ import annotations

import difflib
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from ragpress.errors import SettingsError
from ragpress.fingerprint import hexdigest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PARSERS = "ragpress.parsers"
CHUNKERS = "ragpress.chunkers"


class Plugin(msgspec.Struct, frozen=True):
    """A plugin that was found and loaded.

    Attributes:
        name: its name in the settings.
        version: name and version of the distribution that brings it.
        fingerprint: decides what it gives: group, name, distribution, version and its own fingerprint.
        target: the object of its entry point.
    """

    name: str
    version: str
    fingerprint: str
    target: Any


@cache
def load_plugin(group: str, name: str) -> Plugin:
    """Find a plugin and import it.

    Args:
        group: the entry points' group, for example ``ragpress.parsers``.
        name: its name.

    Raises:
        SettingsError: no package offers it, several do, or it cannot be imported.
    """
    entry = _only_entry(group, name)
    try:
        target = entry.load()
    except Exception as error:
        raise SettingsError(
            f"The plugin {name!r} ({group}, {entry.value}) cannot be loaded: {type(error).__name__}: {error}. "
            f"Install what it needs, or take its name out of the settings."
        ) from error
    version = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    own = str(getattr(target, "fingerprint", ""))
    return Plugin(name, version, hexdigest("plugin", group, name, version, entry.value, own), target)


def _only_entry(group: str, name: str) -> EntryPoint:
    from importlib.metadata import entry_points  # noqa: PLC0415 - reads every installed package: only when needed

    offered = entry_points(group=group)
    found = {entry.value: entry for entry in offered if entry.name == name}
    if len(found) > 1:
        raise SettingsError(
            f"Several packages offer a plugin {name!r} in {group}: {', '.join(sorted(found))}. Uninstall all but one."
        )
    if not found:
        names = sorted({entry.name for entry in offered})
        near = difflib.get_close_matches(name, names, n=1)
        known = f"Did you mean {near[0]!r}?" if near else f"Installed: {', '.join(names) or 'none'}."
        raise SettingsError(
            f"No installed package offers a plugin {name!r} (entry points of the group {group}). {known} "
            "Install the package that brings it with pip into the environment of ragpress."
        )
    return next(iter(found.values()))
