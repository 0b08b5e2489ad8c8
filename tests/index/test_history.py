"""Releases after they were built: publish, roll back, compare, collect garbage."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from index.history import collect_garbage, diff, publish, rollback, stored_collections
from ragpress.errors import GateRefusedError, ReleaseError
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"a.md": "# A\n\nApples ripen in autumn.\n", "b.md": "# B\n\nBananas ripen in the shop.\n"})
    made.ingest()
    return made


def test_diff_names_documents_chunks_and_settings(workspace: Workspace) -> None:
    first = workspace.open()
    workspace.write({"a.md": "# A\n\nApples ripen in summer.\n", "c.md": "# C\n\nCherries.\n"})
    (workspace.docs / "b.md").unlink()
    workspace.configure(SETTINGS + "\n[retrieval]\nk = 3\n")
    workspace.ingest()

    found = diff(first, workspace.open())

    assert [(change.source, change.change) for change in found.documents] == [
        ("docs/a.md", "changed"),
        ("docs/b.md", "removed"),
        ("docs/c.md", "added"),
    ]
    assert (found.chunks_added, found.chunks_removed) == (2, 2)
    assert "Apples ripen in autumn." in found.documents[0].removed[0]
    assert found.settings == (("retrieval.k", "10", "3"),)


def test_rolling_back_twice_returns_to_where_it_began(workspace: Workspace) -> None:
    first = workspace.open().manifest.id
    workspace.write({"a.md": "# A\n\nApples ripen in summer.\n"})
    second = workspace.ingest().release

    assert rollback(workspace.environment(), "default", None).release == first
    assert rollback(workspace.environment(), "default", None).release == second


def test_the_first_release_cannot_be_rolled_back(workspace: Workspace) -> None:
    with pytest.raises(ReleaseError, match="is the first release"):
        rollback(workspace.environment(), "default", None)


def test_a_release_is_found_by_an_unambiguous_prefix(workspace: Workspace) -> None:
    releases = workspace.environment().releases("default")

    assert releases.get("r00001").id == workspace.open().manifest.id
    with pytest.raises(ReleaseError, match="there is no release 'r9'"):
        releases.get("r9")


def test_the_live_release_is_found_as_live(workspace: Workspace, tmp_path: Path) -> None:
    releases = workspace.environment().releases("default")
    assert releases.get("live").id == workspace.open().manifest.id == releases.live_id()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ReleaseError, match="no release 'live'"):
        Workspace(empty).environment().releases("default").get("live")


@pytest.mark.parametrize("name", ["", "../../x", "a/b", "r 1", "\x1b[31m"])
def test_what_cannot_be_a_release_is_no_release(workspace: Workspace, name: str) -> None:
    with pytest.raises(ReleaseError, match="there is no release"):
        workspace.environment().releases("default").get(name)


def test_what_the_gate_refused_needs_a_recorded_override(workspace: Workspace) -> None:
    environment = workspace.environment()
    releases = environment.releases("default")
    manifest = workspace.open().manifest
    refused = msgspec.structs.replace(
        manifest,
        id="r00009-refused",
        gate=msgspec.structs.replace(manifest.gate, verdict="refuse", reasons=("broken",)),
    )
    releases.save(refused)

    with pytest.raises(GateRefusedError, match="The gate refused r00009-refused: broken"):
        publish(environment, "default", refused.id, None)
    record = publish(environment, "default", refused.id, "checked by hand")

    assert record.release == refused.id
    assert record.why == "publish, gate overridden: checked by hand"


def test_garbage_collection_keeps_what_kept_releases_need(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + "\n[release]\nkeep = 1\n")
    for number in range(4):
        workspace.write({"a.md": f"# A\n\nApples ripen in week {number}.\n"})
        workspace.ingest()
    environment = workspace.environment()
    objects = {key for key, _ in environment.store.list("objects/")}

    collected = collect_garbage(environment, stored_collections(environment))

    assert len(collected.releases) == 3
    assert collected.objects > 0
    left = {key for key, _ in environment.store.list("objects/")}
    assert left < objects
    assert left == {file.key for manifest in environment.releases("default").list() for file in manifest.files()}
    assert workspace.search("apples week 3", 1)[0].text.endswith("week 3.")
    rollback(environment, "default", None)
    assert workspace.search("apples week 2", 1)[0].text.endswith("week 2.")


def test_a_collection_that_the_settings_dropped_keeps_everything(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + '\n[collections.extra.sources]\nfolders = ["docs"]\n\n[release]\nkeep = 0\n')
    extra = workspace.ingest(collection="extra").release
    workspace.configure(SETTINGS + "\n[release]\nkeep = 0\n")
    environment = workspace.environment()

    collect_garbage(environment, stored_collections(environment))

    assert stored_collections(environment) == ["default", "extra"]
    manifest = environment.releases("extra").live()
    assert manifest is not None
    assert manifest.id == extra
    for file in manifest.files():
        environment.store.fetch(file)
