"""C4: files of the live release are torn, flipped, zeroed or gone."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from index.catalogue import describe_document
from index.environment import open_release
from index.health import doctor
from index.history import publish
from ragpress.errors import RagpressError
from tests.faults.harness import (
    State,
    change,
    command,
    copy,
    data_folder,
    environment_of,
    forked,
    live_id,
    make_workspace,
    read_state,
    run_case,
    run_cases,
)

DAMAGES = ("flip", "truncate", "zero", "delete")
MANIFEST = "manifest.json"


class Prepared(msgspec.Struct, frozen=True):
    """A workspace with two releases: its files by name (of the live one, and its manifest), and what both say."""

    root: Path
    files: dict[str, Path]
    shared: set[str]
    old: State | None
    new: State | None


class Damage(msgspec.Struct, frozen=True):
    """One file damaged in one way."""

    prepared: Prepared
    name: str
    kind: str
    root: Path


class Seen(msgspec.Struct, frozen=True):
    """What a reader and the doctor say of one damage.

    Attributes:
        name: the file.
        kind: the damage.
        error: the reader's error, or "" when it answered.
        state: what it answered.
        named: what the doctor named; "" when it found everything sound.
    """

    name: str
    kind: str
    error: str
    state: State | None
    named: str


def prepare(folder: Path) -> Prepared:
    """Make the workspace."""
    root = make_workspace(folder / "workspace")
    command(root, "ingest", "--json")
    old, first = forked(read_state, root), live_id(root)
    change(root)
    command(root, "ingest", "--json")
    environment = environment_of(root)
    releases = environment.releases("default")
    live = releases.get(live_id(root))
    before = {file.key for file in releases.get(first).files()}
    files = {file.name: data_folder(root) / file.key for file in live.files()}
    shared = {file.name for file in live.files() if file.key in before}
    files[MANIFEST] = data_folder(root) / "releases" / live.id / MANIFEST
    return Prepared(root, files, shared, old, read_state(root))


def damage(path: Path, kind: str) -> bytes:
    """Damage a file in place, as a bad disk does, so that hard links to it show the same; returns what it held."""
    content = path.read_bytes()
    middle = len(content) // 2
    bodies = {
        "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "truncate": content[:middle],
        "zero": bytes(len(content)),
    }
    if kind == "delete":
        path.rename(path.with_name(path.name + ".away"))
    else:
        overwrite(path, bodies[kind])
    return content


def mend(path: Path, kind: str, content: bytes) -> None:
    """Undo the damage."""
    if kind == "delete":
        path.with_name(path.name + ".away").rename(path)
    else:
        overwrite(path, content)


def overwrite(path: Path, content: bytes) -> None:
    """Write into the very file, whatever its mode."""
    path.chmod(0o644)
    descriptor = os.open(path, os.O_WRONLY)
    os.ftruncate(descriptor, len(content))
    os.pwrite(descriptor, content, 0)
    os.close(descriptor)
    path.chmod(0o444)


def look(prepared: Prepared) -> tuple[list[Seen], list[State | None]]:
    """Damage each file in each way, and ask a reader and the doctor; then ask again without the damage."""
    seen, after = [], []
    for name, path in prepared.files.items():
        for kind in DAMAGES:
            content = damage(path, kind)
            error, state, named = forked(ask, prepared.root)
            mend(path, kind, content)
            seen.append(Seen(name, kind, error, state, named))
        after.append(forked(read_state, prepared.root))
    return seen, after


def ask(root: Path) -> tuple[str, State | None, str]:
    """What a reader of everything gets, the texts of whole documents included, and what the doctor names."""
    environment = environment_of(root)
    error, state = "", None
    try:
        state = read_state(root)
        opened = open_release(environment, "default", None)
        for source in state.documents if state else ():
            describe_document(opened, source, True)
    except RagpressError as failure:
        error = f"{type(failure).__name__}: {failure}"
    diagnosis = doctor(environment)
    named = " ".join(f"{check.name} {check.found}" for check in diagnosis.checks if not check.ok)
    return error, state, "" if diagnosis.healthy else named


def heal(case: Damage) -> tuple[list[int], list[State | None]]:
    """Damage a file for good, then take the ways out that the doctor names; returns exit codes and what is served."""
    prepared = case.prepared
    root = copy(prepared.root, case.root)
    damage(root / prepared.files[case.name].relative_to(prepared.root), case.kind)
    codes = [command(root, "doctor", "--json").code]
    states: list[State | None] = []
    if case.name not in prepared.shared:
        codes.append(command(root, "releases", "rollback", "--json").code)
        states.append(forked(read_state, root))
        codes.append(command(root, "ingest", "--json").code)
        states.append(forked(read_state, root))
    codes.append(command(root, "ingest", "--rebuild", "--json").code)
    states.append(forked(read_state, root))
    codes.append(command(root, "doctor", "--json").code)
    if case.name == MANIFEST and case.kind != "delete":
        (root / prepared.files[case.name].relative_to(prepared.root)).unlink()
        codes.append(command(root, "doctor", "--json").code)
    codes.append(command(root, "releases", "gc", "--json").code)
    return codes, states


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return run_case(prepare, tmp_path_factory.mktemp("damage"))


@pytest.mark.fault
def test_every_damage_is_refused_by_name_before_a_wrong_answer(prepared: Prepared) -> None:
    seen, after = run_case(look, prepared)

    assert after == [prepared.new] * len(prepared.files)
    assert len(seen) == len(prepared.files) * len(DAMAGES) > 60
    for one in seen:
        where = f"{one.kind} {one.name}: {one.error}"
        path = prepared.files[one.name]
        wanted = path.parent.name if one.name == MANIFEST else path.name
        assert one.error or one.state == prepared.new, where
        # a checked-out copy of a deleted object still answers, and rightly
        assert one.error or (one.name.startswith("lexical/") and one.kind == "delete"), where
        assert not one.error or wanted in one.error, where
        assert wanted in one.named, f"{where}; the doctor named: {one.named}"


def check_healed(prepared: Prepared, cases: list[Damage]) -> None:
    """The release before serves where it is whole, and a sound release is made again."""
    for case, (codes, states) in zip(cases, run_cases(heal, cases), strict=True):
        where = f"{case.kind} {case.name}"
        if case.name in prepared.shared:
            assert (codes, states) == ([1, 3, 0, 0], [prepared.new]), where
        else:
            # a damaged manifest stays in the doctor's list until a person removes it
            still = [1] if case.name == MANIFEST and case.kind != "delete" else []
            assert codes == [1, 0, 3, 3, *still, 0, 0], where
            assert states == [prepared.old, prepared.new, prepared.new], where


@pytest.mark.fault
def test_a_damaged_release_is_rolled_back_and_rebuilt(prepared: Prepared, tmp_path: Path) -> None:
    names = ["segments/1/chunks.arrow", "segments/2/chunks.arrow", "lexical/meta.json", "documents/0.parquet", MANIFEST]
    pairs = zip(names, ("flip", "flip", "zero", "delete", "truncate"), strict=True)
    cases = [Damage(prepared, name, kind, tmp_path / str(number)) for number, (name, kind) in enumerate(pairs)]

    check_healed(prepared, cases)


@pytest.mark.campaign
def test_every_damaged_release_is_rolled_back_and_rebuilt(prepared: Prepared, tmp_path: Path) -> None:
    pairs = [(name, kind) for name in prepared.files for kind in DAMAGES]
    cases = [Damage(prepared, name, kind, tmp_path / str(number)) for number, (name, kind) in enumerate(pairs)]

    check_healed(prepared, cases)


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["flip", "truncate", "zero"])
def test_a_damaged_pointer_is_refused_and_set_again(prepared: Prepared, tmp_path: Path, kind: str) -> None:
    root = copy(prepared.root, tmp_path / "workspace")
    pointer = data_folder(root) / "collections/default/live"
    live = live_id(root)
    damage(pointer, kind)
    if kind == "flip":
        pointer.write_bytes(pointer.read_bytes().replace(b"r00002-", b"r00012-"))

    with pytest.raises(RagpressError, match=r"live|r00012-"):
        read_state(root)

    pointer.unlink()
    environment = environment_of(root)
    with environment.store.writer("default", 0):
        publish(environment, "default", live, None)
    assert read_state(root) == prepared.new
