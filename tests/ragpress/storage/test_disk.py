"""The disk module: whole or not at all, durable, and clear when the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragpress.errors import ConflictError, StorageError
from ragpress.storage import Store, disk, open_store

LIVE = "collections/docs/live"


def temps(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if disk.is_temp(path.name)]


@pytest.fixture
def events() -> Iterator[list[str]]:
    seen: list[str] = []
    disk.set_observer(lambda event, path: seen.append(event))
    yield seen
    disk.set_observer(None)


def test_writing_replaces_whole_and_syncs_in_order(tmp_path: Path, events: list[str]) -> None:
    path = tmp_path / "a"
    disk.write_file(path, b"old")
    events.clear()
    disk.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert events[::2] == ["before write", "before fsync", "before rename", "before fsync"]
    assert temps(tmp_path) == []


def test_an_observer_is_gone_once_it_is_unset(tmp_path: Path, events: list[str]) -> None:
    disk.set_observer(None)
    disk.write_file(tmp_path / "a", b"1")
    assert events == []


def test_creating_never_replaces(tmp_path: Path) -> None:
    disk.create_file(tmp_path / "a", b"1")
    with pytest.raises(ConflictError, match="exists already"):
        disk.create_file(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert temps(tmp_path) == []


def test_a_stream_appears_only_when_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def pieces(fail: bool) -> Iterator[bytes]:
        yield b"one "
        assert not path.exists()
        if fail:
            raise RuntimeError("the source broke off")
        yield b"two"

    with pytest.raises(RuntimeError, match="broke off"):
        disk.write_stream(path, pieces(fail=True))
    assert list(tmp_path.iterdir()) == []
    disk.write_stream(path, pieces(fail=False), disk.READ_ONLY)
    assert path.read_bytes() == b"one two"
    assert path.stat().st_mode & 0o777 == 0o444


def test_folders_are_made_with_those_above_and_each_is_synced(tmp_path: Path, events: list[str]) -> None:
    disk.make_folder(tmp_path / "a" / "b")
    assert events[::2] == ["before mkdir", "before fsync"] * 2
    events.clear()
    disk.make_folder(tmp_path / "a" / "b")
    assert events == []


def test_appending_syncs_every_time(tmp_path: Path, events: list[str]) -> None:
    for line in (b"1\n", b"2\n"):
        disk.append(tmp_path / "journal", line)
        assert "after fsync" in events
        events.clear()
    assert (tmp_path / "journal").read_bytes() == b"1\n2\n"


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    disk.remove(tmp_path / "a")
    disk.remove_tree(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_removing_a_tree_follows_no_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "folder").mkdir(parents=True)
    (kept / "file").write_bytes(b"1")
    tree = tmp_path / "tree" / "deep" / "er"
    tree.mkdir(parents=True)
    (tree / "file").write_bytes(b"2")
    (tree / "link").symlink_to(kept / "file")
    (tree / "folder link").symlink_to(kept)
    disk.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert (kept / "file").read_bytes() == b"1"
    assert (kept / "folder").is_dir()


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_no_link_can_be_made_the_bytes_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"1")
    disk.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"1"
    assert not (tmp_path / "a").samefile(tmp_path / "b")


def test_a_link_shares_the_file_and_replaces_another(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    disk.link_or_copy(tmp_path / "a", tmp_path / "b")
    disk.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")
    (tmp_path / "c").write_bytes(b"3")
    disk.link_or_copy(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"1"


def test_adopting_moves_and_sets_the_mode(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    disk.adopt(tmp_path / "a", tmp_path / "b", disk.READ_ONLY)
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b").read_bytes() == b"1"
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(size % 251 for _ in range(3)) * (size // 3 + 1)
    (tmp_path / "a").write_bytes(data[:size])
    assert disk.sha256_file(tmp_path / "a") == hashlib.sha256(data[:size]).hexdigest()


def test_a_sweep_removes_old_leftovers_only(tmp_path: Path) -> None:
    old, young = disk.temp_path(tmp_path / "deep"), disk.temp_path(tmp_path / "deep")
    disk.make_folder(tmp_path / "deep")
    for path, changed in ((old, 1000.0), (young, 1900.0), (tmp_path / "file", 1000.0)):
        path.write_bytes(b"")
        os.utime(path, (changed, changed))
    assert disk.sweep_temp(tmp_path, older_than_seconds=500, now=2000.0) == 1
    assert not old.exists()
    assert young.exists()
    assert (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("operation", "number", "advice"),
    [
        ("fsync", errno.EIO, "the device failed"),
        ("fsync", errno.ENOSPC, "the disk is full: free 3 bytes or more"),
        ("replace", errno.EROFS, "mount its file system writable"),
        ("write", errno.EDQUOT, "the disk is full: free 3 bytes or more"),
    ],
)
def test_a_refusal_names_the_path_and_what_to_do_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int, advice: str
) -> None:
    path = tmp_path / "a"
    disk.write_file(path, b"old")

    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path if operation == "replace" else os, operation, refuse)
    with pytest.raises(StorageError, match=advice) as caught:
        disk.write_file(path, b"new")
    assert str(path) in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert temps(tmp_path) == []


def test_a_file_system_that_syncs_no_folders_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    disk.write_file(tmp_path / "a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        disk.write_file(tmp_path / "nowhere" / "a", b"1")


def test_an_append_that_fails_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    disk.append(path, b"1\n")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError, match="journal"):
            disk.append(path, b"2\n")
    disk.append(path, b"3\n")
    assert path.read_bytes() == b"1\n3\n"


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check_survivors(store: Store, data: bytes) -> None:
    """The pointer reads as before, nothing is torn, nothing half written is left."""
    now = store.read_pointer(LIVE)
    assert now is not None
    assert now.data == data
    for key, _ in store.list("objects/"):
        assert hashlib.sha256(store.read(key)).hexdigest() == key.rpartition("/")[2]
    assert temps(Path(store.location)) == []


def check_refusals(store: Store, scratch: Path, token: str, advice: str) -> None:
    """Every kind of write of 40,000 bytes fails, with the path and what to do."""
    data = b"new " * 10_000
    scratch.write_bytes(data)
    writes: dict[str, Callable[[], object]] = {
        "objects/": lambda: store.put_file("a", scratch),
        "objects": lambda: store.put_bytes("a", data),
        "releases/r1": lambda: store.create("releases/r1", data),
        LIVE: lambda: store.swap_pointer(LIVE, token, data),
    }
    for place, write in writes.items():
        with pytest.raises(StorageError, match=advice) as caught:
            write()
        assert f"{store.location}/{place}" in str(caught.value)
    assert scratch.read_bytes() == data, "a file that could not be stored is still there"
    assert not store.exists("releases/r1")


def check_works_again(store: Store, scratch: Path, token: str) -> None:
    stored = store.put_file("a", scratch)
    assert store.fetch(stored).stat().st_size == 40_000
    store.swap_pointer(LIVE, token, b"r2")
    check_survivors(store, b"r2")


def fill_up(path: Path, spare: int) -> None:
    """Take all the space that is left, but for so many bytes."""
    with path.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(file.tell() - spare)


@pytest.mark.parametrize("spare", [0, 20_480])
def test_a_full_disk_tears_nothing_and_works_again_once_there_is_space(tmp_path: Path, spare: int) -> None:
    scratch = tmp_path / "scratch"
    with mounted(tmp_path / "small") as folder:
        store = open_store(str(folder / "data"), tmp_path / "cache")
        token = store.swap_pointer(LIVE, None, b"r1").token
        kept = store.put_bytes("a", b"kept")
        fill_up(folder / "ballast", spare)
        check_refusals(store, scratch, token, f"the disk is full: free .* on the file system of {folder}")
        check_survivors(store, b"r1")
        (folder / "ballast").unlink()
        check_works_again(store, scratch, token)
        assert store.fetch(kept).read_bytes() == b"kept"


def test_a_file_size_limit_tears_nothing_and_works_again_without_it(tmp_path: Path) -> None:
    """The same fault for machines on which no small file system can be mounted."""
    scratch = tmp_path / "scratch"
    scratch.write_bytes(b"new " * 10_000)
    store = open_store(str(tmp_path / "data"), tmp_path / "cache")
    token = store.swap_pointer(LIVE, None, b"r1").token
    data = scratch.read_bytes()
    with file_size_limit(30_000):
        for write in (lambda: store.put_bytes("a", data), lambda: store.create("a", data)):
            with pytest.raises(StorageError, match="raise the limit on file sizes"):
                write()
        with pytest.raises(StorageError, match="raise the limit on file sizes"):
            store.swap_pointer(LIVE, token, data)
    check_survivors(store, b"r1")
    check_works_again(store, scratch, token)


@pytest.mark.parametrize("mode", [None, disk.READ_ONLY])
def test_a_file_of_another_file_system_is_copied_in(tmp_path: Path, mode: int | None) -> None:
    with mounted(tmp_path / "other") as other:
        (other / "a").write_bytes(b"1")
        disk.adopt(other / "a", tmp_path / "b", mode)
        assert not (other / "a").exists()
    assert (tmp_path / "b").read_bytes() == b"1"
    assert mode is None or (tmp_path / "b").stat().st_mode & 0o777 == mode
    assert temps(tmp_path) == []
