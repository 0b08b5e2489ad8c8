from __future__ import annotations

from pathlib import Path

from evaluation.metrics.answers import Scorer
from evaluation.metrics.catalogue import DEFINED, METRICS, NOT_COUNTED, cost_scores, metric
from evaluation.metrics.retrieval import metric_names
from evaluation.metrics.spans import SPAN_METRICS
from evaluation.records import Cost
from ragpress.evaluation_settings import EvaluationSettings, GateSettings
from serving.evidence.support import SupportChecker
from tests.evaluation.metrics.records import case, facts

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_every_value_that_a_case_can_get_is_in_the_catalogue() -> None:
    answered = Scorer(None, SupportChecker(None), 0.38).score(case("1932"), facts("In 1932."))
    named = {*metric_names(EvaluationSettings().k), *SPAN_METRICS, *answered.scores, *answered.missing}
    cost = cost_scores(Cost())
    assert named | {*cost.scores, *cost.missing} == set(METRICS)


def test_the_gate_looks_at_metrics_that_there_are() -> None:
    assert set(GateSettings().metrics) <= set(METRICS)


def test_every_metric_is_defined_in_both_languages() -> None:
    for name, one in METRICS.items():
        assert one.name == name
        assert one.definition("en").endswith(".")
        assert one.definition("zh").endswith("。")
        assert " k " not in one.en


def test_a_cut_off_stands_in_its_definition() -> None:
    assert metric("recall@7").definition("en") == "Share of the evidence that the first 7 hits hold."
    assert metric("total_seconds").higher_is_better is False
    assert metric("their_own").group == "plugin"
    assert metric("their_own@3").group == "plugin"


def test_cost_that_was_not_counted_is_missing() -> None:
    found = cost_scores(Cost(prompt_tokens=12, total_seconds=0.5, embedded=3))
    assert found.scores == {"prompt_tokens": 12.0, "retrieve_seconds": 0.0, "total_seconds": 0.5, "embedded": 3.0}
    assert found.missing == {"completion_tokens": NOT_COUNTED, "first_token_seconds": NOT_COUNTED}


def test_the_page_of_metrics_has_every_one_with_formula_source_and_range() -> None:
    entries = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    by_name = {entry.split("\n", 1)[0].strip("`"): entry for entry in entries}
    assert list(by_name) == list(DEFINED)
    for name, entry in by_name.items():
        for part in ("**Formula.**", "**Range.**", "**Source.**", "**Missing**"):
            assert part in entry, f"{name} lacks {part}"
