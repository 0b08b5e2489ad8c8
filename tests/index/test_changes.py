"""``CHANGES.md``: what changed since the release before, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.changes import document_changes, read_changes
from index.prompt_versions import add_prompt, publish_prompt
from index.repairs import files
from index.repairs.records import Quarantine
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"a.md": "# A\n\nApples are red.\n", "b.md": "# B\n\nBirds sing.\n", "c.md": "# C\n\nCats sleep.\n"})
    made.ingest()
    return made


def changes_of(workspace: Workspace, release: str | None = None) -> str:
    found = read_changes(workspace.environment(), release or workspace.open().manifest.id)
    assert found is not None
    return found


def test_the_first_release_names_its_documents(workspace: Workspace) -> None:
    told = changes_of(workspace)
    assert "It is the first release." in told
    assert "3 added: docs/a.md, docs/b.md, docs/c.md." in told
    assert "To go back" not in told


def test_an_ingest_tells_what_was_added_changed_and_removed(workspace: Workspace) -> None:
    before = workspace.open()
    workspace.write({"a.md": "# A\n\nApples are green.\n", "d_*.md": "# D\n\nDogs bark.\n"})
    (workspace.docs / "c.md").unlink()
    workspace.ingest()
    told = changes_of(workspace)
    for said in (
        "1 added: docs/d\\_\\*.md.",
        "1 changed: docs/a.md.",
        "1 no longer found: docs/c.md, now deleted.",
        f"`ragpress releases rollback {before.manifest.id}`",
        "It passed",
    ):
        assert said in told
    found = document_changes(workspace.open().documents, before.documents)
    assert (found.added, found.changed, found.removed) == (
        ("docs/d_*.md",),
        ("docs/a.md",),
        (("docs/c.md", "deleted"),),
    )


def test_it_speaks_the_language_of_the_loop(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + '\n[loop]\nlanguage = "zh"\n')
    (workspace.docs / "c.md").unlink()
    workspace.ingest()
    told = changes_of(workspace)
    assert "不再可检索 1 份：docs/c.md，现为删除" in told
    assert "## 回退" in told


def test_settings_and_prompts_are_told(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + "\n[retrieval]\nk = 7\n")
    workspace.ingest()
    assert "retrieval.k" in changes_of(workspace)
    environment = workspace.environment()
    add_prompt(environment, "brief", "default", None)
    with environment.store.writer("default", 0.0):
        release = publish_prompt(environment, "default", "brief", "a test").release
    assert "brief" in changes_of(workspace, release)


def test_what_a_person_writes_is_text_and_never_markup(workspace: Workspace) -> None:
    repair = Quarantine(
        collection="default", source="docs/b.md", reason="see [here](http://x)\n# now", by="anna", at="2026-01-01"
    )
    files.save(workspace.root, repair)
    workspace.ingest()
    told = changes_of(workspace)
    assert "see \\[here\\](http://x) \\# now" in told
    assert "now quarantined" in told
    assert "By anna" in told


def test_a_trial_tells_nothing(workspace: Workspace) -> None:
    repair = Quarantine(collection="default", source="docs/b.md", reason="r", by="anna", at="2026-01-01")
    report = workspace.ingest(trial=(repair,), publish=False)
    assert report.release is not None
    assert read_changes(workspace.environment(), report.release) is None
