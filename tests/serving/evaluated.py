"""Evaluations for tests of the service: kept in a workspace's store as ``evaluation`` keeps them."""

from __future__ import annotations

from typing import Any

from index.environment import Environment
from index.evaluations import REPORT_HTML, REPORT_JSON, EvaluationSummary, MetricSummary, save_evaluation

REPORT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title><style>h1 { color: rgb(0, 0, 255) }</style></head>
<body><h1>Verdict: pass</h1><p id="told"></p>
<script>
let kept = "nothing";
try { kept = String(localStorage.length); } catch { kept = "no storage"; }
document.getElementById("told").textContent = `${origin} ${kept}`;
fetch("/v1/admin/overview").then(() => document.title = "reached", () => document.title = "not reached");
</script></body></html>
"""
"""A report that tries what it may not."""


def evaluation(name: str, **fields: Any) -> EvaluationSummary:
    """An evaluation with a plausible figure for everything."""
    metrics = {
        "recall@10": MetricSummary(mean=0.96, ci=(0.9, 1.0), n=24),
        "answer_correctness": MetricSummary(mean=0.81, ci=(0.72, 0.89), n=22, missing=2),
        "faithfulness": MetricSummary(mean=None, ci=None, n=0, missing=24),
        "mrr": MetricSummary(mean=0.9, ci=(0.8, 0.97), n=24),
    }
    told: dict[str, Any] = {
        "id": name,
        "collection": "default",
        "kind": "run",
        "created": "2026-06-10T08:00:00+00:00",
        "release": "r00001-a",
        "label": "live",
        "prompt": "default@0011",
        "content": "c0",
        "cases": 24,
        "case_set": "s1",
        "metrics": metrics,
        "judged": 20,
        "reused": 4,
        "seconds": 3.5,
    }
    return EvaluationSummary(**{**told, **fields})


def kept(environment: Environment, name: str, **fields: Any) -> EvaluationSummary:
    """Keep an evaluation with a report."""
    made = evaluation(name, **fields)
    save_evaluation(environment.store, made, {REPORT_HTML: REPORT, REPORT_JSON: b'{"verdict": "pass"}'})
    return made
