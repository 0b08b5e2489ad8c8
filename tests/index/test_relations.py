"""Audits between documents, in releases: marks, supersession, and the way back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ragpress.types import AuditMark
from tests.workspace import SETTINGS, Workspace

POLICY = """# Warranty policy

Version {version}, in force since {date}.

Every instrument is covered for {months} months from the day it is delivered to the customer. The cover includes
parts and labour. Filters and batteries are consumables and are covered for six months only.

To claim, write to the service desk with the serial number of the instrument and a short description of the fault.
The service desk answers within two working days and sends a prepaid label for the way back to the factory.
"""
OLD = POLICY.format(version="1.0", date="2023-01-01", months=12)
NEW = POLICY.format(version="2.0", date="2026-03-01", months=36)
QUARANTINE = SETTINGS + '\n[audit]\noutdated = { action = "quarantine" }\nnear_duplicate = { action = "quarantine" }\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"warranty-2023.md": OLD, "warranty-2026.md": NEW, "tea.md": "# Tea\n\nTea is served at four.\n"})
    return made


def relations(workspace: Workspace, source: str) -> list[str]:
    marks = msgspec.json.decode(workspace.rows()[source].relations, type=tuple[AuditMark, ...])
    return [mark.audit for mark in marks]


def test_the_older_edition_is_marked_and_stays_searchable(workspace: Workspace) -> None:
    report = workspace.ingest()

    assert "outdated" in relations(workspace, "docs/warranty-2023.md")
    assert relations(workspace, "docs/warranty-2026.md") == []
    assert report.marked == 1
    assert workspace.rows()["docs/warranty-2023.md"].state == "live"


def test_an_incremental_run_marks_as_a_fresh_one(workspace: Workspace) -> None:
    (workspace.docs / "warranty-2026.md").unlink()
    workspace.ingest()
    assert relations(workspace, "docs/warranty-2023.md") == []
    workspace.write({"warranty-2026.md": NEW})

    workspace.ingest()

    assert "outdated" in relations(workspace, "docs/warranty-2023.md")


def test_a_superseded_edition_is_not_found_and_returns_when_the_newer_one_goes(workspace: Workspace) -> None:
    workspace.configure(QUARANTINE)
    report = workspace.ingest()

    assert report.published
    row = workspace.rows()["docs/warranty-2023.md"]
    assert row.chunks == 0
    assert row.state in {"superseded", "quarantined"}
    assert all("12 months" not in hit.text for hit in workspace.search("covered for 12 months", 50))
    assert not workspace.ingest().published

    (workspace.docs / "warranty-2026.md").unlink()
    back = workspace.ingest()

    assert back.published
    assert back.chunks.embedded == 0
    assert workspace.rows()["docs/warranty-2023.md"].state == "live"
    assert any("12 months" in hit.text for hit in workspace.search("covered for 12 months", 50))


def test_a_quarantined_copy_comes_back_when_it_is_edited(workspace: Workspace) -> None:
    workspace.configure(QUARANTINE)
    workspace.write(
        {"zz-copy.md": "# Tea\n\nTea is served at four.\n" * 20, "aa.md": "# Tea\n\nTea is served at four.\n" * 20}
    )
    workspace.ingest()
    assert workspace.rows()["docs/zz-copy.md"].state == "quarantined"
    workspace.write({"zz-copy.md": "# Harbour\n\nThe ferry leaves from quay nine in the evening.\n"})

    workspace.ingest()

    assert workspace.rows()["docs/zz-copy.md"].state == "live"
    assert workspace.search("ferry quay", 1)[0].source == "docs/zz-copy.md"
