from __future__ import annotations

import getpass
import os
from pathlib import Path

import msgspec
import pytest

from index.history import publish, rollback
from index.prompt_versions import (
    PublishHow,
    add_prompt,
    diff_prompts,
    find_prompt,
    keep_live_prompt,
    list_prompts,
    publish_prompt,
)
from index.reissue import Reissue, reissue
from index.repairs import files as repairs
from ragpress.errors import ReleaseError, SettingsError, UsageError
from ragpress.prompts import built_in
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.workspace

DOCS = {"pump.md": "# Pump\n\nThe pump needs oil every 400 hours.\n", "fan.md": "# Fan\n\nThe fan needs no oil.\n"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path)
    space.write(DOCS)
    return space


def brief(space: Workspace) -> Path:
    """A second prompt version, ``brief``."""
    path = Path(add_prompt(space.environment(), "brief", "default", None).file)
    path.write_text(path.read_text(encoding="utf-8").replace("briefly and plainly", "in one line"), encoding="utf-8")
    return path


def test_a_release_holds_the_whole_prompt_and_no_server_address(workspace: Workspace) -> None:
    workspace.configure(SETTINGS + '[generator]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\nseconds = 5\n')
    workspace.ingest()
    sealed = workspace.open().manifest.answering
    assert sealed is not None
    assert sealed.prompt == built_in()
    assert (sealed.generator.model, sealed.generator.base_url, sealed.generator.seconds) == ("m", "", 300.0)


def test_publishing_a_prompt_embeds_nothing_and_changes_only_the_prompt(workspace: Workspace) -> None:
    workspace.ingest()
    before = workspace.open().manifest
    brief(workspace)
    record = publish_prompt(workspace.environment(), "default", "brief", "shorter answers")
    after = workspace.open().manifest
    assert record.published
    assert (after.id, after.parent) == (record.release, before.id)
    assert after.files() == before.files()
    assert after.answering is not None
    assert after.answering.prompt.fingerprint == record.fingerprint != built_in().fingerprint
    assert "shorter answers" in after.reason


def test_the_next_ingest_keeps_the_published_prompt(workspace: Workspace) -> None:
    workspace.ingest()
    brief(workspace)
    publish_prompt(workspace.environment(), "default", "brief", "why not")
    live = workspace.open().manifest.id
    assert workspace.ingest().release == live
    workspace.write({"new.md": "# New\n\nA new document.\n"})
    workspace.ingest()
    sealed = workspace.open().manifest.answering
    assert sealed is not None
    assert sealed.prompt.name == "brief"


def test_an_edit_of_the_prompt_file_makes_a_release_with_the_next_ingest(workspace: Workspace) -> None:
    workspace.ingest()
    path = brief(workspace)
    publish_prompt(workspace.environment(), "default", "brief", "why not")
    live = workspace.open().manifest
    path.write_text(path.read_text(encoding="utf-8").replace("in one line", "in two lines"), encoding="utf-8")
    report = workspace.ingest()
    assert report.published
    assert report.chunks.embedded == 0
    assert workspace.open().manifest.answering != live.answering


def test_a_rollback_takes_the_prompt_back_for_later_ingests_too(workspace: Workspace) -> None:
    workspace.ingest()
    brief(workspace)
    environment = workspace.environment()
    publish_prompt(environment, "default", "brief", "shorter answers")
    record = rollback(environment, "default", None)
    assert "'default'" in keep_live_prompt(environment, "default", record.why)
    workspace.write({"more.md": "# More\n\nAnother document.\n"})
    workspace.ingest()
    sealed = workspace.open().manifest.answering
    assert sealed is not None
    assert sealed.prompt.name == "default"
    choice = repairs.chosen_prompt(workspace.root, "default")
    assert choice is not None
    assert choice.reason.startswith("rollback from r00002")


def test_a_candidate_made_live_later_keeps_its_prompt(workspace: Workspace) -> None:
    workspace.ingest()
    brief(workspace)
    environment = workspace.environment()
    candidate = publish_prompt(environment, "default", "brief", "try", PublishHow(publish=False))
    publish(environment, "default", candidate.release, None)
    assert keep_live_prompt(environment, "default", "publish")
    assert keep_live_prompt(environment, "default", "publish") == ""
    assert not workspace.ingest().published
    sealed = workspace.open().manifest.answering
    assert sealed is not None
    assert sealed.prompt.name == "brief"


