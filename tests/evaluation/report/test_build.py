"""What stands in a report."""

from __future__ import annotations

import msgspec
import pytest

from evaluation.comparing.words import word_diff
from evaluation.records import CaseError, CaseResult, Evidence, EvidenceState, LocatedEvidence
from evaluation.report import page
from evaluation.report.build import contents_of
from evaluation.report.contents import Contents, Span
from evaluation.report.excerpts import MOST, passage_rows, quote_span
from evaluation.report.marking import AFTER, BEFORE, answer_text, marked
from evaluation.report.render import as_json
from tests.evaluation.report.samples import (
    FILLER,
    case_of,
    compare_data,
    passage_of,
    result_of,
    run_data,
    trend,
)


def test_json_comes_back_as_what_it_was_made_of() -> None:
    data = compare_data()
    contents = contents_of(data)
    assert msgspec.json.decode(as_json(data), type=Contents) == contents
    assert contents.format == 1


def test_a_comparison_counts_what_became_of_its_cases() -> None:
    data = compare_data()
    contents = contents_of(data)
    counts = contents.counts
    changes = [case.change for case in contents.changed_cases]
    assert (counts["cases"], counts["review"], counts["errors"]) == (40, 2, 1)
    assert (counts["worse"], counts["better"]) == (changes.count("worse"), changes.count("better"))
    assert counts["newly_failed"] > 5
    assert [case.harm for case in contents.changed_cases] == sorted(
        (c.harm for c in contents.changed_cases), reverse=True
    )
    assert {row.side for row in contents.review} == {"baseline", "candidate"}
    assert contents.errors[0].reason == "generate: GeneratorTimeoutError: no token in 60 s"
    assert contents.trend[-1].id == data.id


def test_a_run_shows_the_cases_that_fail_those_that_must_pass_first() -> None:
    contents = contents_of(run_data(40))
    failing = contents.changed_cases
    assert failing
    assert {case.candidate.scores["passed"] for case in failing} == {0.1}
    assert [case.must for case in failing] == sorted((case.must for case in failing), reverse=True)
    assert contents.baseline is None
    assert contents.gate is None
    assert contents.slices[0].deltas == {}


def test_a_case_for_review_is_not_failing_and_counts_in_no_metric() -> None:
    data = run_data(8)
    case = data.cases[0]
    lost = result_of(case, 0, 0.0, review="its source changed")
    results = (lost, *data.candidate.results[1:])
    contents = contents_of(
        msgspec.structs.replace(data, candidate=msgspec.structs.replace(data.candidate, results=results))
    )
    assert case.id not in {row.id for row in contents.changed_cases}
    assert contents.missing[0].metric == ""
    assert contents.missing[0].cases == 1


def test_missing_values_are_counted_by_reason_and_metrics_share_a_line() -> None:
    data = run_data(6)
    results = tuple(
        msgspec.structs.replace(result, missing={"mrr": "none named", "recall@10": "none named", "passed": "unknown"})
        for result in data.candidate.results
    )
    contents = contents_of(
        msgspec.structs.replace(data, candidate=msgspec.structs.replace(data.candidate, results=results))
    )
    lines = page.missing_lines(contents)
    assert {(line.reason, frozenset(line.metrics), line.cases) for line in lines} == {
        ("none named", frozenset({"mrr", "recall@10"}), (6,)),
        ("unknown", frozenset({"passed"}), (6,)),
    }


def test_gated_metrics_stand_first_with_the_gates_margin() -> None:
    contents = contents_of(compare_data())
    table = page.metric_table(contents)
    assert [line.name for line in table.gated] == list(contents.gated)
    assert {line.tone for line in table.gated} == {"worse"}
    assert 'class="limit"' in table.gated[0].plot
    assert "total_seconds" in [line.name for line in table.others]
    assert next(line for line in table.others if line.name == "total_seconds").plot == ""


def test_slices_are_paired_and_small_ones_marked() -> None:
    contents = contents_of(compare_data())
    groups = {group.kind: group for group in page.slice_groups(contents)}
    english = next(line for line in groups["language"].lines if line.value == "en")
    assert english.cells[0].tone == "worse"
    assert english.cells[0].delta.startswith("−")
    assert not english.few
    assert any(line.few for group in page.slice_groups(contents_of(run_data(8))) for line in group.lines)


def test_the_trend_ends_with_this_report() -> None:
    contents = contents_of(compare_data())
    lines = page.trend_lines(contents)
    assert lines[0].current
    assert len(lines) == len(trend()) + 1
    assert len(page.trend_plots(contents)) == len(page.slice_columns(contents))
    assert page.trend_plots(contents_of(run_data())) == ()


