"""What a served model says of both sides' answers, beside the deterministic metrics and never in the gate."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from evaluation.comparing.records import Comparison
from evaluation.model_judge.judging import judge_report
from evaluation.model_judge.records import METRICS, JudgeReport
from evaluation.records import CaseResult
from evaluation.report.data import JudgeOpinion
from evaluation.statistics import compare_metrics
from index.environment import Environment


def model_verdict(environment: Environment, comparison: Comparison) -> JudgeOpinion:
    """Let the model of ``[judge]`` judge both sides; what it judged before is not asked again.

    Raises:
        SettingsError: no judge is set, or its prompt is wrong.
        GeneratorError: the server cannot say which model it has.
    """
    collection, cases = comparison.collection, comparison.cases
    before, after = (
        judge_report(environment, collection, cases, side.results)
        for side in (comparison.baseline, comparison.candidate)
    )
    settings = environment.workspace.collection(collection).evaluation
    rows = _rows(comparison.baseline.results, before), _rows(comparison.candidate.results, after)
    return JudgeOpinion(
        model=after.model,
        prompt=after.prompt,
        repeats=after.repeats,
        temperature=after.temperature,
        baseline=before.metrics,
        candidate=after.metrics,
        deltas=compare_metrics(*rows, settings, METRICS),
        judged=before.judged + after.judged,
        reused=before.reused + after.reused,
    )


def _rows(results: Sequence[CaseResult], report: JudgeReport) -> list[CaseResult]:
    """The results with the judge's scores in place of the deterministic ones."""
    rows = []
    for result in results:
        found = report.cases[result.case].scores
        scores = {name: one.mean for name, one in found.items() if one.mean is not None}
        rows.append(replace(result, scores=scores, missing={}))
    return rows
