"""What the tools give, to whom, and how errors are worded."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragpress.errors import ReleaseError, SettingsError, UsageError
from ragpress.storage.record_ids import new_record_id
from retrieval.access import ANYBODY, OPERATOR, Principal
from serving.context_protocol.following import document_tools
from serving.context_protocol.records import NOTICE
from serving.context_protocol.tools import MOST_CHARACTERS, MOST_LINKS, PART_CHARACTERS, DocumentTools
from serving.journal.answers import AnswerJournal
from tests.serving.context_protocol.conftest import RULES, SALARY
from tests.serving.telemetry.records import record
from tests.workspace import SETTINGS, Workspace

BOARD = Principal(frozenset({"board"}))


def tools(workspace: Workspace, caller: Principal = ANYBODY) -> DocumentTools:
    return document_tools(workspace.environment(), "default", caller)


def salaries(workspace: Workspace) -> tuple[str, str]:
    """Ids of the private document and of its chunk."""
    hit = tools(workspace, BOARD).search("salary of the gardener", 1, None).hits[0]
    return hit.document_id, hit.chunk_id


def test_a_search_gives_chunks_that_can_be_read_and_cited(workspace: Workspace) -> None:
    asked = tools(workspace)
    found = asked.search("When do the roses bloom?", 3, None)
    hit = found.hits[0]
    assert found.notice == NOTICE
    assert (hit.source, hit.title) == ("docs/garden.md", "Garden")
    assert "roses bloom in June" in hit.text
    assert "\u200b" not in hit.text
    read = asked.get_document(hit.document_id, hit.start, hit.end, None)
    assert read.text == hit.text
    assert read.release == found.release


def test_a_filter_narrows_a_search(workspace: Workspace) -> None:
    found = tools(workspace).search("lighthouse roses", 20, {"sources": ["docs/garden.md"]})
    assert {hit.source for hit in found.hits} == {"docs/garden.md"}


@pytest.mark.parametrize(
    ("query", "where", "message"),
    [
        ("  \u200b ", None, "expected some words"),
        ("roses", {"colour": "red"}, "filter"),
        ("roses", {"after": "yesterday"}, "ISO date"),
        ("roses", {"sources": 5}, "filter"),
    ],
)
def test_what_is_wrong_is_told(workspace: Workspace, query: str, where: dict[str, object] | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tools(workspace).search(query, 3, where)


def test_a_document_is_read_in_parts_to_its_end(workspace: Workspace) -> None:
    asked = tools(workspace)
    parts, start = [], 0
    while True:
        part = asked.get_document("docs/long.md", start, None, None)
        assert len(part.text) <= PART_CHARACTERS
        assert part.start == start
        parts.append(part.text)
        if part.next_start is None:
            break
        start = part.next_start
    assert len(parts) > 2
    assert sum(map(len, parts)) == part.characters
    assert "rock 599" in parts[-1]


def test_no_part_is_larger_than_the_most(workspace: Workspace) -> None:
    part = tools(workspace).get_document("docs/long.md", 0, 10**9, None)
    assert len(part.text) == MOST_CHARACTERS
    assert part.next_start == MOST_CHARACTERS


@pytest.mark.parametrize(
    ("start", "end", "page", "message"),
    [
        (10**9, None, None, "start: expected"),
        (5, 5, None, "end: expected"),
        (0, None, 1, "found both"),
        (None, None, 3, "no pages"),
    ],
)
def test_a_part_that_is_not_there_is_told(
    workspace: Workspace, start: int | None, end: int | None, page: int | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tools(workspace).get_document("docs/garden.md", start, end, page)


def test_what_may_not_be_read_is_as_if_it_were_not_there(workspace: Workspace) -> None:
    document, chunk = salaries(workspace)
    asked = tools(workspace)
    assert all(SALARY not in hit.text for hit in asked.search("salary of the gardener", 20, None).hits)
    for named in (document, "docs/private/salaries.md"):
        with pytest.raises(ReleaseError) as hidden:
            asked.get_document(named, None, None, None)
        with pytest.raises(ReleaseError) as absent:
            asked.get_document("x" * len(named), None, None, None)
        assert str(hidden.value).replace(named, "") == str(absent.value).replace("x" * len(named), "")
    for named in (document, "docs/private/salaries.md", chunk):
        with pytest.raises(ReleaseError, match="No chunk or document"):
            asked.trace(named)


def test_a_member_of_the_group_reads_it(workspace: Workspace) -> None:
    document, chunk = salaries(workspace)
    asked = tools(workspace, BOARD)
    assert SALARY in asked.get_document(document, None, None, None).text
    assert asked.trace(chunk).kind == "chunk"


def test_a_trace_leads_to_the_source_and_shows_folders_to_the_operator_only(workspace: Workspace) -> None:
    hit = tools(workspace).search("roses", 1, None).hits[0]
    member, operator = tools(workspace).trace(hit.chunk_id), tools(workspace, OPERATOR).trace(hit.chunk_id)
    assert [link["link"] for link in member.chain if link["link"] != "element"] == [
        "chunk",
        "version",
        "document",
        "source",
        "release",
    ]
    assert str(workspace.root) not in member.model_dump_json()
    assert str(workspace.root) in operator.model_dump_json()


def test_a_long_trace_is_bounded(workspace: Workspace) -> None:
    found = tools(workspace).trace("docs/long.md")
    assert len(found.used_by) <= MOST_LINKS
    assert all("text" not in link for link in found.used_by)


def test_an_unknown_collection_is_told(workspace: Workspace) -> None:
    with pytest.raises(SettingsError):
        document_tools(workspace.environment(), "nowhere", ANYBODY)


def test_a_publish_and_a_changed_rule_count_from_the_next_call(tmp_path: Path) -> None:
    changing = Workspace(tmp_path, SETTINGS)
    changing.write({"one.md": "# One\n\nThe first fox.\n"})
    changing.ingest()
    asked = document_tools(changing.environment(), "default", ANYBODY)
    first = asked.search("fox", 5, None)
    changing.write({"private/two.md": "# Two\n\nThe second fox.\n"})
    changing.ingest()
    second = asked.search("fox", 5, None)
    assert first.release != second.release
    assert {hit.source for hit in second.hits} == {"docs/one.md", "docs/private/two.md"}
    changing.configure(SETTINGS + RULES)
    third = asked.search("fox", 5, None)
    assert {hit.source for hit in third.hits} == {"docs/one.md"}
    with pytest.raises(ReleaseError):
        asked.get_document("docs/private/two.md", None, None, None)


def test_before_the_first_release_the_tools_say_what_to_do(tmp_path: Path) -> None:
    empty = document_tools(Workspace(tmp_path).environment(), "default", ANYBODY)
    for call in (lambda: empty.search("x", 1, None), lambda: empty.get_document("x", None, None, None)):
        with pytest.raises(ReleaseError, match="ragpress ingest"):
            call()


async def test_answers_are_shown_to_the_operator_alone(workspace: Workspace) -> None:
    environment = workspace.environment()
    journal = AnswerJournal(environment, environment.workspace.service.journal)
    kept = record(id=new_record_id(), release=workspace.open().manifest.id)
    await journal.record(kept)
    journal.close()
    found = tools(workspace, OPERATOR).trace(kept.id)
    assert (found.kind, found.id) == ("answer", kept.id)
    assert found.chain[0]["question"] == kept.question
    for caller in (ANYBODY, BOARD):
        told = []
        for thing in (kept.id, new_record_id()):
            with pytest.raises(ReleaseError, match="No answer") as raised:
                tools(workspace, caller).trace(thing)
            told.append(str(raised.value).replace(thing, "ID"))
        assert told[0] == told[1]
