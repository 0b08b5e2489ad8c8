"""A report is kept in the store, with its results and the trend of earlier ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from evaluation.report.contents import Contents
from evaluation.report.keep import KEPT_RESULTS, Results, keep_report
from index.evaluations import REPORT_JSON, evaluation_file, list_evaluations
from tests.evaluation.report.samples import compare_data, run_data
from tests.workspace import Workspace

pytestmark = pytest.mark.workspace


def test_a_report_is_listed_and_lies_where_it_is_said_to(tmp_path: Path) -> None:
    environment = Workspace(tmp_path).environment()
    data = compare_data()
    summary, path = keep_report(environment, data)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list_evaluations(environment.store) == [summary]
    assert (summary.verdict, summary.review, summary.errors, summary.cases) == ("refuse", 2, 1, 40)
    results = msgspec.json.decode(
        gzip.decompress(evaluation_file(environment.store, data.id, KEPT_RESULTS)), type=Results
    )
    assert results.candidate == data.candidate
    assert results.baseline == data.baseline


def test_earlier_evaluations_of_the_same_cases_are_its_trend(tmp_path: Path) -> None:
    environment = Workspace(tmp_path).environment()
    for number, cases in enumerate(("one", "one", "other")):
        created = f"2026-06-10T0{number}:00:00+00:00"
        keep_report(environment, run_data(4, id=f"e{number}", created=created, case_set=cases))
    last = run_data(4, id="e9", created="2026-06-10T09:00:00+00:00", case_set="one")
    keep_report(environment, last)
    contents = msgspec.json.decode(evaluation_file(environment.store, "e9", REPORT_JSON), type=Contents)
    assert [one.id for one in contents.trend] == ["e0", "e1", "e9"]


def test_a_store_that_is_elsewhere_leaves_a_copy_here(tmp_path: Path) -> None:
    environment = Workspace(tmp_path).environment()
    elsewhere = msgspec.structs.replace(environment, local=tmp_path / "local")
    _, path = keep_report(elsewhere, run_data(4))
    assert path == tmp_path / "local" / "evaluations" / run_data(4).id / "report.html"
    assert (path.parent / "report.json").is_file()
