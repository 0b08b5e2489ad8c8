"""Real question sets in their own formats, imported over the real documents."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluation.cases.files import load_cases
from evaluation.cases.importing.run import ImportRequest, import_cases
from evaluation.cases.locate import EvidenceFinder
from evaluation.cases.review import review
from tests.workspace import Workspace

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared benchmark data is not at {DATA}"),
]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _with_documents(root: Path, folder: Path, most: int) -> Workspace:
    workspace = Workspace(root)
    for path in sorted(folder.glob("*.txt"))[:most]:
        shutil.copy(path, workspace.docs / path.name)
    workspace.ingest()
    return workspace


def _xquad(language: str, workspace: Workspace) -> list[dict[str, Any]]:
    """XQuAD's own shape (SQuAD 1.1), made again of its questions and offsets."""
    paragraphs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in _lines(DATA / "xquad_en_zh" / f"questions.{language}.jsonl"):
        gold = row["gold"][0]
        name = Path(gold["doc"]).name
        if (workspace.docs / name).exists():
            text = (workspace.docs / name).read_text(encoding="utf-8")
            answer = {"text": gold["answer"], "answer_start": gold["answer_start"] - gold["para_start"]}
            asked = {"id": row["id"], "question": row["question"], "answers": [answer]}
            paragraphs.setdefault((name, text[gold["para_start"] : gold["para_end"]]), []).append(asked)
    return [
        {"title": Path(name).stem, "paragraphs": [{"context": context, "qas": asked}]}
        for (name, context), asked in paragraphs.items()
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_xquad_finds_every_answer_in_a_sentence_of_its_document(tmp_path: Path, language: str) -> None:
    workspace = _with_documents(tmp_path, DATA / "xquad_en_zh" / language, 12)
    path = tmp_path / "xquad.json"
    path.write_text(json.dumps({"version": "1.1", "data": _xquad(language, workspace)}), encoding="utf-8")
    report = import_cases(workspace.environment(), ImportRequest(path=path))
    cases = load_cases(tmp_path, "default")
    finder = EvidenceFinder(workspace.open())
    assert report.imported > 150
    assert report.accepted == report.imported == len(cases)
    assert all(case.answer is not None and case.answer in case.evidence[0].quote for case in cases)
    assert all(finder.locate(case)[0].found for case in cases)
    assert review(workspace.environment(), "default").items == ()


def test_cmrc_finds_its_paragraphs(tmp_path: Path) -> None:
    workspace = _with_documents(tmp_path, DATA / "cmrc2018_zh" / "docs", 40)
    asked: dict[str, list[dict[str, Any]]] = {}
    for row in _lines(DATA / "cmrc2018_zh" / "questions.jsonl"):
        answers = [answer["text"] for answer in row["gold"]["answers"]]
        question = {"query_id": row["id"], "query_text": row["question"], "answers": answers}
        asked.setdefault(Path(row["gold"]["doc"]).name, []).append(question)
    body = [
        {"context_id": name, "context_text": (workspace.docs / name).read_text(encoding="utf-8"), "qas": questions}
        for name, questions in asked.items()
        if (workspace.docs / name).exists()
    ]
    path = tmp_path / "cmrc.json"
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    report = import_cases(workspace.environment(), ImportRequest(path=path))
    assert report.imported > 80
    assert (report.accepted, report.unmatched) == (report.imported, ())


def test_questions_on_filings_name_the_pages_that_hold_their_evidence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folder = DATA / "financebench"
    chosen = sorted((folder / "pdfs").glob("*.pdf"), key=lambda path: path.stat().st_size)[:2]
    for path in chosen:
        shutil.copy(path, workspace.docs / path.name)
    workspace.ingest()
    names = {path.stem for path in chosen}
    rows = [row for row in _lines(folder / "questions.jsonl") if row["doc_name"] in names]
    (tmp_path / "filings.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = import_cases(workspace.environment(), ImportRequest(path=tmp_path / "filings.jsonl"))
    sources = {item.source for case in load_cases(tmp_path, "default") for item in case.evidence}
    assert report.imported == len(rows)
    assert sources <= {f"docs/{path.name}" for path in chosen}
    assert report.imported - report.accepted == len(report.unmatched)
