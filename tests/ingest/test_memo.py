"""The memo: durable after a seal, indifferent to damage, never wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.memo import Memo, VectorMemo, drop_vectors
from ragpress.fingerprint import digest
from ragpress.storage.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def key(number: int) -> bytes:
    return digest("key", number)


def test_values_survive_only_a_seal(store: LocalStore) -> None:
    memo = Memo(store, "steps")
    memo.put(key(1), b"one")
    assert memo.get(key(1)) == b"one"
    assert Memo(store, "steps").get(key(1)) is None

    memo.seal()

    assert memo.get(key(1)) == b"one"
    assert Memo(store, "steps").get(key(1)) == b"one"
    assert Memo(store, "other").get(key(1)) is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.integers(0, 50), st.binary(max_size=40), max_size=8), max_size=5))
def test_it_answers_as_a_dictionary_does(
    tmp_path_factory: pytest.TempPathFactory, packs: list[dict[int, bytes]]
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("memo"))
    writer, expected = Memo(store, "steps"), dict[int, bytes]()
    for pack in packs:
        for number, value in pack.items():
            if number not in expected:
                writer.put(key(number), value)
                expected[number] = value
        writer.seal()

    reader = Memo(store, "steps")

    assert {number: reader.get(key(number)) for number in range(51)} == {n: expected.get(n) for n in range(51)}


def test_keys_that_share_a_prefix_are_told_apart(store: LocalStore) -> None:
    memo = Memo(store, "steps")
    one, other = b"A" * 8 + b"1" * 8, b"A" * 8 + b"2" * 8
    memo.put(one, b"one")
    memo.put(other, b"other")
    memo.seal()
    fresh = Memo(store, "steps")

    assert (fresh.get(one), fresh.get(other), fresh.get(b"A" * 16)) == (b"one", b"other", None)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_pack_is_a_miss_and_never_a_wrong_value(store: LocalStore, damage: str) -> None:
    memo = Memo(store, "steps")
    for number in range(20):
        memo.put(key(number), b"value %d" % number)
    memo.seal()
    path = store.local_path(next(store.list("memo/steps/"))[0])
    body = bytearray(path.read_bytes())
    if damage == "flip":
        position = bytes(body).index(b"value 7")
        body[position] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes({"flip": bytes(body), "truncate": bytes(body[: len(body) // 2]), "empty": b""}[damage])

    fresh = Memo(store, "steps")

    assert fresh.get(key(7)) is None
    assert fresh.get(key(8)) == (b"value 8" if damage == "flip" else None)


def test_many_packs_become_one(store: LocalStore) -> None:
    for number in range(6):
        memo = Memo(store, "steps")
        memo.put(key(number), b"value %d" % number)
        memo.seal()

    assert Memo(store, "steps").merge_packs(10) == 0
    assert Memo(store, "steps").merge_packs(3) == 6
    assert len(list(store.list("memo/steps/"))) == 1
    merged = Memo(store, "steps")
    assert [merged.get(key(number)) for number in range(6)] == [b"value %d" % number for number in range(6)]


def test_vectors_come_back_bit_by_bit_and_by_embedder(store: LocalStore) -> None:
    matrix = np.random.default_rng(1).standard_normal((3, 8)).astype(np.float32)
    memo = VectorMemo(store, "first", 8)
    memo.put_many([key(number) for number in range(3)], matrix)
    memo.seal()

    found, mask = VectorMemo(store, "first", 8).get_many([key(2), key(9), key(0)])

    assert mask.tolist() == [True, False, True]
    np.testing.assert_array_equal(found[[0, 2]], matrix[[2, 0]])
    assert not VectorMemo(store, "second", 8).get_many([key(2)])[1].any()
    assert drop_vectors(store, {"second"}) == 1
    assert not VectorMemo(store, "first", 8).get_many([key(2)])[1].any()
