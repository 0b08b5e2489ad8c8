from __future__ import annotations

import re
import secrets
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragpress.errors import IntegrityError, StorageError, UsageError
from ragpress.storage import open_store
from ragpress.storage.local import LocalStore
from ragpress.storage.store import Pointer
from retrieval.access import OPERATOR, Principal
from serving.callers import LOCAL, Caller, Role
from serving.keys.records import Grant
from serving.keys.ring import RING_KEY, STALE_SECONDS, KeyRing
from serving.keys.tokens import Token, new_token, parse_token
from tests.ragpress.storage.s3_server import BUCKET, FaultyS3
from tests.serving.keys.conftest import Clock


def made(ring: KeyRing, name: str = "alice", **grant: object) -> str:
    return str(ring.add(Grant(name=name, **grant))[1])  # type: ignore[arg-type]


def found(ring: KeyRing, token: str | None) -> Caller:
    caller = ring.caller(token)
    assert caller is not None
    return caller


def test_without_keys_everybody_is_the_operator_whatever_they_send(ring: KeyRing) -> None:
    assert not ring.required
    assert ring.caller(None) is LOCAL
    # OpenAI's clients cannot be made without some key.
    assert ring.caller("unused") is LOCAL


def test_a_key_finds_its_caller(ring: KeyRing) -> None:
    token = made(
        ring,
        roles=(Role.ASK, Role.INGEST),
        groups=("hr", "legal team"),
        requests_per_minute=5,
        tokens_per_minute=700,
    )

    caller = found(ring, token)

    assert re.fullmatch(r"rp_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}", token)
    assert caller.key == token.split("_")[1]
    assert (caller.owner, caller.requests_per_minute, caller.tokens_per_minute) == ("alice", 5, 700)
    assert caller.roles == {Role.ASK, Role.INGEST}
    assert caller.principal == Principal(frozenset({"hr", "legal team"}))
    assert not caller.may(Role.ADMIN)


def test_an_admin_reads_everything(ring: KeyRing) -> None:
    caller = found(ring, made(ring, roles=(Role.ADMIN,), groups=("hr",)))

    assert caller.principal == OPERATOR
    assert all(caller.may(role) for role in Role)


def test_with_keys_nobody_passes_without_one(ring: KeyRing) -> None:
    token = made(ring)
    other = str(Token(id=token.split("_")[1], secret=new_token().secret))

    assert ring.required
    assert ring.caller(None) is None
    assert ring.caller(str(new_token())) is None
    assert ring.caller(other) is None
    assert ring.caller(token[:-1]) is None
    assert ring.caller(token + "a") is None
    assert ring.caller(token.swapcase()) is None


def test_after_the_last_key_is_revoked_nobody_gets_in(store: LocalStore, ring: KeyRing) -> None:
    token = made(ring)

    assert ring.revoke("alice").revoked is not None

    for opened in (ring, KeyRing(store)):
        assert opened.required
        assert opened.caller(token) is None
        assert opened.caller(None) is None


def test_a_service_that_others_reach_needs_keys_even_where_there_are_none(store: LocalStore) -> None:
    ring = KeyRing(store, always=True)

    assert ring.required
    assert ring.caller(None) is None


def test_keys_that_vanish_under_a_running_service_open_no_door(tmp_path: Path, ring: KeyRing) -> None:
    token = made(ring)
    (tmp_path / "data" / RING_KEY).unlink()

    ring.refresh()

    assert ring.required
    assert ring.caller(token) is None
    assert ring.caller(None) is None


def test_an_expired_key_gets_nobody_in_from_that_moment_on(ring: KeyRing, clock: Clock) -> None:
    token = made(ring, expires=clock.now() + timedelta(seconds=10))

    clock.seconds += 9.9
    assert found(ring, token).owner == "alice"
    clock.seconds += 0.1
    assert ring.caller(token) is None
    assert ring.required


def test_names_are_unique_among_keys_in_force(ring: KeyRing, clock: Clock) -> None:
    first = found(ring, made(ring, expires=clock.now() + timedelta(seconds=10))).key

    with pytest.raises(UsageError, match=f"in force already \\(id {first}\\)"):
        ring.add(Grant(name="ALICE"))
    clock.seconds += 10
    second = found(ring, made(ring)).key
    ring.revoke(second)
    third = found(ring, made(ring)).key

    assert len({first, second, third}) == 3
    assert [record.id for record in ring.records()] == [first, second, third]


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a.b", "-x", "é", "a b", "x" * 65, "a\n", "local", "LOCAL"])
def test_a_name_that_is_no_folder_name_is_refused(ring: KeyRing, name: str) -> None:
    with pytest.raises(UsageError):
        ring.add(Grant(name=name))
    assert not ring.required


