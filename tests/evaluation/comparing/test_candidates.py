"""What is compared: releases, trials that exist in memory alone, candidates that the pipeline builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.comparing.candidates import Named, open_baseline, open_candidate
from evaluation.comparing.changes import parse_change
from evaluation.subjects import Subject
from index.repairs.files import save
from index.repairs.records import SettingsChange
from ragpress.errors import ReleaseError, SettingsError, UsageError, WriterBusyError
from ragpress.prompts import built_in_text
from tests.evaluation.comparing.samples import SETTINGS, cased_workspace
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


def tried(workspace: Workspace, *options: str, prompt: str | None = None, candidate: str | None = None) -> Subject:
    named = Named(candidate=candidate, change=parse_change(prompt, options))
    return open_candidate(workspace.environment(), named)


def releases(workspace: Workspace) -> list[str]:
    return [manifest.id for manifest in workspace.environment().releases("default").list()]


def write_prompt(workspace: Workspace, name: str, system: str) -> None:
    folder = workspace.root / "prompts"
    folder.mkdir(exist_ok=True)
    text = built_in_text().replace('system = """', f'system = """{system}\n', 1)
    assert system in text
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def test_a_release_is_opened_by_its_id_its_beginning_or_as_live(workspace: Workspace) -> None:
    (live,) = releases(workspace)
    by_name = [open_baseline(workspace.environment(), Named(baseline=name)).info for name in ("live", live, live[:8])]
    assert {(info.release, info.label, info.trial) for info in by_name} == {(live, "live", False)}
    workspace.write({"new.md": "# New\n\nAnother document.\n"})
    workspace.ingest()
    assert open_baseline(workspace.environment(), Named(baseline=live)).info.label == live
    with pytest.raises(ReleaseError, match="there is no release 'r9'"):
        open_baseline(workspace.environment(), Named(baseline="r9"))


def test_nothing_live_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="Nothing is live"):
        open_baseline(cased_workspace(tmp_path).environment(), Named())


def test_sealed_settings_are_tried_in_memory_alone(workspace: Workspace) -> None:
    before, files = releases(workspace), workspace.files()
    subject = tried(workspace, "retrieval.k=3", "context.passages=2", "answer.abstain=0.5")
    manifest = subject.manifest
    assert manifest.answering is not None
    assert (manifest.retrieval.k, manifest.answering.context.passages, manifest.answering.answer.abstain) == (3, 2, 0.5)
    assert manifest.id == f"trial-{before[0]}"
    assert (subject.info.release, subject.info.trial) == (before[0], True)
    assert subject.info.label == "retrieval.k=3, context.passages=2, answer.abstain=0.5"
    assert subject.answerer.parts.context.passages == 2
    assert releases(workspace) == before
    changed = {name for name, stamp in workspace.files().items() if files.get(name) != stamp}
    assert all("/checkouts/" in name for name in changed)


def test_what_is_tried_is_laid_over_what_is_live_not_over_the_file(workspace: Workspace) -> None:
    workspace.configure(SETTINGS.replace("passages = 1", "passages = 4"))
    answering = tried(workspace, "retrieval.k=3").manifest.answering
    assert answering is not None
    assert answering.context.passages == 1


def test_a_prompt_version_is_tried_as_its_file_is_now(workspace: Workspace) -> None:
    write_prompt(workspace, "brief", "Answer in five words.")
    first = tried(workspace, prompt="brief")
    assert first.info.prompt.startswith("brief@")
    assert first.info.label == "prompt brief"
    assert "five words" in first.answerer.parts.prompt.prompt.system
    write_prompt(workspace, "brief", "Answer in six words.")
    second = tried(workspace, "answer.prompt=brief")
    assert "six words" in second.answerer.parts.prompt.prompt.system
    with pytest.raises(SettingsError, match="There is no prompt 'breif'"):
        tried(workspace, prompt="breif")


def test_the_file_of_the_prompt_in_use_can_be_tried(workspace: Workspace) -> None:
    write_prompt(workspace, "default", "Answer like a sailor.")
    assert "sailor" in tried(workspace, prompt="default").answerer.parts.prompt.prompt.system


def test_where_a_server_is_is_taken_from_what_is_tried(workspace: Workspace) -> None:
    subject = tried(workspace, "generator.kind=openai", "generator.base_url=http://127.0.0.1:9/v1", "generator.model=m")
    answering = subject.manifest.answering
    assert answering is not None
    assert (answering.generator.kind, answering.generator.base_url) == ("openai", "")
    assert subject.info.generator == "openai m"


def test_rights_are_those_that_are_tried(workspace: Workspace) -> None:
    from retrieval.scope import Principal

    caller = Principal(frozenset({"guests"}))
    assert tried(workspace, 'access.default=["staff"]').searcher.search("kitchen tea", 3, caller=caller) == []
    assert tried(workspace, "retrieval.k=3").searcher.search("kitchen tea", 3, caller=caller) != []


def test_a_setting_of_the_index_builds_a_candidate_that_is_not_live(workspace: Workspace) -> None:
    (live,) = releases(workspace)
    subject = tried(workspace, "chunk.max_tokens=16", "chunk.min_tokens=1")
    assert subject.info.release in releases(workspace)
    assert (subject.info.trial, subject.info.label) == (False, "chunk.max_tokens=16, chunk.min_tokens=1")
    assert subject.info.chunks > workspace.open(live).manifest.counts.chunks
    assert workspace.environment().releases("default").live_id() == live
    assert subject.manifest.evaluation is None


def test_only_what_a_setting_touches_is_computed(workspace: Workspace) -> None:
    packs = {name for name in workspace.files() if "/memo/" in name}
    tried(workspace, "chunk.max_tokens=16", "chunk.min_tokens=1")
    once = {name for name in workspace.files() if "/memo/" in name}
    assert once > packs
    tried(workspace, "chunk.max_tokens=16", "chunk.min_tokens=1")
    assert {name for name in workspace.files() if "/memo/" in name} == once


def test_what_is_tried_is_the_last_word_over_a_repair_of_the_same_setting(workspace: Workspace) -> None:
    signed = {"collection": "default", "reason": "better", "by": "Ada", "at": "2026-03-01"}
    save(workspace.root, SettingsChange(settings={"chunk": {"max_tokens": 32}, "retrieval": {"k": 3}}, **signed))

    subject = tried(workspace, "chunk.max_tokens=64")
    repaired = tried(workspace)

    assert subject.manifest.retrieval.k == repaired.manifest.retrieval.k == 3
    assert subject.manifest.steps["chunk"] != repaired.manifest.steps["chunk"]


def test_an_index_setting_and_a_prompt_are_tried_together(workspace: Workspace) -> None:
    write_prompt(workspace, "brief", "Answer in five words.")
    subject = tried(workspace, "chunk.max_tokens=16", "chunk.min_tokens=1", "retrieval.k=2", prompt="brief")
    assert subject.manifest.retrieval.k == 2
    assert subject.info.prompt.startswith("brief@")
    assert subject.info.release in releases(workspace)


def test_how_the_index_is_stored_is_tried_by_a_compaction(workspace: Workspace) -> None:
    subject = tried(workspace, "index.segment_rows=1000")
    numbers = [record.number for record in workspace.open().manifest.segments]
    assert [record.number for record in subject.manifest.segments] != numbers
    assert subject.info.content == workspace.open().manifest.content


def test_the_workspace_as_it_is_is_a_candidate(workspace: Workspace) -> None:
    workspace.write({"new.md": "# New\n\nThe new lift stands in the north wing.\n"})
    workspace.configure(SETTINGS.replace("passages = 1", "passages = 2"))
    subject = open_candidate(workspace.environment(), Named())
    answering = subject.manifest.answering
    assert answering is not None
    assert (subject.info.label, subject.info.documents, answering.context.passages) == ("workspace", 5, 2)
    assert len(releases(workspace)) == 2


def test_a_workspace_that_is_what_is_live_builds_nothing(workspace: Workspace) -> None:
    (live,) = releases(workspace)
    assert open_candidate(workspace.environment(), Named()).info.release == live
    assert releases(workspace) == [live]


def test_a_release_of_ones_own_takes_no_other_index(workspace: Workspace) -> None:
    (live,) = releases(workspace)
    with pytest.raises(UsageError, match="leave out the release"):
        tried(workspace, "chunk.max_tokens=16", candidate=live)
    assert tried(workspace, "retrieval.k=3", candidate=live).info.label == f"{live} with retrieval.k=3"


def test_what_could_not_answer_is_not_built(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match="base_url is empty"):
        tried(workspace, "chunk.max_tokens=16", "generator.kind=openai")
    assert len(releases(workspace)) == 1


def test_a_writer_at_work_is_told(workspace: Workspace) -> None:
    environment = workspace.environment()
    with environment.store.writer("default", 0.0), pytest.raises(WriterBusyError):
        tried(workspace, "chunk.max_tokens=16")
