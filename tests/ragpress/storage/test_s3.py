"""The S3 store: the common contract, and what only a service on a network can do."""

from __future__ import annotations

import itertools
import shutil
import socket
import threading
import time
from functools import partial
from pathlib import Path

import msgspec
import obstore
import pytest
from obstore.store import S3Store as Client

from ragpress.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    SettingsError,
    StorageError,
    UnknownOutcomeError,
    WriterBusyError,
)
from ragpress.storage import Pointer, Store, StoredFile, open_store
from ragpress.storage.cas_lease import CasLease, LeaseRecord, LeaseTimes
from ragpress.storage.lease import Holder
from ragpress.storage.s3 import S3Options, S3Store
from tests.ragpress.storage.contract import StoreContract, file_of
from tests.ragpress.storage.s3_server import BUCKET, Fault, FaultyS3

LIVE = "collections/docs/live"
WRITER = "collections/docs/writer"
ONE_TRY = S3Options(timeout_seconds=5.0, retries=0)
_prefixes = itertools.count()


@pytest.fixture
def url(s3: FaultyS3) -> str:
    return f"s3://{BUCKET}/test-{next(_prefixes)}/data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(url: str, cache: Path) -> Store:
    return open_store(url, cache)


@pytest.fixture
def hasty(url: str, cache: Path) -> S3Store:
    """A store that asks once."""
    return S3Store(url, cache, ONE_TRY)


def raw(store: Store) -> Client:
    """The service itself, past the store."""
    return Client.from_url(store.location, client_options={"allow_http": True})


class TestS3Store(StoreContract):
    generations = 3
    swaps_under_readers = 40

    def damage(self, store: Store, file: StoredFile, data: bytes) -> None:
        assert isinstance(store, S3Store)
        shutil.rmtree(store.cache)
        obstore.put(raw(store), file.key, data)

    def test_what_was_put_or_fetched_is_not_downloaded_again(self, store: Store, s3: FaultyS3, tmp_path: Path) -> None:
        stored = store.put_file("a", file_of(tmp_path, b"data"))
        before = s3.requests
        assert store.fetch(stored).read_bytes() == b"data"
        assert s3.requests == before

    def test_a_damaged_file_of_the_cache_is_downloaded_anew(self, store: Store, tmp_path: Path) -> None:
        stored = store.put_file("a", file_of(tmp_path, b"data"))
        cached = store.fetch(stored)
        cached.chmod(0o644)
        cached.write_bytes(b"dat4")
        assert store.fetch(stored).read_bytes() == b"data"

    def test_a_refused_download_leaves_nothing_in_the_cache(self, store: Store, cache: Path) -> None:
        stored = store.put_bytes("a", b"data")
        obstore.put(raw(store), stored.key, b"dat4")
        with pytest.raises(IntegrityError):
            store.fetch(stored)
        assert [path for path in cache.rglob("*") if path.is_file()] == []

    def test_a_deleted_object_leaves_the_cache_as_well(self, store: Store, cache: Path) -> None:
        stored = store.put_bytes("a", b"data")
        store.fetch(stored)
        store.create("releases/r/manifest.json", b"{}")
        store.local_path("releases/r/manifest.json")
        store.delete(stored.key)
        store.delete("releases/r/manifest.json")
        assert [path for path in cache.rglob("*") if path.is_file()] == []

    def test_two_prefixes_share_a_cache_but_no_keys(self, url: str, cache: Path) -> None:
        one, two = open_store(url + "/one", cache), open_store(url + "/two", cache)
        one.create("releases/r/manifest.json", b"1")
        two.create("releases/r/manifest.json", b"2")
        assert one.local_path("releases/r/manifest.json").read_bytes() == b"1"
        assert two.local_path("releases/r/manifest.json").read_bytes() == b"2"

    def test_an_object_without_a_line_is_no_pointer(self, store: Store) -> None:
        obstore.put(raw(store), LIVE, b"garbage")
        with pytest.raises(IntegrityError, match=r"live is no pointer.*ragpress doctor"):
            store.read_pointer(LIVE)


