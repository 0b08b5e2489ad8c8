"""Folders that exist whole or not at all, however many processes build them at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path


def ensure_folder(target: Path, build: Callable[[Path], None]) -> Path:
    """Build a folder once.

    One process builds while others wait; what a killed process left behind is removed by the next one.

    Args:
        target: the folder wanted.
        build: fills the empty folder it is given.

    Returns:
        ``target``, which now exists and is complete.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / f".{target.name}.lock"):
        if not target.is_dir():
            _build(target, build)
    return target


def write_file(target: Path, body: bytes) -> None:
    """Write a file durably so that a reader sees the old one or the new one, whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        scratch.write_bytes(body)
        _sync(scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(target: Path, build: Callable[[Path], None]) -> None:
    prefix = f".{target.name}.building-"
    for leftover in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover)
    scratch = target.parent / f"{prefix}{uuid.uuid4().hex}"
    scratch.mkdir()
    try:
        build(scratch)
        for path in (*scratch.rglob("*"), scratch):
            _sync(path)
        scratch.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
