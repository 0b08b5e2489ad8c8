"""The gate refuses candidates whose parts do not agree."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from index import gate
from index.opened import OpenRelease
from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write(
        {f"d{number}.md": f"# D{number}\n\nDocument number {number} speaks of item {number}.\n" for number in range(6)}
    )
    made.ingest()
    return made


def reopened(workspace: Workspace, release: OpenRelease, **changes: object) -> OpenRelease:
    manifest = msgspec.structs.replace(release.manifest, **changes)
    return OpenRelease(release.store, manifest, workspace.environment().checkouts)


def test_a_sound_release_passes(workspace: Workspace) -> None:
    release = workspace.open()

    record = gate.check(release, release.documents, release.documents["source"].to_pylist())

    assert record.verdict == "pass"
    assert set(record.checks) == {"segments_open", "row_counts", "chunks_find_themselves", "no_document_lost"}


def test_a_lost_document_is_refused(workspace: Workspace) -> None:
    before = workspace.open().documents
    (workspace.docs / "d3.md").unlink()
    workspace.ingest()

    record = gate.check(workspace.open(), before, ["docs/d3.md", "docs/d4.md"])

    assert record.verdict == "refuse"
    assert record.reasons == ("1 documents that were live and are still in the source would be lost: docs/d3.md",)


def test_a_segment_that_is_missing_is_refused(workspace: Workspace) -> None:
    record = gate.check(reopened(workspace, workspace.open(), segments=()), None, [])

    assert record.verdict == "refuse"
    assert "the document table names 6 chunks, the segments hold 0" in record.reasons


def test_vectors_of_another_segment_are_refused(workspace: Workspace) -> None:
    workspace.write({"d0.md": "# D0\n\nAn entirely different matter: lighthouses.\n"})
    workspace.ingest()
    release = workspace.open()
    first, last = release.manifest.segments
    mixed = msgspec.structs.replace(first, files=(*first.files[:2], last.file("vectors.faiss")))

    record = gate.check(reopened(workspace, release, segments=(mixed, last)), None, [])

    assert record.verdict == "refuse"
    assert any("expected 6 x 384 vectors, found 1 x 384" in reason for reason in record.reasons)


def test_a_damaged_file_is_refused(workspace: Workspace) -> None:
    release = workspace.open()
    path = workspace.environment().store.local_path(release.manifest.segments[0].file("chunks.arrow").key)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(body))

    record = gate.check(workspace.open(), None, [])

    assert record.verdict == "refuse"
    assert "is damaged" in record.reasons[0]
