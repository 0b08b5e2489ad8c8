"""The local store: the common contract, and what only files can suffer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ragpress.errors import IntegrityError, SettingsError, StorageError
from ragpress.storage import Store, StoredFile, disk, open_store
from ragpress.storage.local import LocalStore
from tests.ragpress.storage.contract import StoreContract, file_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "data"), tmp_path / "cache")


class TestLocalStore(StoreContract):
    generations = 20

    def damage(self, store: Store, file: StoredFile, data: bytes) -> None:
        path = Path(store.location) / file.key
        path.chmod(0o644)
        path.write_bytes(data)

    def test_reading_creates_nothing(self, store: Store) -> None:
        assert store.read_pointer("collections/default/live") is None
        assert list(store.list("")) == []
        assert store.writer_holder("default") is None
        assert not Path(store.location).exists()

    def test_a_fetched_file_is_the_object_itself(self, store: Store) -> None:
        stored = store.put_bytes("a", b"1")
        assert store.fetch(stored) == Path(store.location) / stored.key

    def test_two_objects_see_one_store(self, store: Store, tmp_path: Path) -> None:
        other = open_store(store.location, tmp_path / "cache")
        token = store.swap_pointer("p", None, b"1").token
        other.swap_pointer("p", token, b"2")
        now = store.read_pointer("p")
        assert now is not None
        assert now.data == b"2"

    @pytest.mark.parametrize("content", [b"", b"no newline", b"\xff\xff\nr1"])
    def test_a_torn_pointer_is_named(self, store: Store, content: bytes) -> None:
        store.swap_pointer("p", None, b"r1")
        (Path(store.location) / "p").write_bytes(content)
        with pytest.raises(IntegrityError, match=r"data/p is no pointer.*ragpress doctor"):
            store.read_pointer("p")

    def test_leftovers_of_killed_writers_are_not_listed(self, store: Store, tmp_path: Path) -> None:
        stored = store.put_bytes("a", b"1")
        leftover = disk.temp_path((Path(store.location) / stored.key).parent)
        leftover.write_bytes(b"half")
        assert list(store.list("objects/")) == [(stored.key, 1)]

    def test_a_folder_in_the_place_of_a_file_is_a_storage_error(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "data").write_bytes(b"a file")
        with pytest.raises(StorageError, match="data"):
            store.put_file("a", file_of(tmp_path, b"1"))


def test_a_location_is_a_folder_or_an_s3_url(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "new"), tmp_path)
    assert isinstance(store, LocalStore)
    assert store.location == str(tmp_path / "new")


@pytest.mark.parametrize("location", ["", "  ", "gs://bucket/x", "file:///data", "https://host/bucket"])
def test_another_location_is_refused_with_what_is_accepted(location: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a folder's path or 's3://bucket/prefix'"):
        open_store(location, tmp_path)


def test_a_file_is_no_location(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"")
    with pytest.raises(SettingsError, match="is a file"):
        open_store(str(path), tmp_path)


def test_a_local_store_loads_no_client_of_a_service(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ragpress.storage import open_store\n"
        "open_store(sys.argv[1], Path()).put_bytes('a', b'1')\n"
        "print(sorted({'obstore', 'asyncio', 'ssl'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert done.stdout.strip() == "[]"
