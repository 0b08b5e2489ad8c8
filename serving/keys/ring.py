"""The API keys of a workspace. Only hashes are stored; a key is shown once, when it is made.

All keys are one small pointer in the workspace's store: making and revoking swap it, so two commands at once never
make two keys of one name, and a worker sees every change by one small read. A worker reads it twice a second and finds
callers in memory.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from ragpress.errors import ConflictError, IntegrityError, StorageError, UsageError
from ragpress.storage.store import Pointer, Store
from serving.callers import LOCAL, LOCAL_OWNER, Caller
from serving.keys.attempts import Attempts
from serving.keys.records import Grant, KeyRecord, RingRecord
from serving.keys.tickets import new_ticket, parse_ticket
from serving.keys.tokens import Token, new_token, parse_token

RING_KEY = "keys/ring"
LOOK_SECONDS = 0.5
STALE_SECONDS = 60.0

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_GROUP = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,126}[^\s\x00-\x1f\x7f])?")
_TRIES = 32
_NO_DIGEST = bytes(32)
_MOST_PER_MINUTE = 1_000_000_000
_log = logging.getLogger(__name__)


class _Entry(msgspec.Struct, frozen=True):
    """One key, ready to be compared."""

    record: KeyRecord
    digest: bytes
    caller: Caller


class _Seen(msgspec.Struct, frozen=True):
    """The ring as it was last read."""

    token: str | None
    entries: Mapping[str, _Entry]
    at: float


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyRing:
    """Finds the caller of a key. Any thread may use it.

    A new or revoked key is noticed within a second by whoever runs :meth:`watched`. Where the store cannot be read for
    :data:`STALE_SECONDS`, nobody is let in: a key that was revoked meanwhile must not go on working.

    Args:
        store: of the workspace.
        now: the time, for expiry.
        clock: monotonic seconds, for the age of what was last read.
        always: a key is needed even where there is none yet: others than this machine reach the service.

    Attributes:
        attempts: wrong keys by client address.

    Raises:
        StorageError: the keys cannot be read.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime] = _utc_now,
        clock: Callable[[], float] = time.monotonic,
        *,
        always: bool = False,
    ) -> None:
        self.attempts = Attempts(clock=clock)
        self._store = store
        self._now = now
        self._clock = clock
        self._always = always
        self._seen = _Seen(token=None, entries={}, at=float("-inf"))
        self.refresh()

    @property
    def required(self) -> bool:
        """Whether every caller needs a key: from the first key on, also when all are revoked or expired since."""
        return self._always or self._seen.token is not None

    def caller(self, token: str | None) -> Caller | None:
        """Who calls with a key; None where a key is needed and this is none. Costs microseconds and reads no store.

        Args:
            token: the key as sent; None where none was sent.

        Raises:
            StorageError: the keys could not be read for too long to let anybody in.
        """
        seen = self._seen
        if self._clock() - seen.at > STALE_SECONDS:
            raise StorageError(
                f"The API keys in {self._store.location} could not be read for {STALE_SECONDS:.0f} s, so nobody is let "
                "in. The log says why; once they can be read again this ends by itself."
            )
        if seen.token is None and not self._always:
            return LOCAL
        parsed = None if token is None else parse_token(token)
        return None if parsed is None else self._match(seen, parsed)

    def ticket(self, key: str, page: str) -> str | None:
        """A ticket that opens a page for a minute without the key; None for a key that is not in force.

        Args:
            key: id of the key of whoever asks for it.
            page: the page's path.
        """
        entry = self._seen.entries.get(key)
        return None if entry is None else str(new_ticket(key, entry.digest, page, self._now()))

    def ticket_caller(self, ticket: str, page: str) -> Caller | None:
        """Whose ticket it is; None where it does not open this page now, or its key is no longer in force."""
        parsed = parse_ticket(ticket)
        entry = None if parsed is None else self._seen.entries.get(parsed.key)
        if parsed is None or entry is None or not entry.record.in_force(self._now()):
            return None
        return entry.caller if parsed.holds(entry.digest, page, self._now()) else None

    def refresh(self) -> None:
        """Read the keys again, where they have changed.

        Raises:
            StorageError: they cannot be read; what was read before stays.
        """
        at = self._clock()
        pointer = self._store.read_pointer(RING_KEY)
        seen = self._seen
        if pointer is None:
            # A ring that is gone (a data directory removed under a running service) opens no door.
            self._seen = msgspec.structs.replace(seen, entries={}, at=at)
        elif pointer.token == seen.token:
            self._seen = msgspec.structs.replace(seen, at=at)
        else:
            self._seen = _Seen(token=pointer.token, entries=_entries(_records(pointer)), at=at)

    @contextlib.contextmanager
    def watched(self, every: float = LOOK_SECONDS) -> Iterator[None]:
        """Follow changes of the keys for the duration of the context, in a thread of its own.

        Args:
            every: seconds between two looks.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(stop, every), name="ragpress-keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            # A look that hangs in the network dies with the process.
            thread.join(timeout=1.0)

    def records(self) -> tuple[KeyRecord, ...]:
        """Every key that was ever made, in the order of making.

        Raises:
            StorageError: they cannot be read.
        """
        return _records(self._store.read_pointer(RING_KEY))

    def add(self, grant: Grant) -> tuple[KeyRecord, Token]:
        """Make a key.

        Returns:
            what is stored of it, and the key itself, which nobody can get again.

        Raises:
            UsageError: its name or a group cannot be used, or a key in force has the name.
            StorageError: it cannot be stored.
        """
        _check(grant)
        token = new_token()
        record = KeyRecord(**msgspec.structs.asdict(grant), id=token.id, digest=token.digest.hex(), created=self._now())

        def with_it(keys: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
            for other in keys:
                if other.in_force(self._now()) and other.name.casefold() == grant.name.casefold():
                    raise UsageError(
                        f"There is a key {other.name!r} in force already (id {other.id}). Choose another name, or "
                        f"revoke it first with: ragpress keys revoke {other.id}"
                    )
            return (*keys, record)

        self._change(with_it)
        return record, token

    def revoke(self, name: str) -> KeyRecord:
        """Revoke a key for good.

        Args:
            name: its name or its id.

        Returns:
            the key as it is stored now.

        Raises:
            UsageError: no key in force has this name or id.
            StorageError: the change cannot be stored.
        """
        revoked: list[KeyRecord] = []

        def without_it(keys: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
            chosen = self._find(keys, name)
            revoked[:] = [msgspec.structs.replace(chosen, revoked=self._now())]
            return tuple(revoked[0] if key.id == chosen.id else key for key in keys)

        self._change(without_it)
        return revoked[0]

    def _match(self, seen: _Seen, token: Token) -> Caller | None:
        entry = seen.entries.get(token.id)
        # A key that does not exist is compared too: what a refusal costs does not tell which ids there are.
        same = hmac.compare_digest(token.digest, _NO_DIGEST if entry is None else entry.digest)
        if entry is None or not same or not entry.record.in_force(self._now()):
            return None
        return entry.caller

    def _find(self, keys: tuple[KeyRecord, ...], name: str) -> KeyRecord:
        found = [key for key in keys if name in (key.id, key.name) and key.in_force(self._now())]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{name!r} is the name of one key and the id of another. Name the other by its own id.")
        known = ", ".join(sorted(key.name for key in keys if key.in_force(self._now()))) or "none"
        raise UsageError(f"No key in force has the name or id {name!r}. Keys in force: {known}.")

    def _change(self, change: Callable[[tuple[KeyRecord, ...]], tuple[KeyRecord, ...]]) -> None:
        for attempt in range(_TRIES):
            pointer = self._store.read_pointer(RING_KEY)
            data = msgspec.json.encode(RingRecord(change(_records(pointer))))
            try:
                self._store.swap_pointer(RING_KEY, None if pointer is None else pointer.token, data)
            except ConflictError:
                if attempt == _TRIES - 1:
                    raise
            else:
                break
        self.refresh()

    def _follow(self, stop: threading.Event, every: float) -> None:
        broken = False
        while not stop.wait(every):
            try:
                self.refresh()
            except StorageError as error:
                if not broken:
                    _log.error("The API keys cannot be read: %s", error)
                broken = True
            else:
                broken = False


def _entries(records: tuple[KeyRecord, ...]) -> Mapping[str, _Entry]:
    return {
        record.id: _Entry(record=record, digest=bytes.fromhex(record.digest), caller=record.caller())
        for record in records
        if record.revoked is None
    }


def _records(pointer: Pointer | None) -> tuple[KeyRecord, ...]:
    if pointer is None:
        return ()
    try:
        return msgspec.json.decode(pointer.data, type=RingRecord).keys
    except msgspec.DecodeError as error:
        raise IntegrityError(
            f"The stored API keys ({RING_KEY}) cannot be read: {error}. Restore this file from a backup; without it "
            "every key is lost."
        ) from error


def _check(grant: Grant) -> None:
    if not _NAME.fullmatch(grant.name):
        raise UsageError(
            f"{grant.name!r} cannot be the name of a key: expected 1 to 64 of the characters A-Z, a-z, 0-9, '_' and "
            "'-', the first no '-'."
        )
    if grant.name.casefold() == LOCAL_OWNER:
        raise UsageError(f"{grant.name!r} is what callers without a key are called. Choose another name.")
    for group in grant.groups:
        if not _GROUP.fullmatch(group):
            raise UsageError(
                f"{group!r} cannot be a group: expected 1 to 128 characters without control characters, and no space "
                "at either end. Groups are those that [access] rules name."
            )
    if not grant.roles:
        raise UsageError("A key needs at least one role: ask, ingest or admin.")
    for limit in (grant.requests_per_minute, grant.tokens_per_minute):
        if limit is not None and not 1 <= limit <= _MOST_PER_MINUTE:
            raise UsageError(f"A limit of {limit} a minute makes no sense: expected 1 to {_MOST_PER_MINUTE:,}.")
