"""Imported cases find their evidence in the live release, or say why not; importing again adds nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluation.cases import files
from evaluation.cases.importing.records import ImportReport
from evaluation.cases.importing.run import ImportRequest, import_cases
from evaluation.records import Case, Evidence
from ragpress.errors import SettingsError, UsageError
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace

MILL = "# Old Mill\n\nThe mill stands by the river. It was built in 1780 by Ann Rye.\n\nA fire destroyed it in 1902.\n"
DEPOSIT = "# 押金\n\n租客需支付一个月租金作为押金。退租后十四天内退还押金。\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.write({"Old_Mill.md": MILL, "zh/租房.md": DEPOSIT})
    made.ingest()
    return made


def _import(workspace: Workspace, name: str, body: str, **request: Any) -> ImportReport:
    path = workspace.root / name
    path.write_text(body, encoding="utf-8")
    return import_cases(workspace.environment(), ImportRequest(path=path, **request))


def _cases(workspace: Workspace) -> dict[str, Case]:
    return {case.id: case for case in files.load_cases(workspace.root, "default")}


def _squad(
    answer: str = "1780", context: str = "The mill stands by the river. It was built in 1780 by Ann Rye."
) -> str:
    asked = {"id": "m1", "question": "When was it built?", "answers": [{"text": answer, "answer_start": 46}]}
    return json.dumps({"data": [{"title": "Old Mill", "paragraphs": [{"context": context, "qas": [asked]}]}]})


def test_squad_is_matched_by_its_text(workspace: Workspace) -> None:
    report = _import(workspace, "set.json", _squad(), tags=("mill",))
    case = _cases(workspace)["m1"]
    assert (report.imported, report.accepted, report.format, report.file) == (1, 1, "squad", "set.jsonl")
    assert case.evidence == (Evidence("docs/Old_Mill.md", "It was built in 1780 by Ann Rye."),)
    assert (case.answer, case.tags, case.origin, case.state) == ("1780", ("mill",), "import:squad:set.json", "accepted")


def test_importing_again_adds_nothing(workspace: Workspace) -> None:
    _import(workspace, "set.json", _squad())
    before = (workspace.root / "cases" / "set.jsonl").read_bytes()
    report = _import(workspace, "set.json", _squad())
    assert (report.imported, report.duplicates, report.mended, report.file) == (0, 1, 0, "")
    assert (workspace.root / "cases" / "set.jsonl").read_bytes() == before


def test_a_rejected_case_does_not_come_back(workspace: Workspace) -> None:
    _import(workspace, "set.json", _squad())
    files.replace_cases(workspace.root, {"m1": msgspec.structs.replace(_cases(workspace)["m1"], state="rejected")})
    assert _import(workspace, "set.json", _squad()).imported == 0
    assert _cases(workspace)["m1"].state == "rejected"


def test_a_taken_id_gets_another(workspace: Workspace) -> None:
    _import(workspace, "set.json", _squad())
    assert _import(workspace, "two.json", _squad(answer="in 1780 by Ann")).imported == 1
    first, second = _cases(workspace)
    assert (first, second.startswith("m1-")) == ("m1", True)


def test_evidence_that_is_not_found_makes_a_proposal_that_a_later_import_mends(workspace: Workspace) -> None:
    context = "Tom Hale owns the barn on the hill since 1950."
    report = _import(workspace, "barn.json", _squad("1950", context))
    case = _cases(workspace)["m1"]
    assert (report.accepted, case.state) == (0, "proposed")
    assert (
        "none holds the quote" in report.unmatched[0].reason or "does not hold the quote" in report.unmatched[0].reason
    )
    assert case.note.startswith("Evidence not found: ")
    workspace.write({"barn.md": "# Barn\n\n" + context + "\n"})
    workspace.ingest()
    again = _import(workspace, "barn.json", _squad("1950", context))
    assert (again.imported, again.mended) == (0, 1)
    assert (_cases(workspace)["m1"].state, _cases(workspace)["m1"].note) == ("accepted", "")
    assert _cases(workspace)["m1"].evidence == (Evidence("docs/barn.md", context),)


def test_a_table_names_sources_below_a_folder_or_by_a_pattern(workspace: Workspace) -> None:
    table = "问题,答案,来源,原文\n押金多少？,一个月租金,租房.md,支付一个月租金作为押金\n"
    report = _import(workspace, "a.csv", table, source="docs/zh")
    assert report.accepted == 1
    assert next(iter(_cases(workspace).values())).evidence[0].source == "docs/zh/租房.md"
    other = "question,title,answer\nWho built it?,Old_Mill,Ann Rye\n"
    assert _import(workspace, "b.csv", other, source="docs/{title}.md").accepted == 1


def test_a_source_and_an_answer_are_enough(workspace: Workspace) -> None:
    report = _import(workspace, "a.csv", "question,answer,source\nWhat ended it?,a fire,Old_Mill\n")
    assert report.accepted == 1
    assert next(iter(_cases(workspace).values())).evidence[0].quote.endswith("A fire destroyed it in 1902.")


def test_a_quote_chosen_by_words_is_proposed(workspace: Workspace) -> None:
    report = _import(workspace, "a.csv", "question,answer,source\nWhat ended it?,it burnt,docs/Old_Mill.md\n")
    assert (report.imported, report.accepted) == (1, 0)
    assert "chosen by its words" in report.unmatched[0].reason


def test_a_wrong_quote_names_the_nearest_words(workspace: Workspace) -> None:
    table = "question,answer,source,quote\nWhen?,1790,docs/Old_Mill.md,It was built in 1790 by Ann Rye.\n"
    report = _import(workspace, "a.csv", table)
    assert (
        "docs/Old_Mill.md does not hold the quote; nearest to it is: “It was built in 1780"
        in report.unmatched[0].reason
    )
    assert next(iter(_cases(workspace).values())).evidence == (
        Evidence("docs/Old_Mill.md", "It was built in 1790 by Ann Rye."),
    )


def test_beir_is_matched_by_title_or_text(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    text = {"_id": "77", "title": "Old Mill", "text": "It was built in 1780 by Ann Rye."}
    (folder / "corpus.jsonl").write_text(json.dumps(text), encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "9", "text": "Who built the mill?"}', encoding="utf-8")
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n9\t77\t1\n", encoding="utf-8")
    report = import_cases(workspace.environment(), ImportRequest(path=folder))
    assert report.accepted == 1
    assert _cases(workspace)["9"].evidence == (Evidence("docs/Old_Mill.md", "It was built in 1780 by Ann Rye."),)


def test_cases_of_another_workspace_keep_what_they_hold(workspace: Workspace) -> None:
    case = {"id": "c1", "question": "Who?", "answer": "Ann", "principal": ["hr"], "tags": ["must"], "state": "proposed",
            "evidence": [{"source": "Old_Mill.md", "quote": "by Ann Rye"}]}  # fmt: skip
    report = _import(workspace, "theirs.jsonl", json.dumps(case), source="docs")
    kept = _cases(workspace)["c1"]
    assert (report.imported, kept.state, kept.principal, kept.tags) == (1, "proposed", ("hr",), ("must",))
    assert kept.evidence == (Evidence("docs/Old_Mill.md", "by Ann Rye"),)


def test_without_a_release_cases_are_proposed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    report = _import(workspace, "set.json", _squad())
    assert (report.release, report.accepted) == ("", 0)
    assert "nothing is live" in report.unmatched[0].reason


def test_what_makes_no_sense_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="--source"):
        _import(workspace, "a.csv", "question\nq\n", source="docs/{name}.md")
    with pytest.raises(SettingsError):
        _import(workspace, "a.csv", "question\nq\n", collection="none")
    with pytest.raises(UsageError, match="There is no"):
        import_cases(workspace.environment(), ImportRequest(path=workspace.root / "x.csv", format="csv"))
