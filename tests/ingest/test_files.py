from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ingest.files import hash_regular, read_regular
from ragpress.errors import DocumentError


def test_hash_and_read_agree(tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(2_500_000))
    stat, digest = hash_regular(str(path), 3_000_000)
    assert digest == hashlib.sha256(read_regular(str(path), 3_000_000)).digest()
    assert stat.size == 2_500_000


def test_limits_and_links_hold_when_reading_too(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("12345", encoding="utf-8")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(DocumentError, match="at most 4"):
        read_regular(str(path), 4)
    with pytest.raises(DocumentError, match="symbolic link"):
        read_regular(str(tmp_path / "link"), 10)
    with pytest.raises(DocumentError, match="a folder"):
        read_regular(str(tmp_path), 10)
    with pytest.raises(FileNotFoundError):
        read_regular(str(tmp_path / "missing"), 10)
