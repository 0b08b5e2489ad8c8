"""The managed folder of uploads is a source folder of its collection whenever it exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragpress.errors import SourceError, UsageError
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

OTHERS = '[embed]\nmodel = "hashing"\n\n[workers]\nprocesses = 1\n\n[collections.team]\n'


def upload(workspace: Workspace, name: str, text: str, collection: str = "default") -> Path:
    path = workspace.root / "uploads" / collection / "alice" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_uploads_are_read_beside_configured_folders(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"a.md": "# A\n\nText of a.\n"})
    workspace.ingest()
    path = upload(workspace, "b.md", "# B\n\nText of b.\n")
    upload(workspace, "c.md", "# C\n\nOf another collection.\n", collection="team")
    (tmp_path / "uploads" / ".ragpress").mkdir()
    (tmp_path / "uploads" / ".ragpress" / ".tmp-1").write_text("half", encoding="utf-8")
    assert workspace.ingest().plan["added"] == 1
    assert sorted(workspace.rows()) == ["docs/a.md", "uploads/default/alice/b.md"]
    path.unlink()
    assert workspace.ingest().plan["deleted"] == 1


def test_a_first_upload_needs_no_source_folder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, OTHERS)
    with pytest.raises(UsageError, match="nothing to ingest"):
        workspace.ingest(collection="team")
    upload(workspace, "b.md", "# B\n\nText of b.\n", collection="team")
    assert workspace.ingest(collection="team").plan["added"] == 1
    workspace.write({"a.md": "# A\n\nText of a.\n"})
    workspace.ingest(collection="team", paths=(str(workspace.docs),))
    upload(workspace, "c.md", "# C\n\nText of c.\n", collection="team")
    report = workspace.ingest(collection="team")
    assert (report.plan["added"], report.plan["unchanged"], report.plan["deleted"]) == (1, 2, 0)


def test_uploads_that_a_configured_folder_covers_are_read_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS.replace('"docs"', '"uploads"'))
    upload(workspace, "b.md", "# B\n\nText of b.\n")
    workspace.ingest()
    assert list(workspace.rows()) == ["uploads/default/alice/b.md"]


def test_a_folder_of_uploads_that_vanished_is_no_deletion(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    upload(workspace, "b.md", "# B\n\nText of b.\n")
    workspace.ingest()
    (tmp_path / "uploads").rename(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="Nothing was changed"):
        workspace.ingest()
    assert list(workspace.rows()) == ["uploads/default/alice/b.md"]
