"""Evaluations whose data directory is an S3-compatible store."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from evaluation.comparing.candidates import Named
from evaluation.comparing.changes import parse_change
from evaluation.comparing.session import Asked, run_compare
from evaluation.running.kept_reports import list_kept, show_kept
from tests.evaluation.comparing.samples import LINES, cased_workspace
from tests.ragpress.storage.s3_server import BUCKET, FaultyS3


@pytest.mark.workspace
def test_the_gate_a_comparison_and_their_reports_in_s3(
    s3: FaultyS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGPRESS_DATA_DIR", f"s3://{BUCKET}/{secrets.token_hex(4)}")
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", str(tmp_path / "cache"))
    workspace = cased_workspace(tmp_path)
    first = workspace.ingest()
    environment = workspace.environment()
    named = Named(change=parse_change(None, ["context.passages=2"]))
    compared = run_compare(environment, Asked(named=named))
    (workspace.docs / "vpn.md").unlink()
    refused = workspace.ingest()

    assert (first.gate, first.published) == ("pass", True)
    assert Path(compared.report).is_file()
    assert not (tmp_path / ".ragpress").exists()
    assert (refused.gate, refused.published) == ("refuse", False)
    assert environment.releases("default").live_id() == first.release
    kept = [one.id for one in list_kept(environment, None, 9).evaluations]
    assert kept == [refused.evaluation, compared.evaluation, first.evaluation]
    assert show_kept(environment, compared.evaluation).evaluation.cases == len(LINES)
    monkeypatch.setenv("RAGPRESS_CACHE_DIR", str(tmp_path / "another-machine"))
    elsewhere = run_compare(workspace.environment(), Asked(named=named))
    assert (elsewhere.judged, elsewhere.reused) == (0, len(LINES))
