"""Outdated editions: the newer one speaks, and nobody learns of an edition that he may not read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ragpress.answer_settings import AccessSettings, ContextSettings
from retrieval.access import AccessRules
from retrieval.opening import open_searcher
from retrieval.scope import Principal
from retrieval.search import Searcher
from tests.workspace import Workspace

OLD = """---
title: Warranty policy
version: "1.0"
date: 2023-03-01
---

# Warranty policy

The pump is covered against faults of material for 12 months from the day of delivery, in every country we sell to.
"""
NEW = OLD.replace('"1.0"', '"2.0"').replace("2023", "2026").replace("12 months", "36 months")
QUESTION = "For how many months is the pump covered?"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    space = Workspace(tmp_path)
    space.write({"open/warranty-2023.md": OLD, "closed/warranty-2026.md": NEW, "open/fan.md": "# Fan\n\nA fan.\n"})
    space.ingest()
    return space


def searcher(space: Workspace, collapse: float | None = None) -> Searcher:
    opened = space.open()
    rules = AccessRules(AccessSettings(rules={"docs/closed/**": ("staff",)}))
    settings = opened.manifest.retrieval
    if collapse is not None:
        settings = msgspec.structs.replace(settings, collapse=collapse)
    embedders = space.environment().embedders
    return Searcher(opened, lambda: embedders.load(opened.manifest.embed), settings, rules=rules)


STAFF = Principal(frozenset({"staff"}))
ANYONE = Principal()


def test_the_newer_edition_speaks_for_a_group_of_copies(workspace: Workspace) -> None:
    hit = searcher(workspace, collapse=0.5).search(QUESTION, caller=STAFF)[0]
    assert hit.source == "docs/closed/warranty-2026.md"
    assert [copy.source for copy in hit.copies] == ["docs/open/warranty-2023.md"]
    assert "36 months" in hit.text


def test_passages_of_outdated_documents_come_last(workspace: Workspace) -> None:
    own = searcher(workspace, collapse=2.0)
    last = own.context(QUESTION, ContextSettings(per_family=3), caller=STAFF).passages
    assert [passage.source for passage in last][-1] == "docs/open/warranty-2023.md"
    assert "outdated" in last[-1].marks
    alone = own.context(QUESTION, ContextSettings(per_family=1), caller=STAFF)
    assert "docs/open/warranty-2023.md" not in [passage.source for passage in alone.passages]


def test_outdated_passages_keep_their_rank_when_the_settings_say_so(workspace: Workspace) -> None:
    own = searcher(workspace, collapse=2.0)
    ranked = [hit.source for hit in own.search(QUESTION, caller=STAFF)]
    kept = own.context(QUESTION, ContextSettings(per_family=3, outdated="keep"), caller=STAFF).passages
    assert [passage.source for passage in kept] == ranked[: len(kept)]


def test_who_may_not_read_the_newer_edition_does_not_learn_of_it(workspace: Workspace) -> None:
    own = searcher(workspace)
    hits = own.search(QUESTION, caller=ANYONE)
    assert {hit.source for hit in hits} == {"docs/open/warranty-2023.md", "docs/open/fan.md"}
    assert all(hit.marks == () for hit in hits)
    assert own.context(QUESTION, caller=ANYONE).passages[0].marks == ()


def test_who_may_read_both_sees_the_mark(workspace: Workspace) -> None:
    hits = searcher(workspace, collapse=2.0).search(QUESTION, caller=STAFF)
    marks = {hit.source: hit.marks for hit in hits}
    assert "outdated" in marks["docs/open/warranty-2023.md"]
    assert "outdated" not in marks["docs/closed/warranty-2026.md"]


def test_the_operator_sees_every_mark(workspace: Workspace) -> None:
    hits = open_searcher(workspace.environment(), workspace.open()).search(QUESTION)
    assert any(hit.copies or "outdated" in hit.marks for hit in hits)
