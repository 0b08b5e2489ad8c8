"""Releases whose data directory is an S3-compatible store."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from index.history import rollback
from tests.ragpress.storage.s3_server import BUCKET, FaultyS3
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace


def test_ingest_search_update_and_rollback_in_s3(s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGPRESS_DATA_DIR", f"s3://{BUCKET}/{secrets.token_hex(4)}")
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", str(tmp_path / "cache"))
    workspace = Workspace(tmp_path, SETTINGS)
    workspace.write({"a.md": "# A\n\nApples ripen in autumn.\n", "b.md": "# B\n\nBananas ripen in the shop.\n"})

    first = workspace.ingest()
    workspace.write({"a.md": "# A\n\nApples ripen in summer.\n"})
    second = workspace.ingest()

    assert first.published
    assert second.published
    assert second.chunks.embedded == 1
    assert "summer" in workspace.search("apples ripen", 1)[0].text
    assert not (tmp_path / ".ragpress").exists()
    rollback(workspace.environment(), "default", None)
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", str(tmp_path / "another-machine"))
    assert "autumn" in workspace.search("apples ripen", 1)[0].text
