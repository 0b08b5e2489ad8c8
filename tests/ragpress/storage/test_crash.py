"""A process killed at every point of every operation leaves old or new, whole, and a rerun succeeds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragpress.storage import Store, disk, open_store
from tests.ragpress.storage.crash_driver import FIRST, NEW, NEW_KEY, OLD, OPERATIONS, POINTER

REPOSITORY = Path(__file__).parents[3]


def crash_everywhere(root: Path, operation: str) -> list[str]:
    """The operation's events; afterwards ``root/<n>`` is what was left by the kill at event n."""
    command = [sys.executable, "-m", "tests.ragpress.storage.crash_driver", str(root), operation]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def check_objects(store: Store) -> None:
    """Every object that has a name has the bytes that its name promises."""
    for key, _ in store.list("objects/"):
        assert hashlib.sha256(store.read(key)).hexdigest() == key.rpartition("/")[2]
    for key, _ in store.list("releases/"):
        assert store.read(key) in (OLD, NEW)


@pytest.mark.fault
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_at_any_point_leaves_old_or_new_and_a_rerun_succeeds(tmp_path: Path, operation: str) -> None:
    events = crash_everywhere(tmp_path, operation)
    assert len(events) >= 4
    assert len(events) % 2 == 0
    for number in range(len(events) + 1):
        root = tmp_path / str(number)
        store = open_store(str(root / "data"), root / "cache")
        check_objects(store)
        before = store.read_pointer(POINTER)
        assert before is not None
        assert before.data in (OLD, NEW)
        OPERATIONS[operation](store, root)
        check_objects(store)
        check_done(store, root, operation)
        disk.sweep_temp(root, 0.0, time.time() + 1)
        assert [path for path in root.rglob("*") if disk.is_temp(path.name)] == []


def check_done(store: Store, root: Path, operation: str) -> None:
    """The operation has had its effect, exactly once."""
    new_object = f"objects/{hashlib.sha256(NEW).hexdigest()[:2]}/{hashlib.sha256(NEW).hexdigest()}"
    pointer, other = store.read_pointer(POINTER), store.read_pointer(FIRST)
    effects = {
        "put_file": lambda: store.read(new_object) == NEW and not (root / "finished").exists(),
        "put_bytes": lambda: store.read(new_object) == NEW,
        "create": lambda: store.read(NEW_KEY) == NEW,
        "swap_pointer": lambda: pointer is not None and pointer.data == NEW,
        "first_pointer": lambda: other is not None and other.data == NEW,
        "append": lambda: (root / "journal.jsonl").read_bytes() in (NEW, NEW + NEW),
        "delete": lambda: not store.exists("releases/r1/manifest.json"),
    }
    assert effects[operation]()


def test_each_operation_syncs_the_bytes_before_the_name_and_the_name_after(tmp_path: Path) -> None:
    events = crash_everywhere(tmp_path, "swap_pointer")
    assert events == [
        f"{moment} {operation}" for operation in ("write", "fsync", "rename", "fsync") for moment in ("before", "after")
    ]