def test_passages_of_both_sides_are_one_list_with_their_ranks() -> None:
    case = case_of(0)
    before = result_of(case, 0, 1.0)
    other = passage_of(2, 1)
    own = msgspec.structs.replace(before.passages[0], index=2)
    after = msgspec.structs.replace(before, passages=(other, own), citations=())
    rows = passage_rows(case, before, after)
    assert [(row.baseline_rank, row.candidate_rank) for row in rows] == [(None, 1), (1, 2), (2, None)]
    assert rows[1].covers == (0,)
    marked_text = {rows[1].text[span.start : span.end] for span in rows[1].spans if span.kind == "evidence"}
    assert marked_text == {case.evidence[0].quote}


def test_a_long_passage_is_cut_around_its_evidence() -> None:
    case = case_of(0)
    text = FILLER * 40 + case.evidence[0].quote + " " + FILLER * 40
    passage = passage_of(0, 1, text)
    start = text.index(case.evidence[0].quote)
    located = LocatedEvidence(
        index=0, state=EvidenceState.FOUND, source=passage.source, document_id=passage.document_id,
        start=start, end=start + len(case.evidence[0].quote),
    )  # fmt: skip
    result = result_of(case, 0, 1.0, passages=(passage,), evidence=(located,), citations=())
    row = passage_rows(case, None, result)[0]
    assert len(row.text) <= MOST
    assert row.before + len(row.text) + row.after == len(text)
    span = row.spans[0]
    assert row.text[span.start : span.end] == case.evidence[0].quote


def test_evidence_in_a_copy_is_marked_by_its_words() -> None:
    case = case_of(0, evidence=(Evidence("gone.md", "open from 8:00\n to 17:30"),))
    located = LocatedEvidence(
        index=0, state=EvidenceState.FOUND, source="gone.md", document_id="another", start=3, end=9
    )
    row = passage_rows(case, None, result_of(case_of(0), 0, 1.0, evidence=(located,), citations=()))[0]
    assert row.text[row.spans[0].start : row.spans[0].end] == "open from 8:00 to 17:30"
    assert quote_span("", "text") is None


def test_marks_may_overlap_and_what_is_between_is_escaped() -> None:
    html = marked("ab<cd>ef", (Span(0, 4, "evidence"), Span(3, 6, "cited")))
    assert html == (
        '<mark class="evidence">ab&lt;</mark><mark class="cited evidence">c</mark><mark class="cited">d&gt;</mark>ef'
    )


def test_each_side_of_an_answer_marks_what_only_it_says() -> None:
    texts = "The badge is <red> and given at the desk. [1]", "The badge is blue and given at the desk. [2]"
    pieces = word_diff(*texts)
    before, left = answer_text(texts[0], pieces, BEFORE)
    after, _ = answer_text(texts[1], pieces, AFTER)
    assert left == 0
    assert before == "The badge is <del>&lt;red&gt;</del> and given at the desk. [<del>1</del>]"
    assert after == "The badge is <ins>blue</ins> and given at the desk. [<ins>2</ins>]"


def test_answers_without_a_shared_word_are_not_marked() -> None:
    shown, left = answer_text("x" * 5000, (), AFTER)
    assert (len(shown), left) == (4000, 1000)


def test_a_case_that_ended_in_an_error_is_a_case_of_the_report() -> None:
    data = run_data(4)
    error = CaseResult(case=data.cases[0].id, fingerprint="f", key="", error=CaseError("retrieve", "OSError", "torn"))
    results = (error, *data.candidate.results[1:])
    contents = contents_of(
        msgspec.structs.replace(data, candidate=msgspec.structs.replace(data.candidate, results=results))
    )
    assert [(row.case, row.reason) for row in contents.errors] == [(data.cases[0].id, "retrieve: OSError: torn")]
    assert contents.counts["judged"] == 3


@pytest.mark.parametrize("floor", [0.5, 0.9])
def test_a_floor_is_drawn_and_named(floor: float) -> None:
    data = run_data(8)
    gate = msgspec.structs.replace(data.gate, floors={"passed": floor})
    line = page.metric_table(contents_of(msgspec.structs.replace(data, gate=gate))).gated[-1]
    assert line.floor == f"{floor:.3f}"
    assert 'class="limit"' in line.plot


def test_words_in_a_row_are_one_mark_and_unlike_answers_have_none() -> None:
    pieces = word_diff("The pump stops at ten volts.", "The pump runs on until ten volts.")
    after, _ = answer_text("", pieces, AFTER)
    assert after == "The pump <ins>runs on until</ins> ten volts."
    unlike = word_diff("The pump stops at ten volts.", "Nobody knows of any station, the passages say.")
    assert answer_text("as it is", unlike, BEFORE) == ("as it is", 0)
