"""Search of a real release."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ragpress.errors import UsageError
from ragpress.wiring import open_searcher
from retrieval.search import Searcher
from tests.workspace import SETTINGS, Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("search"))
    made.write(
        {f"room{number}.md": f"# Room {number}\n\nThe same words stand in every room.\n" for number in range(12)}
    )
    made.write(
        {
            "tea.md": "# Tea\n\nGreen tea is served at four in the garden.\n",
            "茶.md": "# 茶\n\n下午四点在花园供应绿茶。\n",
        }
    )
    made.ingest()
    return made


def test_ties_are_broken_by_source(workspace: Workspace) -> None:
    release = workspace.open()
    lexical_only = msgspec.structs.replace(release.manifest.retrieval, dense_weight=0.0)
    embedder = workspace.environment().embedders.load(release.manifest.embed)

    hits = Searcher(release, lambda: embedder, lexical_only).search("the same words stand in every", 12)

    assert len({hit.stages["lexical"].score for hit in hits}) == 1
    assert [hit.source for hit in hits] == sorted(hit.source for hit in hits)
    assert len(hits) == 12


def test_chinese_words_and_traditional_characters_are_found(workspace: Workspace) -> None:
    assert workspace.search("绿茶几点供应", 1)[0].source == "docs/茶.md"
    assert workspace.search("花園供應綠茶", 1)[0].source == "docs/茶.md"


def test_english_words_are_stemmed(workspace: Workspace) -> None:
    stages = workspace.search("gardens serving teas", 1)[0].stages

    assert stages["lexical"].rank == 1


def test_operators_of_a_query_language_have_no_meaning(workspace: Workspace) -> None:
    for query in ('tea AND (NOT "', "title:tea^5 [a TO z]", "\\ / * ?", "tea" * 5000):
        workspace.search(query)
    assert workspace.search('"green tea', 1)[0].source == "docs/tea.md"


def test_a_weight_of_zero_leaves_a_stage_out(workspace: Workspace) -> None:
    release = workspace.open()
    settings = msgspec.structs.replace(release.manifest.retrieval, dense_weight=0.0)
    environment = workspace.environment()

    def no_model() -> None:
        raise AssertionError("the embedder was asked for")

    hits = Searcher(release, no_model, settings).search("green tea")  # type: ignore[arg-type]

    assert hits
    assert all(set(hit.stages) == {"lexical"} for hit in hits)
    assert open_searcher(environment, release).search("green tea")[0].stages.keys() == {"dense", "lexical"}


@pytest.mark.parametrize(("query", "k", "message"), [("  ", 3, "query is empty"), ("tea", 0, "expected at least 1")])
def test_senseless_calls_are_refused(workspace: Workspace, query: str, k: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        workspace.search(query, k)


def test_every_hit_is_its_span(workspace: Workspace) -> None:
    release = workspace.open()
    for hit in workspace.search("tea garden room", 50):
        row = release.document(hit.document_id)
        segment = release.segments[row.segment]
        text = segment.versions["text"][segment.version_positions[row.document_id]].as_py()
        assert text[hit.start : hit.end] == hit.text


def test_an_empty_release_answers_with_nothing(tmp_path: Path) -> None:
    empty = Workspace(tmp_path, SETTINGS)
    empty.ingest()

    assert empty.search("anything") == []
