"""All of the real documents in many formats, through the whole pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.pipeline import ingest
from index.start import IngestRequest
from tests.workspace import SETTINGS, Workspace

FORMATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "doc_formats"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FORMATS.is_dir(), reason="the shared benchmark data is not on this machine"),
]


def test_every_file_is_live_or_quarantined_with_a_reason(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS.replace('"docs"', f'"{FORMATS / "files"}"'))
    entries = [json.loads(line) for line in (FORMATS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]

    report = ingest(IngestRequest(), workspace.environment())

    rows = workspace.rows()
    assert report.published
    assert len(rows) == len(entries)
    by_file = {entry["file"]: rows[entry["file"]] for entry in entries}
    assert all(row.state == "live" and row.chunks for row in by_file.values() if row.state != "quarantined")
    assert all(len(row.reason) > 20 for row in by_file.values() if row.state == "quarantined")
    locked = [entry["file"] for entry in entries if entry.get("password")]
    assert locked
    assert {by_file[name].state for name in locked} == {"quarantined"}
    assert all("password" in by_file[name].reason for name in locked)
    sound = [entry["file"] for entry in entries if entry["category"] == "ok"]
    lost = [name for name in sound if by_file[name].state != "live"]
    assert lost == []
