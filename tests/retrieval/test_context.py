"""Contexts: caps, budget, neighbours, and exact spans."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from ingest.embed.hashing import HashingEmbedder
from ragpress.answer_settings import ContextSettings
from retrieval.context import Context
from retrieval.search import Searcher
from retrieval.shingles import shingle_set, similarity
from tests.workspace import SETTINGS, Workspace

SMALL_CHUNKS = SETTINGS + "\n[chunk]\nmax_tokens = 40\nmin_tokens = 1\n"
QUESTION = "What is the daily dose of the blue tablets?"
TRUE = {
    "leaflet.md": "# Leaflet\n\nThe daily dose of the blue tablets is two, one in the morning and one at night.\n",
    "study.md": "# Study\n\nPatients who took the blue tablets twice a day felt better after a week of that dose.\n",
    "ward.md": "# Ward\n\nNurses write down the daily dose of every patient; blue tablets are kept in the cupboard.\n",
}
LIE = (
    "The daily dose of the blue tablets is twenty, which the hospital has confirmed to patients and nurses of both "
    "wards in writing, so that nobody has to ask again"
)
ENDS = ("many times", "once again", "in a letter", "at the gate", "last spring", "by telephone", "on the radio")


def planted(number: int) -> str:
    """One of many passages of nearly the same text: alike by more than half, by less than the collapse wants."""
    return f"{LIE} {ENDS[number % len(ENDS)]} or {ENDS[number // len(ENDS) - 3]}, note {number}.\n"


def searcher_of(workspace: Workspace) -> Searcher:
    return Searcher(workspace.open(), HashingEmbedder)


def checked(workspace: Workspace, context: Context) -> Context:
    """The context, after looking up every span in the texts of the versions."""
    release = workspace.open()
    for number, passage in enumerate(context.passages, start=1):
        row = release.document(passage.document_id)
        segment = release.segments[row.segment]
        text = segment.versions["text"][segment.version_positions[row.document_id]].as_py()
        assert passage.index == number
        assert text[passage.start : passage.end] == passage.chunk
        assert text[passage.text_start : passage.text_end] == passage.text
        assert passage.chunk in passage.text
    return context


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("handbook"), SMALL_CHUNKS)
    parts = [
        f"Rule {number} of the {word} says what the {word} keeper does with {word} forms, stamps, keys and letters "
        f"before the {word} closes for the day.\n"
        for word in ("library", "archive")
        for number in range(6)
    ]
    made.write(
        {
            "handbook.md": "# Library\n\n" + "\n".join(parts[:6]) + "\n# Archive\n\n" + "\n".join(parts[6:]),
            "moon.md": "# Moon\n\nThe moon was full.\n",
        }
    )
    made.ingest()
    return made


@pytest.mark.parametrize("copies", [1, 5, 10, 40])
def test_planted_passages_take_no_more_than_their_family_may(tmp_path: Path, copies: int) -> None:
    workspace = Workspace(tmp_path)
    workspace.write(TRUE | {f"planted/note{number}.md": planted(number) for number in range(copies)})
    workspace.ingest()
    first, others = shingle_set(planted(0)), [shingle_set(planted(number)) for number in range(1, copies)]
    assert all(0.5 <= similarity(first, other) < 0.85 for other in others)

    context = checked(workspace, searcher_of(workspace).context(QUESTION, ContextSettings()))

    of_planted = [passage for passage in context.passages if "planted" in passage.source]
    assert len(of_planted) == 1
    assert {f"docs/{name}" for name in TRUE} <= {passage.source for passage in context.passages}
    assert all(item.reason == "family_cap" for item in context.left_out)
    assert sum(passage.text.count(LIE) for passage in context.passages) == 1


def test_planted_passages_in_one_document_do_not_come_in_as_neighbours(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SMALL_CHUNKS.replace("40", "60"))
    workspace.write(TRUE | {"planted.md": "# Notes\n\n" + "\n".join(planted(number) for number in range(12))})
    workspace.ingest()

    context = checked(workspace, searcher_of(workspace).context(QUESTION, ContextSettings(neighbours=3)))

    assert sum(passage.text.count(LIE) for passage in context.passages) == 1


def test_a_document_takes_no_more_than_its_places(handbook: Workspace) -> None:
    searcher = searcher_of(handbook)
    question = "What does the keeper do with forms and stamps before it closes? The moon was full."
    settings = ContextSettings(per_source=2, per_family=9, neighbours=0)

    context = checked(handbook, searcher.context(question, settings))

    sources = [passage.source for passage in context.passages]
    assert sorted(sources) == ["docs/handbook.md", "docs/handbook.md", "docs/moon.md"]
    assert {item.reason for item in context.left_out} == {"source_cap"}


def test_passages_grow_within_their_section_and_budget(handbook: Workspace) -> None:
    searcher = searcher_of(handbook)
    question = "Rule 5 of the library: library keeper, library forms"
    alone = ContextSettings(passages=1, neighbours=0, family=1.0)
    wide = msgspec.structs.replace(alone, neighbours=9)

    narrow = checked(handbook, searcher.context(question, alone))
    grown = checked(handbook, searcher.context(question, wide))
    bounded = checked(handbook, searcher.context(question, msgspec.structs.replace(wide, tokens=64)))

    assert narrow.passages[0].text == narrow.passages[0].chunk
    assert grown.passages[0].chunk == narrow.passages[0].chunk
    assert all(f"Rule {number} of the library" in grown.passages[0].text for number in range(6))
    assert grown.passages[0].text.startswith("# Library")
    assert "rchive" not in grown.passages[0].text
    assert narrow.tokens < bounded.tokens <= 64 < grown.tokens
    assert len(bounded.passages[0].text) < len(grown.passages[0].text)


def test_no_text_stands_in_two_passages(handbook: Workspace) -> None:
    settings = ContextSettings(passages=3, per_family=9, neighbours=4, family=1.0)

    context = checked(handbook, searcher_of(handbook).context("library keeper, library forms and stamps", settings))

    spans = sorted((passage.text_start, passage.text_end) for passage in context.passages)
    assert len(spans) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_hits_that_do_not_fit_are_named(handbook: Workspace) -> None:
    searcher = searcher_of(handbook)
    question = "library keeper, library forms and stamps"
    settings = ContextSettings(passages=2, per_source=9, per_family=9, neighbours=0, family=1.0)

    few = searcher.context(question, settings)
    tight = searcher.context(question, msgspec.structs.replace(settings, passages=9, tokens=64))

    assert {item.reason for item in few.left_out} == {"passages"}
    assert "tokens" in {item.reason for item in tight.left_out}
    assert tight.tokens <= 64
    named = {passage.chunk_id for passage in few.passages} | {item.chunk_id for item in few.left_out}
    assert len(named) == len(few.passages) + len(few.left_out)


def test_the_best_chunk_is_there_however_long_it_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"long.md": "# Long\n\n" + "The keeper walks to the gate and back. " * 20 + "\n"})
    workspace.ingest()

    context = searcher_of(workspace).context("keeper gate", ContextSettings(tokens=64))

    assert len(context.passages) == 1
    assert context.tokens > 64


def test_the_evidence_is_measured(handbook: Workspace) -> None:
    searcher = searcher_of(handbook)

    near = searcher.context("the moon was full")
    far = searcher.context("quarterly zebra invoices")
    empty = searcher.context("???", ContextSettings())

    assert near.best_cosine is not None
    assert near.best_lexical is not None
    assert far.best_cosine is not None
    assert far.best_cosine < near.best_cosine <= 1.0 + 1e-6
    assert far.best_lexical == 0.0 < near.best_lexical <= 1.0
    assert empty.best_lexical is None


def test_a_search_switched_off_measures_nothing(handbook: Workspace) -> None:
    release = handbook.open()
    settings = msgspec.structs.replace(release.manifest.retrieval, lexical_weight=0.0)

    context = Searcher(release, HashingEmbedder, settings).context("the moon was full")

    assert context.best_lexical is None
    assert context.best_cosine is not None


def test_a_context_names_copies_and_its_release(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write(dict.fromkeys(("a.md", "b.md", "c.md"), TRUE["leaflet.md"]))
    workspace.ingest()

    context = searcher_of(workspace).context(QUESTION)

    assert [(passage.source, passage.copies) for passage in context.passages] == [
        ("docs/a.md", ("docs/b.md", "docs/c.md"))
    ]
    assert context.release == workspace.open().manifest.id
    assert context.query == QUESTION


def test_k_bounds_the_hits_that_are_looked_at(handbook: Workspace) -> None:
    settings = ContextSettings(per_source=1)

    context = searcher_of(handbook).context("library keeper", settings, k=2)

    assert len(context.passages) + len(context.left_out) == 2