@pytest.mark.parametrize(
    "grant",
    [
        Grant(name="a", groups=("",)),
        Grant(name="a", groups=(" hr",)),
        Grant(name="a", groups=("h\nr",)),
        Grant(name="a", groups=("x" * 129,)),
        Grant(name="a", roles=()),
        Grant(name="a", requests_per_minute=0),
        Grant(name="a", tokens_per_minute=-1),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(ring: KeyRing, grant: Grant) -> None:
    with pytest.raises(UsageError):
        ring.add(grant)


def test_revoking_what_is_not_there_names_what_is(ring: KeyRing) -> None:
    made(ring, "bob")
    with pytest.raises(UsageError, match="Keys in force: bob"):
        ring.revoke("alice")


def test_a_key_can_be_revoked_by_its_id(ring: KeyRing) -> None:
    token = made(ring)
    kept = made(ring, "bob")

    ring.revoke(token.split("_")[1])

    assert ring.caller(token) is None
    assert found(ring, kept).owner == "bob"


def test_a_name_that_is_also_an_id_is_not_guessed_about(ring: KeyRing) -> None:
    token = made(ring)
    key_id = token.split("_")[1]
    made(ring, key_id)
    with pytest.raises(UsageError, match="name of one key and the id of another"):
        ring.revoke(key_id)


def test_another_worker_notices_at_its_next_look(store: LocalStore, ring: KeyRing) -> None:
    worker = KeyRing(store)
    token = made(ring)

    assert worker.caller(token) is LOCAL
    worker.refresh()
    assert found(worker, token).owner == "alice"
    ring.revoke("alice")
    worker.refresh()
    assert worker.caller(token) is None


def test_watching_follows_changes_by_itself(store: LocalStore, ring: KeyRing) -> None:
    looked = threading.Semaphore(0)

    class Telling(LocalStore):
        def read_pointer(self, key: str) -> Pointer | None:
            pointer = super().read_pointer(key)
            looked.release()
            return pointer

    worker = KeyRing(Telling(store.root))
    with worker.watched(every=0.001):
        token = made(ring)
        for _ in range(2):  # a look may have begun before the key was made
            while looked.acquire(blocking=False):
                pass
            assert looked.acquire(timeout=10)
        assert looked.acquire(timeout=10)
        assert found(worker, token).owner == "alice"
    assert not [thread for thread in threading.enumerate() if thread.name == "ragpress-keys"]


def test_finding_a_caller_reads_no_store(tmp_path: Path, ring: KeyRing) -> None:
    token = made(ring)
    (tmp_path / "data" / RING_KEY).unlink()

    assert found(ring, token).owner == "alice"


def test_where_keys_cannot_be_read_for_long_nobody_gets_in(tmp_path: Path, ring: KeyRing, clock: Clock) -> None:
    token = made(ring)
    path = tmp_path / "data" / RING_KEY
    sound = path.read_bytes()
    path.write_bytes(b"no pointer")

    clock.seconds += STALE_SECONDS
    with pytest.raises(IntegrityError):
        ring.refresh()
    assert found(ring, token).owner == "alice"
    clock.seconds += 1
    with pytest.raises(StorageError, match="nobody is let in"):
        ring.caller(token)
    path.write_bytes(sound)
    ring.refresh()
    assert found(ring, token).owner == "alice"


@pytest.mark.parametrize("stored", [b"1-a\nnot json", b'1-a\n{"keys": [{"id": "x"}]}', b'1-a\n{"keys": 3}'])
def test_a_damaged_ring_is_one_clear_error(tmp_path: Path, stored: bytes) -> None:
    (tmp_path / "data" / "keys").mkdir(parents=True)
    (tmp_path / "data" / RING_KEY).write_bytes(stored)
    with pytest.raises(IntegrityError, match="Restore this file from a backup"):
        KeyRing(LocalStore(tmp_path / "data"))


def test_the_secret_is_stored_nowhere_and_the_file_is_for_its_owner_alone(tmp_path: Path, ring: KeyRing) -> None:
    token = made(ring)
    secret = token.split("_")[2]
    ring.revoke("alice")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert RING_KEY in {path.relative_to(tmp_path / "data").as_posix() for path in files}
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert stat.S_IMODE((tmp_path / "data" / RING_KEY).stat().st_mode) == 0o600


def test_the_secret_is_shown_by_no_repr(ring: KeyRing) -> None:
    record, token = ring.add(Grant(name="alice"))

    for shown in (repr(token), f"{token!r}", repr(record), repr(ring.caller(str(token)))):
        assert token.secret not in shown


def test_many_commands_at_once_lose_no_key(store: LocalStore) -> None:
    names = [f"key-{number}" for number in range(8)]
    threads = [threading.Thread(target=made, args=(KeyRing(store), name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(record.name for record in KeyRing(store).records()) == names


def test_of_two_commands_at_once_one_gets_the_name(store: LocalStore) -> None:
    refused: list[str] = []

    def add() -> None:
        try:
            made(KeyRing(store))
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 3
    assert [record.name for record in KeyRing(store).records()] == ["alice"]


def test_keys_in_s3(s3: FaultyS3, tmp_path: Path) -> None:
    location = f"s3://{BUCKET}/{secrets.token_hex(4)}"
    ring, worker = (KeyRing(open_store(location, tmp_path)) for _ in range(2))
    token = made(ring)

    worker.refresh()
    assert found(worker, token).owner == "alice"
    ring.revoke("alice")
    worker.refresh()
    assert worker.caller(token) is None
    assert worker.required


@given(st.text(max_size=200) | st.text(alphabet="rp_0aZ", min_size=55, max_size=65))
def test_no_text_that_is_no_key_raises(text: str) -> None:
    parsed = parse_token(text)
    assert parsed is None or str(parsed) == text


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000_000, "rp_" + "é" * 56, "rp_\x00", "rp_" + "٣" * 12 + "_" + "a" * 43, "\ud800", f"{new_token()}\n"],
    ids=["huge", "not ASCII", "a NUL", "digits of another script", "half a character", "a line end"],
)
def test_hostile_texts_are_no_keys(ring: KeyRing, text: str) -> None:
    made(ring)
    assert ring.caller(text) is None


def test_no_two_keys_are_the_same() -> None:
    tokens = [new_token() for _ in range(200)]

    assert len({token.id for token in tokens}) == len({token.secret for token in tokens}) == 200
    assert all(parse_token(str(token)) == token for token in tokens)
