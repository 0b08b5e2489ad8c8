"""A store in a local folder: rename makes objects appear, a file lock makes pointers move."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ragpress.errors import ConflictError, IntegrityError, StorageError
from ragpress.storage import disk, lease
from ragpress.storage.integrity import check_file, missing
from ragpress.storage.keys import check_key, check_prefix, is_lock, is_private, object_key, writer_key
from ragpress.storage.store import Pointer, StoredFile


class LocalStore:
    """Objects and pointers as files below one folder. Safe between processes and threads.

    Objects are read-only files. A pointer is a file of its token, a newline and its data.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.location = str(root)

    def put_file(self, name: str, path: Path) -> StoredFile:
        """See :meth:`ragpress.storage.store.Store.put_file`."""
        try:
            size, sha256 = path.stat().st_size, disk.sha256_file(path)
        except OSError as error:
            raise StorageError(f"Cannot read {path} to store it as {name}: {error.strerror}.") from error
        key = object_key(sha256)
        target = self.root / key
        if self._is_stored(target, size, sha256):
            disk.remove(path)
        else:
            disk.make_folder(target.parent)
            disk.adopt(path, target, disk.READ_ONLY)
        return StoredFile(name=name, key=key, sha256=sha256, size=size)

    def put_bytes(self, name: str, data: bytes) -> StoredFile:
        """See :meth:`ragpress.storage.store.Store.put_bytes`."""
        sha256 = hashlib.sha256(data).hexdigest()
        key = object_key(sha256)
        target = self.root / key
        if not self._is_stored(target, len(data), sha256):
            disk.make_folder(target.parent)
            disk.write_file(target, data, disk.READ_ONLY)
        return StoredFile(name=name, key=key, sha256=sha256, size=len(data))

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`ragpress.storage.store.Store.create`."""
        path = self._path(key)
        disk.make_folder(path.parent)
        disk.create_file(path, data, disk.READ_ONLY)

    def read(self, key: str) -> bytes:
        """See :meth:`ragpress.storage.store.Store.read`."""
        path = self._path(key)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise missing(key, path) from error
        except OSError as error:
            raise StorageError(f"Cannot read {path}: {error.strerror}.") from error

    def fetch(self, file: StoredFile) -> Path:
        """See :meth:`ragpress.storage.store.Store.fetch`: the object's own path; never write to it."""
        path = self._path(file.key)
        check_file(path, file)
        return path

    def local_path(self, key: str) -> Path:
        """See :class:`ragpress.storage.store.Store`."""
        path = self._path(key)
        if not path.is_file():
            raise missing(key, path)
        return path

    def exists(self, key: str) -> bool:
        """See :meth:`ragpress.storage.store.Store.exists`."""
        return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """See :meth:`ragpress.storage.store.Store.list`."""
        found: list[tuple[str, int]] = []
        for folder, folders, files in os.walk(self.root / check_prefix(prefix)):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = Path(folder).relative_to(self.root).as_posix()
            for file_name in files:
                key = file_name if base == "." else f"{base}/{file_name}"
                if not file_name.startswith(".") and not is_lock(key):
                    # An object that is deleted meanwhile is no longer to be listed.
                    with contextlib.suppress(FileNotFoundError):
                        found.append((key, (self.root / key).stat().st_size))
        yield from sorted(found)

    def delete(self, key: str) -> None:
        """See :meth:`ragpress.storage.store.Store.delete`."""
        path = self._path(key)
        if path.is_file():
            disk.remove(path)

    def read_pointer(self, key: str) -> Pointer | None:
        """See :meth:`ragpress.storage.store.Store.read_pointer`."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"Cannot read the pointer {path}: {error.strerror}.") from error
        token, newline, data = content.partition(b"\n")
        if not newline or not token.isascii():
            raise IntegrityError(f"{path} is no pointer: expected a token, a newline and data. Run: ragpress doctor")
        return Pointer(data=data, token=token.decode("ascii"))

    def swap_pointer(self, key: str, expected: str | None, data: bytes) -> Pointer:
        """See :meth:`ragpress.storage.store.Store.swap_pointer`."""
        path = self._path(key)
        disk.make_folder(path.parent)
        with lease.short_lock(path.parent / f".{path.name}.lock"):
            now = self.read_pointer(key)
            found = None if now is None else now.token
            if found != expected:
                raise ConflictError(
                    f"Pointer {key} of {self.location} has moved: expected token {expected}, found {found}. "
                    "Read it again and decide anew."
                )
            token = _next_token(found)
            mode = disk.PRIVATE if is_private(key) else None
            disk.write_file(path, token.encode("ascii") + b"\n" + data, mode)
        return Pointer(data=data, token=token)

    def writer(self, collection: str, wait: float) -> AbstractContextManager[None]:
        """See :meth:`ragpress.storage.store.Store.writer`."""
        path = self._lock_path(collection)
        disk.make_folder(path.parent)
        return lease.hold_file(path, collection, wait)

    def writer_holder(self, collection: str) -> str | None:
        """See :meth:`ragpress.storage.store.Store.writer_holder`."""
        return lease.file_holder(self._lock_path(collection))

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _lock_path(self, collection: str) -> Path:
        return self.root / f"{writer_key(collection)}.lock"

    def _is_stored(self, target: Path, size: int, sha256: str) -> bool:
        try:
            sound = target.stat().st_size == size and disk.sha256_file(target) == sha256
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StorageError(f"Cannot look up {target}: {error.strerror}.") from error
        # Whoever wrote it may have died before its name was durable. A damaged one is written again.
        disk.sync_folder(target.parent)
        return sound


def _next_token(token: str | None) -> str:
    generation = 0 if token is None else int(token.partition("-")[0])
    # The random part tells a pointer that was deleted and set again from the one before.
    return f"{generation + 1}-{secrets.token_hex(8)}"
