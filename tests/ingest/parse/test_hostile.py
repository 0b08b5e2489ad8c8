"""Hostile files cost one refused document each: in time, in memory, without a trace on disk or network."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.parse.pool import ParserPool
from ragpress.errors import (
    EncryptedError,
    ParseError,
    ParserDiedError,
    TimeLimitError,
    TooLargeError,
)
from ragpress.settings import ParseSettings, WorkerSettings
from ragpress.types import ParsedDocument
from tests.ingest.parse.hostile import CAMPAIGN_NAMES, EMPTY, NAMES, READABLE, hostile

pytestmark = pytest.mark.fault

SECONDS = 8.0
MEMORY_MB = 2048


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(ParseSettings(), WorkerSettings(processes=1, seconds=SECONDS, memory_mb=MEMORY_MB)) as opened:
        yield opened


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """Listens where the hostile files point: port 9 of the loopback address, when this user may."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", 9))
        except PermissionError:
            server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        yield server


def _snapshot(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.lstat().st_size) for path in folder.rglob("*")}


def _check(pool: ParserPool, path: Path, name: str) -> ParsedDocument | ParseError:
    """Parse a file under watch, then a normal one with the same pool."""
    normal = path.parent / "normal.md"
    normal.write_text("# Normal\n\nStill read.\n", encoding="utf-8")
    before = _snapshot(path.parent)
    began = time.monotonic()
    outcome = pool.parse(str(path), name).outcome
    assert time.monotonic() - began < 30
    assert _snapshot(path.parent) == before
    assert not [folder for folder in (Path.cwd(), *path.parents) if list(folder.glob("ragpress-slip*"))]
    after = pool.parse(str(normal), "normal.md").outcome
    assert isinstance(after, ParsedDocument)
    assert after.text == "# Normal\n\nStill read."
    return outcome


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_costs_one_document(
    pool: ParserPool, listener: socket.socket, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(hostile(name))
    outcome = _check(pool, path, name)
    with pytest.raises(BlockingIOError):
        listener.accept()
    if name in READABLE | EMPTY:
        assert isinstance(outcome, ParsedDocument), outcome
        assert bool(outcome.text.strip()) == (name in READABLE)
        assert "root:" not in outcome.text
    else:
        assert isinstance(outcome, ParseError)
        assert len(str(outcome)) > 20
        assert str(tmp_path) not in str(outcome)


@pytest.mark.campaign
@pytest.mark.parametrize("name", CAMPAIGN_NAMES)
def test_a_huge_hostile_file_costs_one_document(pool: ParserPool, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(hostile(name))
    outcome = _check(pool, path, name)
    assert isinstance(outcome, (TooLargeError, ParserDiedError, TimeLimitError, ParseError))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("encrypted")])
def test_encrypted_files_say_so(pool: ParserPool, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(hostile(name))
    outcome = pool.parse(str(path), name).outcome
    assert isinstance(outcome, EncryptedError)
    assert "password" in str(outcome)


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.md")
    return folder / "pipe.md"


def _link(folder: Path) -> Path:
    (folder / "link.md").symlink_to("/etc/passwd")
    return folder / "link.md"


def _device_link(folder: Path) -> Path:
    (folder / "zero.md").symlink_to("/dev/zero")
    return folder / "zero.md"


def _folder(folder: Path) -> Path:
    (folder / "folder.md").mkdir()
    return folder / "folder.md"


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.md"))
    return folder / "s.md"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_pipe, "not a regular file"),
        (_link, "symbolic link"),
        (_device_link, "symbolic link"),
        (_folder, "not a regular file"),
        (_socket, "not a regular file"),
        (lambda _: Path("/dev/zero"), "not a regular file"),
        (lambda _: Path("/dev/tty"), "not a regular file"),
        (lambda folder: folder / "gone.md", "has gone"),
    ],
)
def test_what_is_no_file_is_refused_at_once(pool: ParserPool, tmp_path: Path, make: object, word: str) -> None:
    assert callable(make)
    path = make(tmp_path)
    began = time.monotonic()
    result = pool.parse(str(path), path.name)
    assert time.monotonic() - began < 30
    assert isinstance(result.outcome, ParseError)
    assert result.sha256 == ""
    if path != Path("/dev/tty"):  # without a terminal it cannot even be opened
        assert word in str(result.outcome)
