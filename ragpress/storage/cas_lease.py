"""A writer's lease on a pointer: held while it is renewed, free once it has expired.

For stores without file locks. Taking, renewing and releasing are compare-and-swaps of one pointer,
so two processes never both believe that they have just taken it. Expiry compares the clocks of two
machines; they should agree within some seconds. Losing a lease is noticed (:meth:`CasLease.check`).
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable

import msgspec

from ragpress.errors import ConflictError, StorageError
from ragpress.storage.lease import Holder, busy_error, current_holder
from ragpress.storage.store import Pointer

_POLL_SECONDS = 0.5


class LeaseTimes(msgspec.Struct, frozen=True):
    """How long a lease lasts.

    Attributes:
        holds_seconds: it expires so long after the last renewal.
        renew_seconds: it is renewed so often.
    """

    holds_seconds: float = 60.0
    renew_seconds: float = 15.0


class LeaseRecord(msgspec.Struct, frozen=True):
    """What the pointer of a held lease says; that of a free one is empty.

    Attributes:
        holder: who holds it.
        identity: random; tells this lease from every other.
        expires: seconds since the epoch.
    """

    holder: Holder
    identity: str
    expires: float


class CasLease:
    """One writer's lease on one collection."""

    def __init__(
        self,
        read: Callable[[], Pointer | None],
        swap: Callable[[str | None, bytes], Pointer],
        collection: str,
        times: LeaseTimes,
    ) -> None:
        self._read = read
        self._swap = swap
        self._collection = collection
        self._times = times
        self._identity = secrets.token_hex(16)
        self._holder = current_holder()
        self._token = ""
        self._safe_until = 0.0
        self._is_lost = False
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, wait: float) -> None:
        """Take the lease and start to renew it.

        Raises:
            WriterBusyError: another holds it still after ``wait`` seconds.
            StorageError: the store failed.
        """
        deadline = time.monotonic() + wait
        while not self._try_take():
            left = deadline - time.monotonic()
            if left <= 0:
                holder = leaseholder(self._read()) or "another process that has just finished"
                raise busy_error(self._collection, f"{holder}; its lease ends by itself if it was killed", wait)
            time.sleep(min(_POLL_SECONDS, left))
        self._thread = threading.Thread(target=self._keep, name=f"lease-{self._collection}", daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """Put the expiry off. A store that fails is asked again next time; a lease taken over is lost."""
        begun = time.monotonic()
        with contextlib.suppress(StorageError):
            try:
                self._token = self._swap(self._token, self._record()).token
            except StorageError:
                # Lost, or written although the reply was lost: the store knows which.
                self._recognise()
            else:
                self._safe_until = begun + self._times.holds_seconds

    def check(self) -> None:
        """Refuse to go on without the lease.

        Raises:
            StorageError: it was taken over, or could not be renewed in time.
        """
        if self._is_lost or time.monotonic() >= self._safe_until:
            raise StorageError(
                f"This process has lost the writer lease of collection {self._collection!r}: it could not renew it "
                f"within {self._times.holds_seconds:g} s. Nothing was published; run the same command again."
            )

    def release(self) -> None:
        """Stop renewing and set the lease free. One that cannot be set free expires by itself."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if not self._is_lost:
            with contextlib.suppress(StorageError):
                self._swap(self._token, b"")

    def _try_take(self) -> bool:
        begun = time.monotonic()
        now = self._read()
        if leaseholder(now) is not None:
            return False
        try:
            self._token = self._swap(None if now is None else now.token, self._record()).token
        except ConflictError:
            return False
        self._safe_until = begun + self._times.holds_seconds
        return True

    def _recognise(self) -> None:
        now = self._read()
        record = _decode(now)
        if now is not None and record is not None and record.identity == self._identity:
            self._token = now.token
        else:
            self._is_lost = True

    def _record(self) -> bytes:
        expires = time.time() + self._times.holds_seconds
        return msgspec.json.encode(LeaseRecord(holder=self._holder, identity=self._identity, expires=expires))

    def _keep(self) -> None:
        while not self._done.wait(self._times.renew_seconds) and not self._is_lost:
            self.renew()


def leaseholder(pointer: Pointer | None) -> str | None:
    """Who holds a lease now, in words; None when it is free or has expired."""
    record = _decode(pointer)
    if record is None or record.expires <= time.time():
        return None
    return record.holder.describe()


def _decode(pointer: Pointer | None) -> LeaseRecord | None:
    if pointer is None or not pointer.data:
        return None
    try:
        return msgspec.json.decode(pointer.data, type=LeaseRecord)
    except msgspec.DecodeError as error:
        raise StorageError(f"The writer lease is unreadable: {error}. Run: ragpress doctor") from error
