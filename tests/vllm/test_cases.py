"""Cases written, and answers judged, by a model that a real vLLM serves: whatever it writes, nothing wrong is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.generate.records import GenerateRequest
from evaluation.generate.run import generate
from evaluation.model_judge.judging import judge_report
from evaluation.model_judge.records import METRICS
from examples.vllm_server import SMOLLM2, Served
from tests.evaluation.generate.samples import FILES
from tests.evaluation.model_judge.samples import case, result
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.vllm


def test_what_a_small_model_writes_is_checked(vllm: Served, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + f'\n[generator]\nbase_url = "{vllm.base_url}"\n')
    workspace.write({"ferry.md": FILES["ferry.md"]})
    workspace.ingest()
    report = generate(workspace.environment(), GenerateRequest(count=4, unanswerable=0, model=True))
    assert report.model is not None
    assert report.model.name == SMOLLM2
    assert report.model.asked > 0
    assert report.model.failed == {}
    assert report.model.completion_tokens > 0
    assert report.written + sum(report.dropped.values()) > 0
    for one in report.cases:
        assert one.evidence[0].quote in FILES["ferry.md"]


def test_judgements_of_a_small_model_keep_to_the_schema(vllm: Served, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + f'\n[judge]\nbase_url = "{vllm.base_url}"\nrepeats = 2\n')
    cases, results = [case("a"), case("b")], [result("a"), result("b", "It takes 3 weeks.")]
    report = judge_report(workspace.environment(), "default", cases, results)
    again = judge_report(workspace.environment(), "default", cases, results)
    assert report.judged == 8
    valid = sum(score.n for scores in report.cases.values() for score in scores.scores.values())
    assert valid >= 6
    assert (again.reused, again.judged) == (valid, 8 - valid)
    for name in METRICS:
        mean = report.metrics[name].mean
        assert mean is None or 0 <= mean <= 1
