"""Near-duplicates become one hit that names the others."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from ingest.embed.hashing import HashingEmbedder
from ingest.near_duplicates import verify_jaccard
from ragpress.answer_settings import AccessSettings
from retrieval.access import ANYBODY, AccessRules
from retrieval.collapse import Families
from retrieval.search import Hit, Searcher
from retrieval.shingles import shingle_set, similarity
from tests.workspace import SETTINGS, Workspace

TEXT = "The boiler in the cellar is switched off by the red lever beside the door, and never by the fuse."
OTHER = "The red lever of the boiler has to be oiled in spring and before the first frost of the year."
NEVER_COMPACT = SETTINGS + "\n[index]\ncompact_deleted = 1.0\ncompact_segments = 100\n"


def copy(number: int) -> str:
    """The text with a word more at its end."""
    return f"{TEXT} Copy {number}."


def seen(hits: list[Hit]) -> list[tuple[str, list[str]]]:
    """Source of each hit and sources of its copies."""
    return [(hit.source, [other.source for other in hit.copies]) for hit in hits]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    found = {f"manual{number}.md": f"{TEXT}\n" for number in range(12)}
    found |= {f"leaflet{number}.md": f"{copy(number)}\n" for number in range(3)}
    return found | {"oil.md": f"{OTHER}\n", "garden.md": "The garden door is green.\n"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, files: dict[str, str]) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("collapse"))
    made.write(files)
    made.ingest()
    return made


def searcher_of(workspace: Workspace, **changes: float) -> Searcher:
    release = workspace.open()
    settings = msgspec.structs.replace(release.manifest.retrieval, **changes)
    return Searcher(release, HashingEmbedder, settings)


def test_equal_and_similar_texts_become_one_hit(workspace: Workspace) -> None:
    hits = searcher_of(workspace).search("red lever of the boiler", 3)

    assert {hit.source for hit in hits} >= {"docs/oil.md", "docs/garden.md"}
    group = next(hit for hit in hits if hit.copies)
    named = {group.source, *(other.source for other in group.copies)}
    assert named == {f"docs/manual{number}.md" for number in range(12)} | {f"docs/leaflet{n}.md" for n in range(3)}
    assert len({other.chunk_id for other in group.copies}) == 14


def test_above_one_nothing_is_collapsed(workspace: Workspace) -> None:
    hits = searcher_of(workspace, collapse=1.5).search("red lever of the boiler", 17)

    assert len(hits) == 17
    assert not any(hit.copies for hit in hits)


def test_at_one_only_equal_texts_are(workspace: Workspace) -> None:
    hits = searcher_of(workspace, collapse=1.0).search("red lever of the boiler", 10)

    groups = [len(hit.copies) for hit in hits if "manual" in hit.source]
    assert groups == [11]
    assert sum("leaflet" in hit.source for hit in hits) == 3


def test_copies_that_fill_the_depth_do_not_hide_other_texts(workspace: Workspace) -> None:
    hits = searcher_of(workspace, depth=4).search("the red lever of the boiler by the door", 3)

    assert len(hits) == 3
    assert {"docs/oil.md", "docs/garden.md"} <= {hit.source for hit in hits}


def test_only_copies_the_caller_may_read_are_named(workspace: Workspace) -> None:
    release = workspace.open()
    rules = AccessRules(AccessSettings(rules={"docs/manual*.md": ("staff",), "docs/manual3.md": ("everyone",)}))

    hits = Searcher(release, HashingEmbedder, rules=rules).search("red lever of the boiler", caller=ANYBODY)

    group = next(hit for hit in hits if hit.copies)
    named = {group.source, *(other.source for other in group.copies)}
    assert named == {"docs/manual3.md", "docs/leaflet0.md", "docs/leaflet1.md", "docs/leaflet2.md"}


def test_groups_do_not_depend_on_the_layout_of_segments(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "pieces").mkdir()
    (tmp_path / "whole").mkdir()
    pieces, whole = Workspace(tmp_path / "pieces", NEVER_COMPACT), Workspace(tmp_path / "whole", NEVER_COMPACT)
    items = list(reversed(files.items()))
    for start in range(0, len(items), 6):
        pieces.write(dict(items[start : start + 6]))
        pieces.ingest()
    whole.write(files)
    whole.ingest()

    assert len(pieces.open().segments) > len(whole.open().segments)
    for question in ("red lever of the boiler", "copy of the fuse", "green garden door"):
        assert seen(searcher_of(pieces).search(question)) == seen(searcher_of(whole).search(question))


def test_similarity_is_the_jaccard_index_of_shingles() -> None:
    for one, other in itertools.combinations([TEXT, OTHER, copy(1), copy(2), "", "boiler", "锅炉在地下室"], 2):
        assert similarity(shingle_set(one), shingle_set(other)) == verify_jaccard(one, other)


def test_a_text_joins_the_first_family_whose_first_text_it_resembles() -> None:
    families = Families(0.5)
    letters = [shingle_set(" ".join(words)) for words in ("abcdefgh", "abcdefxy", "cdefghij", "klmnopqr")]

    numbers = [families.add(bytes([number]), one) for number, one in enumerate(letters)]

    assert numbers == [0, 0, 0, 1]
    assert families.add(b"\x03", shingle_set("something else entirely here")) == 1
    assert families.find(shingle_set("k l m n o p q r s")) == 1
    assert families.find(shingle_set("no such text anywhere")) is None
