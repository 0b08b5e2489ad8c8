"""Generating from real corpora: the sample that ships with ragpress, and a shared benchmark set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluation.cases.locate import EvidenceFinder
from evaluation.generate.records import GenerateRequest
from evaluation.generate.run import generate
from evaluation.records import EvidenceState
from tests.workspace import Workspace

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "examples" / "sample"
XQUAD = ROOT.parent / "shared" / "data" / "xquad_en_zh"


def check(workspace: Workspace, count: int, least: int) -> set[str]:
    """Generate, see that all evidence is where the case says, and give the kinds of questions."""
    report = generate(workspace.environment(), GenerateRequest(count=count, seed=5))
    finder = EvidenceFinder(workspace.open())
    assert report.written >= least
    for case in report.cases:
        located = finder.locate(case)
        assert [item.state for item in located] == [EvidenceState.FOUND] * len(case.evidence)
        assert case.must_abstain == (not case.evidence)
    assert min(report.languages["en"], report.languages["zh"]) >= least // 4
    return set(report.kinds)


@pytest.mark.workspace
def test_the_sample_gives_questions_of_every_kind_in_both_languages(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shutil.copytree(SAMPLE, workspace.docs, dirs_exist_ok=True)
    workspace.ingest()
    kinds = check(workspace, count=80, least=70)
    assert {"definition", "entry", "faq", "money", "number", "table", "unanswerable", "value", "when"} <= kinds


@pytest.mark.data
def test_articles_give_questions_in_both_languages(tmp_path: Path) -> None:
    if not XQUAD.is_dir():
        pytest.skip(f"the shared benchmark data is not there: {XQUAD}")
    workspace = Workspace(tmp_path)
    for language in ("en", "zh"):
        shutil.copytree(XQUAD / language, workspace.docs / language)
    workspace.ingest()
    kinds = check(workspace, count=60, least=50)
    assert {"number", "when", "unanswerable"} <= kinds
