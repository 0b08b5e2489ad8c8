"""What every store must do; each implementation's test class inherits it."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from ragpress.errors import ConflictError, IntegrityError, NotFoundError, StorageError, WriterBusyError
from ragpress.storage import Store, StoredFile

THREADS = 16
BAD_KEYS = [
    "",
    "/",
    "a/",
    "/etc/passwd",
    "../up",
    "a/../b",
    "a//b",
    "./a",
    "a/.hidden",
    "a b",
    "a\n",
    "ü",
    "a\\b",
    "a\0",
]
_Result = TypeVar("_Result")


def file_of(tmp_path: Path, data: bytes, name: str = "finished") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def at_once(call: Callable[[int], _Result], threads: int = THREADS) -> list[_Result]:
    """Call in so many threads that all start together."""
    barrier = threading.Barrier(threads)

    def started(number: int) -> _Result:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(started, range(threads)))


class StoreContract(ABC):
    """Inherit, and provide a ``store`` fixture and :meth:`damage`."""

    generations = 5
    swaps_under_readers = 200

    @abstractmethod
    def damage(self, store: Store, file: StoredFile, data: bytes) -> None:
        """Put other bytes in the place of a stored object, behind the store's back."""

    def test_a_file_moves_in_under_the_digest_of_its_bytes(self, store: Store, tmp_path: Path) -> None:
        path = file_of(tmp_path, b"some bytes")
        stored = store.put_file("lexical/meta.json", path)
        digest = hashlib.sha256(b"some bytes").hexdigest()
        assert stored == StoredFile("lexical/meta.json", f"objects/{digest[:2]}/{digest}", digest, 10)
        assert not path.exists()
        assert store.fetch(stored).read_bytes() == b"some bytes"
        assert store.local_path(stored.key).read_bytes() == b"some bytes"
        assert store.read(stored.key) == b"some bytes"

    def test_a_fetched_file_is_read_only(self, store: Store, tmp_path: Path) -> None:
        for stored in (store.put_bytes("a", b"1"), store.put_file("b", file_of(tmp_path, b"2"))):
            assert store.fetch(stored).stat().st_mode & 0o222 == 0

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 6000], ids=["empty", "one byte", "1.5 MB"])
    def test_bytes_come_back_whole(self, store: Store, tmp_path: Path, data: bytes) -> None:
        as_bytes = store.put_bytes("one", data)
        as_file = store.put_file("two", file_of(tmp_path, data))
        assert (as_bytes.key, as_bytes.size) == (as_file.key, as_file.size)
        assert store.fetch(as_file).read_bytes() == data

    def test_storing_the_same_bytes_again_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        first = store.put_file("a", file_of(tmp_path, b"same"))
        again = file_of(tmp_path, b"same")
        assert store.put_file("a", again) == first
        assert store.put_bytes("a", b"same") == first
        assert not again.exists()
        assert list(store.list("objects/")) == [(first.key, 4)]

    def test_a_file_that_is_not_there_cannot_be_stored(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="nowhere"):
            store.put_file("a", tmp_path / "nowhere")

    def test_what_was_never_stored_is_not_found(self, store: Store) -> None:
        absent = StoredFile("a", "objects/ab/" + "ab" * 32, "ab" * 32, 1)
        for look in (lambda: store.read(absent.key), lambda: store.fetch(absent), lambda: store.local_path(absent.key)):
            with pytest.raises(NotFoundError, match=absent.key):
                look()
        assert not store.exists(absent.key)

    def test_a_created_object_is_never_overwritten(self, store: Store) -> None:
        store.create("releases/r1/manifest.json", b"{}")
        with pytest.raises(ConflictError, match=r"releases/r1/manifest\.json"):
            store.create("releases/r1/manifest.json", b"[]")
        assert store.read("releases/r1/manifest.json") == b"{}"

    def test_of_many_creators_one_wins(self, store: Store) -> None:
        def attempt(number: int) -> bool:
            try:
                store.create("releases/r1/manifest.json", b"%d" % number)
            except ConflictError:
                return False
            return True

        won = at_once(attempt)
        assert won.count(True) == 1
        assert store.read("releases/r1/manifest.json") == b"%d" % won.index(True)

    def test_delete_removes_and_a_missing_object_is_no_error(self, store: Store, tmp_path: Path) -> None:
        stored = store.put_file("a", file_of(tmp_path, b"data"))
        assert store.exists(stored.key)
        store.delete(stored.key)
        store.delete(stored.key)
        assert not store.exists(stored.key)
        with pytest.raises(NotFoundError):
            store.local_path(stored.key)

    def test_list_gives_the_keys_below_a_folder_in_order(self, store: Store) -> None:
        for key, data in (("b/2", b"22"), ("b/10", b"1"), ("b/c/d", b"333"), ("bc/1", b"1"), ("a", b"")):
            store.create(key, data)
        assert list(store.list("b/")) == [("b/10", 1), ("b/2", 2), ("b/c/d", 3)]
        assert [key for key, _ in store.list("")] == ["a", "b/10", "b/2", "b/c/d", "bc/1"]
        assert list(store.list("nothing/")) == []

    def test_a_prefix_is_a_folder(self, store: Store) -> None:
        with pytest.raises(StorageError, match="ends in '/'"):
            list(store.list("b"))

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_leads_elsewhere_is_refused(self, store: Store, key: str) -> None:
        calls: list[Callable[[], object]] = [
            lambda: store.create(key, b""),
            lambda: store.read(key),
            lambda: store.exists(key),
            lambda: store.delete(key),
            lambda: store.local_path(key),
            lambda: store.fetch(StoredFile("a", key, "00", 0)),
            lambda: store.read_pointer(key),
            lambda: store.swap_pointer(key, None, b""),
        ]
        for call in calls:
            with pytest.raises(StorageError, match="is refused"):
                call()

    def test_a_pointer_is_none_until_set_and_then_moves_from_token_to_token(self, store: Store) -> None:
        key = "collections/default/live"
        assert store.read_pointer(key) is None
        first = store.swap_pointer(key, None, b"r1")
        assert store.read_pointer(key) == first
        second = store.swap_pointer(key, first.token, b"r2")
        assert store.read_pointer(key) == second
        assert second.data == b"r2"

    @pytest.mark.parametrize("data", [b"", b"\n", b"a\nb\n", b"\xff\x00"])
    def test_a_pointer_holds_any_bytes(self, store: Store, data: bytes) -> None:
        store.swap_pointer("p", None, data)
        found = store.read_pointer("p")
        assert found is not None
        assert found.data == data

    def test_the_token_changes_although_the_data_does_not(self, store: Store) -> None:
        tokens = [store.swap_pointer("p", None, b"same").token]
        for _ in range(4):
            tokens.append(store.swap_pointer("p", tokens[-1], b"same").token)
        assert len(set(tokens)) == 5

    def test_a_stale_token_loses_and_changes_nothing(self, store: Store) -> None:
        first = store.swap_pointer("p", None, b"1")
        second = store.swap_pointer("p", first.token, b"2")
        for stale in (first.token, None):
            with pytest.raises(ConflictError, match="p"):
                store.swap_pointer("p", stale, b"3")
        assert store.read_pointer("p") == second

    def test_a_token_of_a_deleted_pointer_never_fits_again(self, store: Store) -> None:
        first = store.swap_pointer("p", None, b"1")
        store.delete("p")
        with pytest.raises(ConflictError):
            store.swap_pointer("p", first.token, b"2")
        again = store.swap_pointer("p", None, b"1")
        with pytest.raises(ConflictError):
            store.swap_pointer("p", first.token, b"2")
        assert store.read_pointer("p") == again

    def test_of_many_swaps_of_one_generation_one_wins(self, store: Store) -> None:
        token: str | None = None
        for generation in range(self.generations):

            def attempt(number: int, token: str | None = token, generation: int = generation) -> str | None:
                try:
                    return store.swap_pointer("p", token, b"%d of %d" % (number, generation)).token
                except ConflictError:
                    return None

            outcome = at_once(attempt)
            winners = [number for number, won in enumerate(outcome) if won is not None]
            assert len(winners) == 1, f"generation {generation}: winners {winners}"
            now = store.read_pointer("p")
            assert now is not None
            assert (now.data, now.token) == (b"%d of %d" % (winners[0], generation), outcome[winners[0]])
            token = now.token

    @pytest.mark.workspace
    def test_readers_during_swaps_see_one_value_or_the_next_whole(self, store: Store) -> None:
        long = 5000
        token = store.swap_pointer("p", None, b"0" * long).token
        stop, torn = threading.Event(), list[bytes]()

        def look() -> int:
            seen = 0
            while not stop.is_set() or not seen:
                now = store.read_pointer("p")
                if now is None or now.data != now.data[:1] * long:
                    torn.append(b"" if now is None else now.data)
                seen += 1
            return seen

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(look) for _ in range(4)]
            try:
                for number in range(self.swaps_under_readers):
                    token = store.swap_pointer("p", token, b"%d" % (number % 10) * long).token
            finally:
                stop.set()
            assert all(reader.result() > 0 for reader in readers)
        assert torn == []

    @pytest.mark.parametrize(
        "data", [b"good bytez", b"good byte", b"good bytes.", b""], ids=["flipped", "cut", "grown", "empty"]
    )
    def test_a_damaged_object_is_refused(self, store: Store, tmp_path: Path, data: bytes) -> None:
        stored = store.put_file("vectors.faiss", file_of(tmp_path, b"good bytes"))
        self.damage(store, stored, data)
        with pytest.raises(IntegrityError, match=r"vectors\.faiss.*expected .*found .*ragpress doctor") as caught:
            store.fetch(stored)
        assert stored.key in str(caught.value)

    def test_a_torn_object_is_mended_by_storing_it_again(self, store: Store, tmp_path: Path) -> None:
        stored = store.put_file("a", file_of(tmp_path, b"good bytes"))
        self.damage(store, stored, b"good")
        store.put_file("a", file_of(tmp_path, b"good bytes"))
        assert store.fetch(stored).read_bytes() == b"good bytes"

    def test_a_second_writer_is_told_who_the_first_is(self, store: Store) -> None:
        assert store.writer_holder("docs") is None
        with store.writer("docs", 0):
            holder = store.writer_holder("docs")
            assert holder is not None
            with pytest.raises(WriterBusyError, match=r"'docs'.*--wait") as caught, store.writer("docs", 0):
                pass
            assert holder in str(caught.value)
            assert "process " in holder
        assert store.writer_holder("docs") is None

    def test_collections_have_writers_of_their_own(self, store: Store) -> None:
        with store.writer("one", 0), store.writer("two", 0):
            assert store.writer_holder("one") is not None
            assert store.writer_holder("two") is not None

    def test_a_writer_that_fails_frees_the_collection(self, store: Store) -> None:
        with pytest.raises(RuntimeError, match="half way"), store.writer("docs", 0):
            raise RuntimeError("half way")
        with store.writer("docs", 0):
            assert store.writer_holder("docs") is not None

    def test_a_writer_waits_for_the_other_to_finish(self, store: Store) -> None:
        order: list[str] = []
        waiting = threading.Event()

        def second() -> None:
            waiting.set()
            with store.writer("docs", 20):
                order.append("second")

        with ThreadPoolExecutor(1) as pool:
            with store.writer("docs", 0):
                other = pool.submit(second)
                assert waiting.wait(10)
                order.append("first")
            other.result()
        assert order == ["first", "second"]

    def test_locks_are_neither_listed_nor_touched_by_key(self, store: Store) -> None:
        with store.writer("docs", 0):
            store.swap_pointer("collections/docs/live", None, b"r")
            assert [key for key, _ in store.list("")] == ["collections/docs/live"]
            for key in ("collections/docs/writer", "collections/docs/writer.lock"):
                with pytest.raises(StorageError, match="is refused"):
                    store.delete(key)

    @pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "a.b"])
    def test_a_collection_name_cannot_lead_elsewhere(self, store: Store, name: str) -> None:
        with pytest.raises(StorageError, match="is refused"):
            store.writer(name, 0).__enter__()
