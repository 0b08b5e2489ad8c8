"""Cheap looks at whether anything happened: sizes of files and names, never their contents."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from feedback.workbench import Workbench
from index.findings import FINDINGS, LOOP
from ragpress.settings import FILE_NAME
from ragpress.storage.journal_lines import LINES_SUFFIX
from serving.journal.answers import ANSWERS, FEEDBACK

Sizes: TypeAlias = dict[str, tuple[int, int]]
"""Size and time stamp (ns) of files by path."""


class Noticer:
    """Compares files with how they were at the last look.

    Args:
        bench: the collection.
    """

    def __init__(self, bench: Workbench) -> None:
        environment = bench.environment
        root = environment.workspace.root
        self._journals = {kind: environment.journal(kind).folder for kind in (ANSWERS, FEEDBACK, FINDINGS, LOOP)}
        self._folders = {"repairs": root / "repairs", "cases": root / "cases", "prompts": root / "prompts"}
        self._settings = root / FILE_NAME
        self._seen: dict[str, Sizes] = {}

    def changed(self) -> frozenset[str]:
        """What is new since the last call: ``answers``, ``feedback``, ``findings``, ``loop``, ``repairs``, ``cases``,
        ``prompts``, ``settings``.

        Files of a journal that are gone were sealed, which is nothing new.
        """
        now = {name: journal_sizes(folder) for name, folder in self._journals.items()}
        now |= {name: _sizes(folder, "") for name, folder in self._folders.items()}
        now["settings"] = _size_of(self._settings)
        seen, self._seen = self._seen, now
        return frozenset(name for name, sizes in now.items() if self._is_new(name, sizes, seen.get(name, {})))

    def _is_new(self, name: str, sizes: Sizes, before: Sizes) -> bool:
        if name in self._journals:
            return any(before.get(path, (-1, 0))[0] < size for path, (size, _) in sizes.items())
        return sizes != before


def journal_sizes(folder: Path) -> Sizes:
    """The files of a journal that are not sealed yet."""
    return _sizes(folder, LINES_SUFFIX)


def _sizes(folder: Path, suffix: str) -> Sizes:
    found: Sizes = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(suffix):
                    status = entry.stat()
                    found[entry.path] = (status.st_size, status.st_mtime_ns)
    except OSError:
        # It is not there yet, or a file vanished while it was looked at: the next look sees what there is.
        return found
    return found


def _size_of(path: Path) -> Sizes:
    try:
        status = path.stat()
    except OSError:
        return {}
    return {str(path): (status.st_size, status.st_mtime_ns)}
