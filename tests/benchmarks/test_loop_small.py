"""One fault from its injection to the repaired release, with the real embedder over own texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import loop_sets
from benchmarks.loop import load
from benchmarks.loop_bench import Workshop
from benchmarks.loop_pool import Asked, Pool
from benchmarks.loop_records import Plan
from benchmarks.loop_report import report
from benchmarks.loop_run import measure

pytestmark = pytest.mark.model

FACTS = {
    "harbour": ("When was the harbour crane rebuilt?", "1987", "The harbour crane was rebuilt in 1987 by Oldenkamp."),
    "lighthouse": ("Who kept the lighthouse?", "Marta Vance", "The lighthouse was kept by Marta Vance for years."),
    "library": ("How many books does the town library hold?", "41,300", "The town library holds 41,300 books."),
    "bridge": ("What is the old bridge made of?", "granite", "The old bridge over the river is made of granite."),
    "bakery": ("At what hour does the bakery open?", "five", "The bakery on the square opens at five every day."),
}


def own(half: str) -> Pool:
    """Five documents and a question about each."""
    files = {
        f"{name}.md": f"# The {name}\n\nUpdated: 2024-03-05\n\nThis page tells of the {name}. {sentence} It is liked.\n"
        for name, (_, _, sentence) in FACTS.items()
    }
    asked = tuple(
        Asked(id=name, question=question, answer=answer, source=f"{name}.md", sentence=sentence)
        for name, (question, answer, sentence) in FACTS.items()
    )
    return Pool(name="own", language="en", half=half, files=files, asked=asked, outside=(), foreign=("# 灯塔\n",))


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose only set is our own."""
    monkeypatch.setitem(loop_sets.SETS, "own", own)
    return Workshop(tmp_path / "work", tmp_path / "vectors.sqlite")


def test_a_deleted_document_is_told_from_an_earlier_release_and_a_rebuild_is_measured(workshop: Workshop) -> None:
    plan = Plan(kind="deleted_document", pool="own", half="even", number=0, history=True, corrected=True, seed=1)
    outcome = measure(workshop, plan, rebuild=True)
    assert outcome.error == ""
    assert outcome.status == "done"
    assert outcome.found is not None
    assert outcome.found.cause == "missing_document"
    assert outcome.found.documents[:1] == outcome.culprits
    assert outcome.worse == ()
    assert outcome.cost is not None
    assert outcome.rebuild is not None
    assert outcome.rebuild.embedded == len(FACTS) - 1


def test_a_complaint_about_a_right_answer_blames_nobody(workshop: Workshop) -> None:
    plan = Plan(kind="thumbs_down_on_right", pool="own", half="odd", number=0, history=True, corrected=False, seed=1)
    outcome = measure(workshop, plan)
    assert outcome.error == ""
    assert outcome.found is not None
    assert outcome.found.documents == ()
    assert not outcome.published
    assert outcome.fixed


def test_several_callers_complain_each_in_words_of_their_own(workshop: Workshop) -> None:
    plan = Plan(
        kind="wrong_correction", pool="own", half="even", number=0, history=True, corrected=True, seed=1, callers=3
    )
    outcome = measure(workshop, plan)
    assert outcome.error == ""
    told = outcome.told.splitlines()
    assert len(set(told)) == 3
    assert all(outcome.claim in line for line in told)
    assert outcome.fixed


def test_a_torn_line_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "0-1.jsonl").write_bytes(b'{"plan":{"kind":"ocr_no')
    assert load(tmp_path) == []
    assert report(tmp_path) == 1
    assert "no results" in capsys.readouterr().out
