"""Scratch folders: work in progress that a killed process may leave behind and a later run sweeps away.

Nothing here is durable or part of a release; finished files leave a scratch folder through
:meth:`ragpress.storage.store.Store.put_file`.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ragpress.storage import disk

_ABANDONED_SECONDS = 24 * 3600.0


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new empty folder under ``parent``, gone at the end. Leftovers of killed processes are swept after a day.

    Raises:
        StorageError: the disk is full or refuses.
    """
    folder = disk.temp_path(parent)
    with disk.foreign_writes(folder):
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent, _ABANDONED_SECONDS)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, older_than_seconds: float) -> None:
    """Remove scratch folders under ``parent`` that are older than so many seconds (0: all of them)."""
    if not parent.is_dir():
        return
    limit = time.time() - older_than_seconds
    for folder in parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if disk.is_temp(folder.name) and folder.stat().st_mtime <= limit:
                shutil.rmtree(folder, ignore_errors=True)


def sweep_abandoned(root: Path, now: float) -> None:
    """Remove every scratch folder and temporary file below ``root`` that has lain there for a day.

    Args:
        root: where to look.
        now: current time, seconds since the epoch.
    """
    for folder in [path for path in root.rglob(disk.TEMP_PREFIX + "*") if path.is_dir()]:
        if now - folder.stat().st_mtime >= _ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    disk.sweep_temp(root, _ABANDONED_SECONDS, now)


def publish_folder(folder: Path, target: Path) -> None:
    """Give a finished scratch folder its name; when another process was faster, its folder stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def remove_others(parent: Path, keep: set[str]) -> None:
    """Remove every folder under ``parent`` whose name is not among those to keep."""
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        if folder.name not in keep and not disk.is_temp(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