def test_a_prompt_whose_file_was_changed_cannot_be_kept_and_that_is_said(workspace: Workspace) -> None:
    workspace.ingest()
    path = brief(workspace)
    environment = workspace.environment()
    publish_prompt(environment, "default", "brief", "shorter answers")
    path.write_text(path.read_text(encoding="utf-8").replace("in one line", "in two"), encoding="utf-8")
    publish_prompt(environment, "default", "brief", "longer ones")
    record = rollback(environment, "default", None)
    assert "ragpress prompts diff live brief" in keep_live_prompt(environment, "default", record.why)


def test_a_file_that_cannot_be_a_version_is_listed_with_its_problem(workspace: Workspace) -> None:
    path = brief(workspace)
    path.rename(path.with_name("two words.toml"))
    (entry,) = (item for item in list_prompts(workspace.environment(), "default").prompts if item.problem)
    assert entry.name == "two words"
    assert "Rename it" in entry.problem


def test_a_choice_names_its_maker_also_where_the_machine_has_no_name_for_him(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    workspace.ingest()
    brief(workspace)
    publish_prompt(workspace.environment(), "default", "brief", "shorter answers")
    choice = repairs.chosen_prompt(workspace.root, "default")
    assert choice is not None
    assert choice.by == f"uid {os.getuid()}"


def test_a_candidate_leaves_the_live_release_and_the_choice_alone(workspace: Workspace) -> None:
    workspace.ingest()
    live = workspace.open().manifest.id
    brief(workspace)
    record = publish_prompt(workspace.environment(), "default", "brief", "try", PublishHow(publish=False))
    assert not record.published
    assert workspace.open().manifest.id == live
    assert repairs.chosen_prompt(workspace.root, "default") is None
    assert workspace.open(record.release).manifest.parent == live


def test_publishing_what_is_live_makes_no_release(workspace: Workspace) -> None:
    workspace.ingest()
    live = workspace.open().manifest.id
    assert publish_prompt(workspace.environment(), "default", "default", "again").release == live


def test_a_prompt_that_cannot_go_live_is_not_recorded(workspace: Workspace) -> None:
    brief(workspace)
    with pytest.raises(ReleaseError, match="Nothing is live"):
        publish_prompt(workspace.environment(), "default", "brief", "too early")
    assert repairs.chosen_prompt(workspace.root, "default") is None


def test_the_list_tells_what_is_live_chosen_and_broken(workspace: Workspace) -> None:
    workspace.ingest()
    brief(workspace)
    publish_prompt(workspace.environment(), "default", "brief", "why not")
    (workspace.root / "prompts" / "bad.toml").write_text("system = 3", encoding="utf-8")
    entries = {item.name: item for item in list_prompts(workspace.environment(), "default").prompts}
    assert (entries["brief"].live, entries["brief"].chosen) == (True, True)
    assert (entries["default"].live, entries["default"].chosen) == (False, False)
    assert "'bad' cannot be read" in entries["bad"].problem


def test_prompts_are_found_by_name_release_and_as_live(workspace: Workspace) -> None:
    first = workspace.ingest().release
    assert first is not None
    brief(workspace)
    publish_prompt(workspace.environment(), "default", "brief", "why not")
    environment = workspace.environment()
    assert find_prompt(environment, "default", first) == built_in()
    assert find_prompt(environment, "default", "live").name == "brief"
    with pytest.raises(SettingsError, match="no prompt 'nothing'"):
        find_prompt(environment, "default", "nothing")


def test_a_diff_shows_the_changed_lines_only(workspace: Workspace) -> None:
    brief(workspace)
    environment = workspace.environment()
    old, new = (find_prompt(environment, "default", name) for name in ("default", "brief"))
    lines = [line for line in diff_prompts(old, new).lines if line[0] in "+-" and line[:3] not in {"+++", "---"}]
    assert len(lines) == 4
    assert "in one line" in lines[1]
    assert lines[3] == "+A copy of default: say here what it changes."
    assert diff_prompts(old, old).lines == ()


def test_a_name_is_given_once(workspace: Workspace) -> None:
    brief(workspace)
    with pytest.raises(UsageError, match="a prompt 'brief' already"):
        brief(workspace)


def test_a_reissue_with_other_retrieval_settings_shares_every_file(workspace: Workspace) -> None:
    workspace.ingest()
    live = workspace.open().manifest
    wanted = msgspec.structs.replace(live.retrieval, k=3)
    made = reissue(workspace.environment(), "default", Reissue(reason="k = 3", retrieval=wanted))
    assert (made.retrieval.k, made.files()) == (3, live.files())
    assert len(workspace.search("oil", k=2)) == 2
