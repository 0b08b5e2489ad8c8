"""SQuAD, CMRC, BEIR, tables and JSON lines are read as drafts; what is no case is named with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.cases.importing.beir import read_beir
from evaluation.cases.importing.records import Draft, Refused
from evaluation.cases.importing.rows import read_json_lines, read_table
from evaluation.cases.importing.run import format_of
from evaluation.cases.importing.squad import UNANSWERABLE, read_squad
from evaluation.records import Case
from ragpress.errors import SettingsError, UsageError

CONTEXT = "The mill was built in 1780. It burnt down in 1902."


def _squad(tmp_path: Path, *questions: dict[str, Any]) -> Path:
    path = tmp_path / "set.json"
    data = {"data": [{"title": "Old_Mill", "paragraphs": [{"context": CONTEXT, "qas": list(questions)}]}]}
    path.write_text(json.dumps(data), encoding="utf-8-sig")
    return path


def _draft(item: object) -> Draft:
    assert isinstance(item, Draft)
    return item


def test_squad_answers_and_their_place_are_read(tmp_path: Path) -> None:
    answers = [{"text": "1902", "answer_start": 45}, {"text": "in 1902", "answer_start": 42}, {"text": "1902"}]
    path = _squad(tmp_path, {"id": "a1", "question": "When did it burn?", "answers": answers})
    draft = _draft(next(read_squad(path)))
    assert (draft.name, draft.answers) == ("a1", ("1902", "in 1902"))
    assert (draft.supports[0].title, draft.supports[0].start, draft.must_abstain) == ("Old_Mill", 45, False)
    assert format_of(path) == "squad"


def test_squad_questions_without_an_answer_must_be_abstained_from(tmp_path: Path) -> None:
    path = _squad(tmp_path, {"id": 7, "question": "Who built it?", "answers": [], "is_impossible": True})
    draft = _draft(next(read_squad(path)))
    assert (draft.name, draft.must_abstain, draft.supports, draft.note) == ("7", True, (), UNANSWERABLE)


def test_a_broken_question_of_squad_is_named(tmp_path: Path) -> None:
    (item,) = read_squad(_squad(tmp_path, {"id": "a1", "answers": []}))
    assert isinstance(item, Refused)
    assert item.where == "article 1, paragraph 1, question 1"


def test_cmrc_in_its_own_shape(tmp_path: Path) -> None:
    row = {
        "context_id": "D1",
        "context_text": "磨坊建于1780年。",
        "qas": [{"query_id": "Q1", "query_text": "建于何时？", "answers": ["1780年", "1780年", "不在文中"]}],
    }
    path = tmp_path / "cmrc.json"
    path.write_text(json.dumps([row]), encoding="utf-8")
    draft = _draft(next(read_squad(path)))
    assert (draft.name, draft.question, draft.answers) == ("Q1", "建于何时？", ("1780年",))


@pytest.mark.parametrize("body", ["{}", "[1]", "no json", '{"data": [{"paragraphs": []}]}'])
def test_what_is_no_squad_file_is_said(tmp_path: Path, body: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"x\.json"):
        list(read_squad(path))
    with pytest.raises(UsageError, match="--format"):
        format_of(path)


def _beir(tmp_path: Path, judged: str) -> Path:
    (tmp_path / "qrels").mkdir()
    texts = [{"_id": "d1", "title": "Mill", "text": CONTEXT}, {"_id": "d2", "text": "Other."}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
    queries = [{"_id": "q1", "text": "When did the mill burn?"}, {"_id": "q2", "text": "Not judged"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    return tmp_path


def test_beir_judgements_become_evidence(tmp_path: Path) -> None:
    folder = _beir(tmp_path, "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\td1\t1\n")
    (item,) = read_beir(folder)
    draft = _draft(item)
    assert [(support.source, support.title, support.whole) for support in draft.supports] == [("d1", "Mill", True)]
    assert (draft.name, draft.answers, format_of(folder)) == ("q1", (), "beir")


def test_a_broken_judgement_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"test\.tsv, line 2"):
        list(read_beir(_beir(tmp_path, "query-id\tcorpus-id\tscore\nq1\td1\n")))


@pytest.mark.parametrize(
    ("name", "body", "encoding"),
    [
        ("a.csv", "问题,答案,来源,原文,标签\n押金多少？,一个月,租房.md,押金为一个月租金,must；租房\n", "gb18030"),
        (
            "a.tsv",
            "问题\t参考答案\t文档\t引文\t标签\n押金多少？\t一个月\t租房.md\t押金为一个月租金\tmust 、 租房\n",
            "utf-16",
        ),
        (
            "a.csv",
            "Question;Answer;Source;Quote;Tags\n押金多少？;一个月;租房.md;押金为一个月租金;must, 租房\n",
            "utf-8-sig",
        ),
    ],
)
def test_tables_are_read_whatever_their_header_and_encoding(
    tmp_path: Path, name: str, body: str, encoding: str
) -> None:
    path = tmp_path / name
    path.write_text(body, encoding=encoding)
    (item,) = read_table(path)
    draft = _draft(item)
    assert (draft.question, draft.answers, draft.tags) == ("押金多少？", ("一个月",), ("must", "租房"))
    assert [(support.source, support.quote) for support in draft.supports] == [("租房.md", "押金为一个月租金")]


def test_rows_with_one_id_are_one_case(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "id,question,answer,answers,source,quote\n"
        '1,Who?,"Ann, of Rye",Ann|Anna,a.md,"Ann, it was"\n'
        "1,Who?,,,b.md,Ann of Rye\n"
        ",When?,,,,\n\n",
        encoding="utf-8",
    )
    first, second = map(_draft, read_table(path))
    assert first.answers == ("Ann, of Rye", "Ann", "Anna")
    assert [support.source for support in first.supports] == ["a.md", "b.md"]
    assert (second.question, second.supports) == ("When?", ())


def test_rows_that_are_no_cases_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer,must_abstain\n,x,\nq,x,yes\nq,,maybe\nq,,是\n", encoding="utf-8")
    *refused, last = read_table(path)
    assert [item.where for item in refused if isinstance(item, Refused)] == ["line 2", "line 3", "line 4"]
    assert _draft(last).must_abstain


def test_a_table_without_a_question_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"found \['quote', 'tags'\]"):
        list(read_table(path))


def test_json_lines_are_cases_or_any_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    other = {"qid": 5, "Question": "When?", "answer": "1902", "doc_name": "mill", "evidence": [
        {"evidence_text": "It burnt down in 1902", "doc_name": "mill_2"}, "The mill was built"]}  # fmt: skip
    lines = [
        '{"id": "a", "question": "q", "state": "rejected"}',
        json.dumps(other),
        "[]",
        "{",
        '{"id": "b", "question": ""}',
    ]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    case, draft, *refused = read_json_lines(path)
    assert isinstance(case, Case)
    assert case.state == "rejected"
    assert [(support.source, support.quote) for support in _draft(draft).supports] == [
        ("mill_2", "It burnt down in 1902"),
        ("mill", "The mill was built"),
    ]
    assert [item.where for item in refused if isinstance(item, Refused)] == ["line 3", "line 4", "line 5"]


def test_a_file_of_no_known_kind_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"x")
    for path in (tmp_path / "a.docx", tmp_path, tmp_path / "none.csv"):
        with pytest.raises(UsageError):
            format_of(path)
