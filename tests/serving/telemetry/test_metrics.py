"""Metrics: what is counted, with which labels, and for whom."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from serving.generate.circuit import CircuitState
from serving.journal.records import ErrorRecord
from serving.telemetry.metrics import Metrics
from serving.telemetry.pulse import Pulse, WorkerState
from serving.telemetry.telemetry import Telemetry
from tests.serving.telemetry.records import answer, feedback, record


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Every sample of an exposition: (name, label values in order of the label names) → value."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found[sample.name, *(sample.labels[label] for label in sorted(sample.labels))] = sample.value
    return found


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def telemetry() -> Telemetry:
    return Telemetry(Metrics(lambda: {"default", "hr"}))


def test_a_complete_answer_is_counted_and_timed() -> None:
    heard = telemetry()
    heard.answered(record())
    found = samples(heard.metrics)
    assert found["ragpress_answers_total", "default", "complete"] == 1
    assert found["ragpress_answer_seconds_sum", "default"] == 1.5
    assert found["ragpress_retrieval_seconds_sum", "default"] == 0.02
    assert found["ragpress_ttft_seconds_sum", "default"] == 0.3
    assert found["ragpress_tokens_total", "default", "input"] == 100
    assert found["ragpress_tokens_total", "default", "output"] == 7
    assert ("ragpress_abstain_total", "default") not in found


def test_an_abstention_without_a_generator_has_no_first_token() -> None:
    heard = telemetry()
    seconds = answer().seconds
    heard.answered(record(answer=answer(abstained=True, seconds=type(seconds)(0.01, None, 0.02))))
    found = samples(heard.metrics)
    assert found["ragpress_abstain_total", "default"] == 1
    assert ("ragpress_ttft_seconds_count", "default") not in found


def test_a_failed_answer_counts_the_class_of_its_error_and_no_time() -> None:
    heard = telemetry()
    failed = record(status="failed", answer=None, error=ErrorRecord("GeneratorTimeoutError", "secret"))
    heard.answered(failed)
    heard.answered(record(status="failed", answer=None, error=ErrorRecord("SomeLibraryError", "secret")))
    found = samples(heard.metrics)
    assert found["ragpress_answers_total", "default", "failed"] == 2
    assert found["ragpress_generator_errors_total", "default", "GeneratorTimeoutError"] == 1
    assert found["ragpress_generator_errors_total", "default", "other"] == 1
    assert ("ragpress_answer_seconds_count", "default") not in found


def test_labels_are_bounded_whatever_comes() -> None:
    heard = telemetry()
    for number in range(50):
        heard.answered(record(collection=f"made up {number}"))
        heard.turned_away(f"reason {number}")
        heard.requested(f"VERB{number}", "/v1/models", 405, 0.1)
        heard.feedback(feedback(collection=f"made up {number}", rating=None))
    found = samples(heard.metrics)
    assert found["ragpress_answers_total", "other", "complete"] == 50
    assert found["ragpress_turned_away_total", "other"] == 50
    assert found["ragpress_http_requests_total", "other", "/v1/models", "405"] == 50
    assert found["ragpress_feedback_total", "other", "none"] == 50


def test_several_apps_in_one_process_count_for_themselves() -> None:
    first, second = telemetry(), telemetry()
    first.answered(record())
    assert ("ragpress_answers_total", "default", "complete") not in samples(second.metrics)
    assert samples(first.metrics)["ragpress_answers_total", "default", "complete"] == 1


def test_feedback_turns_commits_and_circuits() -> None:
    heard = telemetry()
    heard.feedback(feedback())
    heard.turned_away("full")
    heard.committed(0.003, kept=True)
    fails = [heard.journal_fails]
    heard.committed(0.003, kept=False)
    fails.append(heard.journal_fails)
    assert fails == [False, True]
    heard.working(3, 2)
    heard.circuit("default", CircuitState.OPEN)
    found = samples(heard.metrics)
    assert found["ragpress_feedback_total", "default", "up"] == 1
    assert found["ragpress_turned_away_total", "full"] == 1
    assert found["ragpress_journal_commit_seconds_count",] == 1
    assert found["ragpress_journal_failures_total",] == 1
    assert found["ragpress_active_answers",] == 3
    assert found["ragpress_queued_answers",] == 2
    assert found["ragpress_generator_circuit", "default", "open"] == 1
    assert found["ragpress_generator_circuit", "default", "closed"] == 0


def test_a_pulse_tells_swaps_and_not_the_first_release() -> None:
    heard = telemetry()
    states = iter(["r1", "r1", "r2", "r3"])

    def look() -> WorkerState:
        return WorkerState(active=1, queued=0, releases={"default": next(states)}, circuits={})

    pulse = Pulse(heard, look)
    for _ in range(4):
        pulse.beat()
    assert samples(heard.metrics)["ragpress_release_swaps_total", "default"] == 2


class _Broken:
    def labels(self, *values: str) -> Any:
        raise RuntimeError("the registry is gone")


def test_a_fault_of_the_telemetry_reaches_no_request(caplog: pytest.LogCaptureFixture) -> None:
    heard = telemetry()
    heard.metrics.answers = _Broken()  # type: ignore[assignment]
    heard.answered(record())
    assert samples(heard.metrics)["ragpress_telemetry_failures_total",] == 1
    assert [one.getMessage() for one in caplog.records] == ["telemetry failed"]


class _Counted(Collector):
    def collect(self) -> list[CounterMetricFamily]:
        return [CounterMetricFamily("ragpress_ingest_documents", "x", value=5)]


def test_what_is_read_at_a_scrape_is_told_once() -> None:
    metrics = Metrics()
    metrics.add(_Counted())
    assert samples(metrics)["ragpress_ingest_documents_total",] == 5


WORKER = """
import sys
from serving.telemetry.metrics import Metrics
from serving.telemetry.telemetry import Telemetry
from tests.serving.telemetry.records import feedback, record
telemetry = Telemetry(Metrics(lambda: {"default"}))
for _ in range(int(sys.argv[1])):
    telemetry.answered(record())
telemetry.working(2, 0)
if sys.argv[2] == "scrape":
    sys.stdout.write(telemetry.metrics.exposition().decode())
"""


@pytest.mark.process
def test_two_processes_are_summed_and_the_dead_leave_no_state(tmp_path: Path) -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", WORKER, *arguments],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for arguments in (["3", "leave"], ["4", "scrape"])
    ]
    lines = outputs[1].splitlines()
    assert 'ragpress_answers_total{collection="default",status="complete"} 7.0' in lines
    assert 'ragpress_answer_seconds_count{collection="default"} 7.0' in lines
    assert "ragpress_active_answers 2.0" in lines
