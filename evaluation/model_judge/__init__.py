"""A served model as judge of answers: an option, off unless ``[judge] base_url`` is set.

What others call stands in :mod:`evaluation.model_judge.judging`::

    judging_on(environment, collection) -> bool
    judge_report(environment, collection, cases: Sequence[Case], results: Sequence[CaseResult]) -> JudgeReport
    judge_results(environment, collection, cases, results) -> dict[str, JudgeScores]   # judge_report(…).cases

``cases`` and ``results`` are parallel. ``JudgeReport`` (:mod:`evaluation.model_judge.records`) holds the metrics
``judge_correctness`` (against the reference answers) and ``judge_faithfulness`` (against the passages) with mean,
interval, spread, n and missing, the scores of every case by its id, and which model and prompt judged. It is kept apart
from the deterministic metrics. Judgements are memoised, so that calling it again costs nothing.
"""
