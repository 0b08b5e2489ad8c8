"""A person's quarantine and its way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.catalogue import DocumentFilter, describe_document, list_documents, quarantine, restore
from index.lineage import trace
from ragpress.errors import ReleaseError, SettingsError, UsageError
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"a.md": "# A\n\nApples ripen in autumn.\n", "b.md": "# B\n\nBananas ripen in the shop.\n"})
    made.ingest()
    return made


def test_a_quarantined_document_is_gone_until_it_is_restored(workspace: Workspace) -> None:
    note = quarantine(workspace.environment(), "default", "docs/a.md", "wrong harvest")
    report = workspace.ingest()

    assert (workspace.root / note.file).is_file()
    assert report.published
    assert [(item.step, "wrong harvest" in item.reason) for item in report.quarantined] == [("repair", True)]
    assert all(hit.source != "docs/a.md" for hit in workspace.search("apples autumn", 10))
    assert not workspace.ingest().published

    restore(workspace.environment(), "default", "docs/a.md")
    again = workspace.ingest()

    assert again.chunks.embedded == 0
    assert workspace.search("apples autumn", 1)[0].source == "docs/a.md"


def test_restoring_what_nobody_quarantined_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="not quarantined by a person"):
        restore(workspace.environment(), "default", "docs/a.md")


def test_a_file_that_is_no_repair_is_named(workspace: Workspace) -> None:
    (workspace.root / "repairs").mkdir()
    (workspace.root / "repairs" / "x.json").write_text('{"kind": "wish"}')

    with pytest.raises(SettingsError, match=r"x\.json is not a repair"):
        workspace.ingest()


def test_the_catalogue_shows_states_and_what_cleaning_removed(workspace: Workspace) -> None:
    workspace.write({"c.md": "# C\n\nZero\u200bwidth.\n"})
    (workspace.docs / "b.md").unlink()
    workspace.ingest()
    release = workspace.open()

    assert [entry.source for entry in list_documents(release, DocumentFilter()).documents] == ["docs/a.md", "docs/c.md"]
    assert [entry.source for entry in list_documents(release, DocumentFilter("deleted")).documents] == ["docs/b.md"]
    detail = describe_document(release, "docs/c.md", with_text=True)
    assert detail.text is not None
    assert "\u200b" not in detail.text
    assert [removal.count for removal in detail.removed] == [1]
    with pytest.raises(UsageError, match="There is no state 'odd'"):
        list_documents(release, DocumentFilter("odd"))


def test_a_hit_is_traced_to_its_source_and_a_document_to_its_chunks(workspace: Workspace) -> None:
    environment = workspace.environment()
    hit = workspace.search("apples autumn", 1)[0]

    found = trace(environment, "default", hit.chunk_id, None)
    back = trace(environment, "default", "docs/a.md", None)

    links = [link["link"] for link in found.chain]
    assert (links[0], links[-4:]) == ("chunk", ["version", "document", "source", "release"])
    assert "element" in links
    assert found.chain[0]["text"] == hit.text
    assert found.chain[-2]["source"] == "docs/a.md"
    assert found.chain[-1]["release"] == workspace.open().manifest.id
    assert [link["chunk_id"] for link in back.used_by if link["link"] == "chunk"] == [hit.chunk_id]


def test_a_chunk_of_an_older_release_is_still_traced(workspace: Workspace) -> None:
    old = workspace.search("apples autumn", 1)[0]
    first = workspace.open().manifest.id
    workspace.write({"a.md": "# A\n\nApples ripen in summer.\n"})
    workspace.ingest()

    found = trace(workspace.environment(), "default", old.chunk_id, None)

    assert found.chain[-1]["release"] == first
    with pytest.raises(ReleaseError, match="No chunk or document 'nothing'"):
        trace(workspace.environment(), "default", "nothing", None)