class TestOutcomes:
    """Failed, done and unknown are told apart."""

    def test_a_swap_whose_reply_was_lost_is_recognised_as_done(self, store: Store, s3: FaultyS3) -> None:
        first = store.swap_pointer(LIVE, None, b"r1")
        s3.fault = Fault.REPLY_LOST
        second = store.swap_pointer(LIVE, first.token, b"r2")
        assert store.read_pointer(LIVE) == second

    def test_a_creation_whose_reply_was_lost_is_recognised_as_done(self, store: Store, s3: FaultyS3) -> None:
        s3.fault = Fault.REPLY_LOST
        store.create("releases/r/manifest.json", b"{}")
        assert store.read("releases/r/manifest.json") == b"{}"

    def test_a_swap_that_cannot_be_asked_about_is_unknown_and_a_later_read_tells(
        self, hasty: S3Store, s3: FaultyS3
    ) -> None:
        first = hasty.swap_pointer(LIVE, None, b"r1")
        s3.fault = Fault.REPLY_LOST_THEN_DOWN
        with pytest.raises(UnknownOutcomeError, match=r"did not say whether .*live was written"):
            hasty.swap_pointer(LIVE, first.token, b"r2")
        s3.fault = Fault.NONE
        now = hasty.read_pointer(LIVE)
        assert now is not None
        assert now.data == b"r2"

    def test_a_swap_that_was_not_done_is_unknown_and_a_later_read_tells(self, hasty: S3Store, s3: FaultyS3) -> None:
        first = hasty.swap_pointer(LIVE, None, b"r1")
        s3.fault = Fault.NOT_DONE
        with pytest.raises(UnknownOutcomeError):
            hasty.swap_pointer(LIVE, first.token, b"r2")
        assert hasty.read_pointer(LIVE) == first

    def test_a_creation_that_was_not_done_is_unknown(self, hasty: S3Store, s3: FaultyS3) -> None:
        s3.fault = Fault.NOT_DONE
        with pytest.raises(UnknownOutcomeError):
            hasty.create("releases/r/manifest.json", b"{}")
        assert not hasty.exists("releases/r/manifest.json")

    def test_a_lost_creation_of_the_same_bytes_by_another_is_no_success(self, hasty: S3Store, s3: FaultyS3) -> None:
        obstore.put(raw(hasty), "releases/r/manifest.json", b"{}")
        s3.fault = Fault.NOT_DONE
        with pytest.raises(UnknownOutcomeError):
            hasty.create("releases/r/manifest.json", b"{}")

    def test_a_refusal_is_a_failure_and_not_unknown(self, hasty: S3Store, s3: FaultyS3) -> None:
        s3.fault = Fault.REFUSED
        for call in (
            partial(hasty.create, "a", b""),
            partial(hasty.swap_pointer, "p", None, b""),
            partial(hasty.read, "a"),
        ):
            with pytest.raises(StorageError, match="AWS_") as caught:
                call()
            assert not isinstance(caught.value, (UnknownOutcomeError, NotFoundError, ConflictError))
            assert "Debug" not in str(caught.value)

    def test_a_service_that_is_away_is_a_failure_and_not_unknown(
        self, cache: Path, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
            away = S3Store("s3://bucket/x", cache, ONE_TRY)
            with pytest.raises(StorageError, match="AWS_ENDPOINT_URL") as caught:
                away.swap_pointer(LIVE, None, b"")
        assert not isinstance(caught.value, UnknownOutcomeError)

    def test_a_service_that_falls_silent_leaves_the_outcome_unknown(
        self, cache: Path, s3: FaultyS3, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
            store = S3Store("s3://bucket/x", cache, S3Options(timeout_seconds=0.2, retries=0))
            with pytest.raises(UnknownOutcomeError):
                store.swap_pointer(LIVE, None, b"")

    def test_a_missing_bucket_is_said(self, cache: Path, s3: FaultyS3) -> None:
        with pytest.raises(StorageError, match="no such bucket"):
            S3Store("s3://no-such-bucket/x", cache, ONE_TRY).read_pointer(LIVE)

    @pytest.mark.parametrize("url", ["s3://", "s3:///prefix"])
    def test_a_url_without_a_bucket_is_refused(self, url: str, cache: Path) -> None:
        with pytest.raises(SettingsError, match="expected 's3://bucket/prefix'"):
            open_store(url, cache)


def lease_record(expires: float, identity: str = "other") -> bytes:
    holder = Holder(host="far", pid=7, started="2026-01-01T00:00:00+00:00", command="ragpress ingest")
    return msgspec.json.encode(LeaseRecord(holder=holder, identity=identity, expires=expires))


class TestLease:
    """The writer's lease on a service without file locks."""

    def set_lease(self, store: Store, data: bytes) -> None:
        """Write the lease behind everybody's back."""
        obstore.put(raw(store), WRITER, b"nonce\n" + data)

    def test_a_lease_that_has_not_expired_is_respected(self, store: Store) -> None:
        self.set_lease(store, lease_record(time.time() + 1000))
        holder = "ragpress ingest (process 7 on far, since 2026-01-01T00:00:00+00:00)"
        assert store.writer_holder("docs") == holder
        with pytest.raises(WriterBusyError, match="process 7 on far"), store.writer("docs", 0):
            pass

    def test_the_lease_of_a_killed_writer_is_taken_over_once_it_has_expired(self, store: Store) -> None:
        self.set_lease(store, lease_record(time.time() - 1))
        assert store.writer_holder("docs") is None
        with store.writer("docs", 0):
            holder = store.writer_holder("docs")
            assert holder is not None
            assert "far" not in holder

    def test_a_writer_that_lost_its_lease_can_publish_nothing(self, url: str, cache: Path) -> None:
        # Renewed after an hour: the test itself decides when.
        store = S3Store(url, cache, S3Options(lease=LeaseTimes(holds_seconds=60, renew_seconds=3600)))
        with store.writer("docs", 0):
            first = store.swap_pointer(LIVE, None, b"r1")
            self.set_lease(store, lease_record(time.time() + 1000))
            store.renew_leases()
            for call in (partial(store.swap_pointer, LIVE, first.token, b"r2"), partial(store.create, "a", b"")):
                with pytest.raises(StorageError, match="lost the writer lease of collection 'docs'"):
                    call()
        assert store.read_pointer(LIVE) == first
        assert store.writer_holder("docs") is not None, "the new holder keeps its lease"

    def test_a_writer_that_could_not_renew_in_time_can_publish_nothing(self, url: str, cache: Path) -> None:
        store = S3Store(url, cache, S3Options(lease=LeaseTimes(holds_seconds=0.0, renew_seconds=3600)))
        with store.writer("docs", 0), pytest.raises(StorageError, match="lost the writer lease"):
            store.swap_pointer(LIVE, None, b"r1")

    def test_a_renewal_whose_reply_was_lost_keeps_the_lease(self, url: str, cache: Path, s3: FaultyS3) -> None:
        store = S3Store(url, cache, S3Options(lease=LeaseTimes(holds_seconds=60, renew_seconds=3600)))
        with store.writer("docs", 0):
            for fault in (Fault.REPLY_LOST, Fault.NOT_DONE, Fault.NONE):
                s3.fault = fault
                store.renew_leases()
            assert store.swap_pointer(LIVE, None, b"r1").data == b"r1"

    def test_a_thread_renews_the_lease(self) -> None:
        renewed = threading.Event()
        kept: list[Pointer] = []

        def swap(expected: str | None, data: bytes) -> Pointer:
            kept.append(Pointer(data=data, token=str(len(kept))))
            if len(kept) > 3:
                renewed.set()
            return kept[-1]

        lease = CasLease(
            lambda: kept[-1] if kept else None, swap, "docs", LeaseTimes(holds_seconds=60, renew_seconds=0.001)
        )
        lease.acquire(0)
        try:
            assert renewed.wait(10)
            lease.check()
        finally:
            lease.release()
        expiries = [msgspec.json.decode(pointer.data, type=LeaseRecord).expires for pointer in kept[:-1]]
        assert expiries == sorted(expiries)
        assert kept[-1].data == b"", "released"

    def test_an_unreadable_lease_is_said(self, store: Store) -> None:
        self.set_lease(store, b"{")
        with pytest.raises(StorageError, match=r"unreadable.*ragpress doctor"):
            store.writer_holder("docs")
