"""Repairs that are no documents: settings and prompts go live and are taken back like all others."""

from __future__ import annotations

import pytest

from feedback.repairing.publish import publish_repairs
from feedback.repairing.revert import revert_repairs
from index.findings import Cause
from index.prompt_versions import add_prompt, publish_prompt
from index.repairs import files
from index.repairs.records import PromptChoice, SettingsChange, repair_id
from tests.feedback.repairing.samples import bench_of, finding, signed, supersede
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

SUPERSEDE = supersede("returns-2019.md", "returns-2025.md")
SETTINGS_CHANGE = SettingsChange(settings={"context": {"passages": 3}}, **signed())


def prompt_of(workspace: Workspace) -> str:
    answering = workspace.open().manifest.answering
    assert answering is not None
    return answering.prompt.name


def test_settings_go_live_and_are_taken_back(workspace: Workspace) -> None:
    found = finding(SUPERSEDE, SETTINGS_CHANGE, cause=Cause.RETRIEVAL_MISS)
    assert publish_repairs(bench_of(workspace), [found], "anna").state == "published"
    live = workspace.open().manifest
    assert live.answering is not None
    assert live.answering.context.passages == 3
    assert live.repairs == tuple(sorted([repair_id(SUPERSEDE), repair_id(SETTINGS_CHANGE)]))
    assert not workspace.ingest().published
    assert revert_repairs(bench_of(workspace), [repair_id(SETTINGS_CHANGE)], "anna", "no").state == "published"
    live = workspace.open().manifest
    assert live.answering is not None
    assert live.answering.context.passages != 3
    assert live.repairs == (repair_id(SUPERSEDE),)


def test_a_prompt_that_is_taken_back_gives_way_to_the_one_before(workspace: Workspace) -> None:
    environment = workspace.environment()
    for name in ("own", "brief"):
        add_prompt(environment, name, "default", None)
    with environment.store.writer("default", 0.0):
        publish_prompt(environment, "default", "own", "ours")
    brief = PromptChoice(prompt="brief", **signed())
    found = finding(SUPERSEDE, brief, cause=Cause.PROMPT_FAULT)
    assert publish_repairs(bench_of(workspace), [found], "anna").state == "published"
    assert prompt_of(workspace) == "brief"
    assert revert_repairs(bench_of(workspace), [repair_id(brief)], "anna", "no").state == "published"
    assert prompt_of(workspace) == "own"
    choice = files.chosen_prompt(workspace.root, "default")
    assert choice is not None
    assert choice.prompt == "own"
    assert not workspace.ingest().published
    assert prompt_of(workspace) == "own"
