"""A store in an S3-compatible service: conditional puts make pointers move.

Credentials, region and endpoint come from the usual ``AWS_*`` environment variables, which the
client library reads (``AWS_ENDPOINT_URL`` and ``AWS_ALLOW_HTTP`` for services of your own).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, PreconditionError
from obstore.store import S3Store as Client

from ragpress.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    SettingsError,
    StorageError,
    UnknownOutcomeError,
)
from ragpress.storage import disk
from ragpress.storage.cas_lease import CasLease, LeaseTimes, leaseholder
from ragpress.storage.integrity import check_file, checked
from ragpress.storage.keys import check_key, check_prefix, is_lock, object_key, writer_key
from ragpress.storage.store import Pointer, StoredFile

if TYPE_CHECKING:
    from obstore import Attributes, PutMode

_ADVICE = "Check the network, AWS_ENDPOINT_URL and the AWS_* credentials, then run the same command again"
_PIECE_BYTES = 4 << 20
_NONCE = "ragpress-nonce"
_REFUSED = re.compile(r"kind: Connect\b|status: (?:[1-4]\d\d|501)\b")


class S3Options(msgspec.Struct, frozen=True):
    """How the service is spoken to.

    Attributes:
        timeout_seconds: the most that the service may stay silent, and that a small request may take.
        retries: how often a request that is safe to repeat is repeated.
        lease: how long a writer's lease holds, and how often it is renewed.
    """

    timeout_seconds: float = 30.0
    retries: int = 4
    lease: LeaseTimes = LeaseTimes()


class _Found(msgspec.Struct, frozen=True):
    content: bytes
    tag: str
    nonce: str | None


class S3Store:
    """Objects and pointers under ``s3://bucket/prefix``. Safe between processes and threads.

    A pointer is an object of a random line and its data; its token is the object's entity tag, which
    the random line changes with every write. A file that was fetched or put stays in the local cache.
    """

    def __init__(self, url: str, cache: Path, options: S3Options | None = None) -> None:
        """Prepare the clients; nothing is contacted.

        Raises:
            SettingsError: the URL names no bucket, or the AWS settings make no sense.
        """
        self.location = url.rstrip("/")
        self.options = options or S3Options()
        self.cache = cache
        self._leases: list[CasLease] = []
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise SettingsError(f"Data directory {url!r} cannot be used: expected 's3://bucket/prefix'.")
        # A conditional put that is sent twice may lose against itself, so it is never repeated.
        self._safe = _client(url, self.options, self.options.retries)
        self._once = _client(url, self.options, 0)

    def put_file(self, name: str, path: Path) -> StoredFile:
        """See :meth:`ragpress.storage.store.Store.put_file`; the file moves into the cache."""
        try:
            size, sha256 = path.stat().st_size, disk.sha256_file(path)
        except OSError as error:
            raise StorageError(f"Cannot read {path} to store it as {name}: {error.strerror}.") from error
        file = StoredFile(name=name, key=object_key(sha256), sha256=sha256, size=size)
        self._upload(file, path)
        cached = self._cached(file.key)
        disk.make_folder(cached.parent)
        disk.adopt(path, cached, disk.READ_ONLY)
        return file

    def put_bytes(self, name: str, data: bytes) -> StoredFile:
        """See :meth:`ragpress.storage.store.Store.put_bytes`."""
        sha256 = hashlib.sha256(data).hexdigest()
        file = StoredFile(name=name, key=object_key(sha256), sha256=sha256, size=len(data))
        self._upload(file, data)
        return file

    def create(self, key: str, data: bytes) -> None:
        """See :meth:`ragpress.storage.store.Store.create`.

        Raises:
            ConflictError: an object is already there.
            UnknownOutcomeError: the service failed after the request was sent.
            StorageError: it refused, or this process has lost its writer lease.
        """
        check_key(key)
        self._check_leases()
        nonce = secrets.token_hex(16)
        try:
            self._put_once(key, data, "create", nonce)
        except UnknownOutcomeError:
            found = self._look_again(key)
            if found is None or found.nonce != nonce:
                raise

    def read(self, key: str) -> bytes:
        """See :meth:`ragpress.storage.store.Store.read`."""
        with self._speaking("read", check_key(key)):
            return bytes(obstore.get(self._safe, key).bytes())

    def fetch(self, file: StoredFile) -> Path:
        """See :meth:`ragpress.storage.store.Store.fetch`: a path in the cache."""
        cached = self._cached(check_key(file.key))
        try:
            check_file(cached, file)
        except (NotFoundError, IntegrityError):
            self._download(file, cached)
        return cached

    def local_path(self, key: str) -> Path:
        """See :meth:`ragpress.storage.store.Store.local_path`: a path in the cache."""
        cached = self._cached(check_key(key))
        if not cached.is_file():
            disk.make_folder(cached.parent)
            with self._speaking("read", key):
                pieces = obstore.get(self._safe, key).stream(min_chunk_size=_PIECE_BYTES)
                disk.write_stream(cached, map(bytes, pieces), disk.READ_ONLY)
        return cached

    def exists(self, key: str) -> bool:
        """See :meth:`ragpress.storage.store.Store.exists`."""
        return self._size(check_key(key)) is not None

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """See :meth:`ragpress.storage.store.Store.list`."""
        with self._speaking("list", check_prefix(prefix)):
            found = [(meta["path"], meta["size"]) for page in obstore.list(self._safe, prefix) for meta in page]
        yield from sorted(entry for entry in found if not is_lock(entry[0]))

    def delete(self, key: str) -> None:
        """See :meth:`ragpress.storage.store.Store.delete`."""
        with contextlib.suppress(NotFoundError), self._speaking("delete", check_key(key)):
            obstore.delete(self._safe, key)
        disk.remove(self._cached(key))

    def read_pointer(self, key: str) -> Pointer | None:
        """See :meth:`ragpress.storage.store.Store.read_pointer`."""
        return self._read_tagged(check_key(key))

    def swap_pointer(self, key: str, expected: str | None, data: bytes) -> Pointer:
        """See :meth:`ragpress.storage.store.Store.swap_pointer`.

        Raises:
            ConflictError: the pointer has moved.
            UnknownOutcomeError: the service failed after the request was sent.
            StorageError: it refused, or this process has lost its writer lease.
        """
        check_key(key)
        self._check_leases()
        return self._swap_tagged(key, expected, data)

    @contextlib.contextmanager
    def writer(self, collection: str, wait: float) -> Iterator[None]:
        """See :meth:`ragpress.storage.store.Store.writer`: a lease that a thread renews.

        A writer that loses it (a machine asleep, a service away) gets a StorageError from its next
        :meth:`create` or :meth:`swap_pointer`. A killed writer's lease ends by itself.
        """
        key = writer_key(collection)
        lease = CasLease(
            partial(self._read_tagged, key), partial(self._swap_tagged, key), collection, self.options.lease
        )
        lease.acquire(wait)
        self._leases.append(lease)
        try:
            yield
        finally:
            self._leases.remove(lease)
            lease.release()

    def renew_leases(self) -> None:
        """Renew the writer leases held through this object now, beside what their threads do."""
        for lease in self._leases:
            lease.renew()

    def writer_holder(self, collection: str) -> str | None:
        """See :meth:`ragpress.storage.store.Store.writer_holder`."""
        return leaseholder(self._read_tagged(writer_key(collection)))

    def _cached(self, key: str) -> Path:
        # Content is the same wherever it is stored; a key of the caller's choice is not.
        if key.startswith("objects/"):
            return self.cache / key
        return self.cache / "keys" / hashlib.sha256(self.location.encode()).hexdigest()[:16] / key

    def _check_leases(self) -> None:
        for lease in self._leases:
            lease.check()

    def _upload(self, file: StoredFile, content: Path | bytes) -> None:
        if self._size(file.key) != file.size:
            with self._speaking("write", file.key):
                obstore.put(self._safe, file.key, content)

    def _download(self, file: StoredFile, cached: Path) -> None:
        disk.make_folder(cached.parent)
        with self._speaking("read", file.key):
            pieces = obstore.get(self._safe, file.key).stream(min_chunk_size=_PIECE_BYTES)
            where = f"{self.location}/{file.key}"
            disk.write_stream(cached, checked(map(bytes, pieces), file, where), disk.READ_ONLY)

    def _size(self, key: str) -> int | None:
        try:
            with self._speaking("look up", key):
                return obstore.head(self._safe, key)["size"]
        except NotFoundError:
            return None

    def _get(self, key: str) -> _Found | None:
        try:
            with self._speaking("read", key):
                got = obstore.get(self._safe, key)
                content, tag, nonce = bytes(got.bytes()), got.meta["e_tag"], got.attributes.get(_NONCE)
        except NotFoundError:
            return None
        return _Found(content=content, tag=_tag(tag, self.location), nonce=nonce)

    def _look_again(self, key: str) -> _Found | None:
        # What is asked here is only whether a write has arrived; the caller knows it as unknown.
        with contextlib.suppress(StorageError):
            return self._get(key)
        return None

    def _read_tagged(self, key: str) -> Pointer | None:
        found = self._get(key)
        if found is None:
            return None
        _, newline, data = found.content.partition(b"\n")
        if not newline:
            where = f"{self.location}/{key}"
            raise IntegrityError(f"{where} is no pointer: expected a line and data. Run: ragpress doctor")
        return Pointer(data=data, token=found.tag)

    def _swap_tagged(self, key: str, expected: str | None, data: bytes) -> Pointer:
        content = secrets.token_hex(16).encode("ascii") + b"\n" + data
        try:
            tag = self._put_once(key, content, "create" if expected is None else {"e_tag": expected})
        except UnknownOutcomeError:
            # The random line tells whether this very write arrived although its reply did not.
            found = self._look_again(key)
            if found is None or found.content != content:
                raise
            tag = found.tag
        return Pointer(data=data, token=_tag(tag, self.location))

    def _put_once(self, key: str, data: bytes, mode: PutMode, nonce: str = "") -> str | None:
        attributes: Attributes | None = {_NONCE: nonce} if nonce else None
        try:
            put = obstore.put(self._once, key, data, mode=mode, use_multipart=False, attributes=attributes)
        except (AlreadyExistsError, PreconditionError) as error:
            raise ConflictError(
                f"{self.location}/{key} was written by somebody else meanwhile, or exists already. "
                "Read it again and decide anew."
            ) from error
        except (BaseError, OSError) as error:
            raise _failed_put(f"{self.location}/{key}", error) from error
        return put["e_tag"]

    @contextlib.contextmanager
    def _speaking(self, verb: str, key: str) -> Iterator[None]:
        where = f"{self.location}/{key}"
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise StorageError(f"Cannot {verb} {where}: there is no such bucket. Create it first.") from error
            raise NotFoundError(f"There is no object {where}. If a release names it, run: ragpress doctor") from error
        except (BaseError, OSError) as error:
            raise StorageError(f"Cannot {verb} {where}: {_reason(error)}. {_ADVICE}.") from error


def _client(url: str, options: S3Options, retries: int) -> Client:
    small = timedelta(seconds=options.timeout_seconds)
    # A request that moves a large file may last as long as bytes keep coming.
    whole = small if not retries else max(small, timedelta(minutes=30))
    try:
        return Client.from_url(
            url,
            # Not every S3-compatible service has the bulk request, and keys are deleted one at a time.
            disable_bulk_delete=True,
            client_options={
                "connect_timeout": min(small, timedelta(seconds=5)),
                "read_timeout": small,
                "timeout": whole,
                # The library reads this variable only where no other option is given.
                "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes", "on"),
            },
            retry_config={"max_retries": retries, "retry_timeout": small},
        )
    except (BaseError, ValueError) as error:
        raise SettingsError(f"Data directory {url!r} cannot be used: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    # The client library appends its whole debug output, request headers included.
    return str(error).partition("\n")[0].rstrip(".")


def _failed_put(where: str, error: Exception) -> StorageError:
    if not isinstance(error, GenericError) or _REFUSED.search(str(error)):
        return StorageError(f"Cannot write {where}: {_reason(error)}. {_ADVICE}.")
    return UnknownOutcomeError(
        f"The service did not say whether {where} was written: {_reason(error)}. Read it again before deciding anew."
    )


def _tag(tag: str | None, location: str) -> str:
    if tag is None:
        raise StorageError(
            f"{location} returns no entity tags, so pointers cannot move safely: use a service with conditional puts."
        )
    return tag
