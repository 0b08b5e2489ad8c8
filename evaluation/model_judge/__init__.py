"""A served model as judge of answers: an option, off unless ``[judge] base_url`` is set.

Everything that others call is one function of :mod:`evaluation.model_judge.judging`::

    judge_results(environment: Environment, collection: str, cases: Sequence[Case], results: Sequence[CaseResult])
        -> JudgeReport

``cases`` and ``results`` are parallel. ``JudgeReport`` (:mod:`evaluation.model_judge.records`) holds the metrics
``judge_correctness`` (against the reference answers) and ``judge_faithfulness`` (against the passages) with mean,
interval, spread, n and missing, the scores of every case (``report.cases[case.id]: JudgeScores``), and which model and
prompt judged. It is kept apart from the deterministic metrics. ``judging_on(environment)`` says whether a judge is set.
"""
