"""Runs one operation of a store once for each point at which it can be killed.

Usage: python -m tests.ragpress.storage.crash_driver ROOT OPERATION
Forks a child per point, each in a folder ``ROOT/<n>`` of its own that holds a prepared store. The child exits without
any cleaning up at the n-th event of the disk module. Prints the names of the events, one a line, as they occurred in
the undisturbed last child.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from ragpress.storage import Store, disk, open_store

KILLED = 137
POINTER = "collections/docs/live"
FIRST = "collections/other/live"
NEW_KEY = "releases/r2/manifest.json"
OLD, NEW = b"old value " * 50, b"new value, longer " * 50


def prepare(root: Path) -> Store:
    """A store with an object, a created object and a pointer in it, and a finished file beside it."""
    store = open_store(str(root / "data"), root / "cache")
    store.put_bytes("old", OLD)
    store.create("releases/r1/manifest.json", OLD)
    store.swap_pointer(POINTER, None, OLD)
    (root / "finished").write_bytes(NEW)
    return store


def swap(store: Store) -> None:
    """Move the pointer to the new value, unless it is there."""
    now = store.read_pointer(POINTER)
    if now is None or now.data != NEW:
        store.swap_pointer(POINTER, None if now is None else now.token, NEW)


def put_file(store: Store, root: Path) -> None:
    """Store the finished file, unless a run before has; as a run would, make it again first."""
    path = root / "finished"
    if not path.exists():
        path.write_bytes(NEW)
    store.put_file("new", path)


def create(store: Store) -> None:
    """Create the new object, unless it is there."""
    if not store.exists(NEW_KEY):
        store.create(NEW_KEY, NEW)


def set_first(store: Store) -> None:
    """Set a pointer of a new collection, unless it is set."""
    if store.read_pointer(FIRST) is None:
        store.swap_pointer(FIRST, None, NEW)


OPERATIONS: dict[str, Callable[[Store, Path], object]] = {
    "put_file": put_file,
    "put_bytes": lambda store, root: store.put_bytes("new", NEW),
    "create": lambda store, root: create(store),
    "swap_pointer": lambda store, root: swap(store),
    "first_pointer": lambda store, root: set_first(store),
    "append": lambda store, root: disk.append(root / "journal.jsonl", NEW),
    "delete": lambda store, root: store.delete("releases/r1/manifest.json"),
}


def run_child(root: Path, operation: str, crash_at: int) -> list[str]:
    """The operation, killed at the event with this number (from 0), or its events when there are fewer."""
    store = prepare(root)
    events: list[str] = []

    def observe(event: str, path: Path) -> None:
        if len(events) == crash_at:
            os._exit(KILLED)
        events.append(event)

    disk.set_observer(observe)
    OPERATIONS[operation](store, root)
    return events


def main(root: Path, operation: str) -> None:
    """Fork a child for each point until one gets through."""
    for number in range(1000):
        folder = root / str(number)
        folder.mkdir(parents=True)
        child = os.fork()
        if child == 0:
            print("\n".join(run_child(folder, operation, number)), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != KILLED:
            sys.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
