"""What a scrape reads from the workspace; the files of deploy and docs name only metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from index.environment import Environment
from index.report import ChunkCounts, IngestReport
from index.runs import RunRecord, list_runs, record_run
from ragpress import __version__
from ragpress.errors import StorageError
from ragpress.storage.record_ids import new_record_id
from serving.telemetry import scrape
from serving.telemetry.metrics import Metrics
from serving.telemetry.scrape import RunCounter, WorkspaceCollector, run_totals
from tests.serving.evaluated import evaluation, kept
from tests.serving.telemetry.test_metrics import samples
from tests.workspace import Workspace

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("scrape"))
    made.write({"one.md": "# One\n\nThe first fox.\n", "two.md": "# Two\n\nThe second fox.\n"})
    made.ingest()
    return made


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def run(*, gate: str | None = "pass", failed: bool = False, **plan: int) -> RunRecord:
    report = IngestReport(
        run="r",
        collection="default",
        release="x",
        parent=None,
        published=True,
        plan=plan,
        chunks=ChunkCounts(total=10, embedded=3, reused=7, deleted=0),
        steps={},
        quarantined=(),
        marked=0,
        compacted=False,
        lexical_deleted_share=0.0,
        gate=gate,
        gate_reasons=(),
        seconds=1.0,
        cpu_seconds=1.0,
    )
    return RunRecord(
        id=new_record_id(),
        at="2026-01-01T00:00:00.000+00:00",
        finished="2026-01-01T00:00:01.000+00:00",
        collection="default",
        exit_code=1 if failed else 0,
        report=None if failed else report,
    )


def exposed(workspace: Workspace, count: Callable[[], Any] | None = None) -> Metrics:
    environment = workspace.environment()
    metrics = Metrics()
    metrics.add(WorkspaceCollector(lambda: environment, count or RunCounter(lambda: environment)))
    return metrics


def test_the_live_release_and_its_age(workspace: Workspace) -> None:
    found = samples(exposed(workspace))
    assert found["ragpress_documents", "default", "live"] == 2
    assert found["ragpress_chunks", "default"] == 2
    assert found["ragpress_index_age_seconds", "default"] >= 0
    assert found["ragpress_live_release_info", "default", workspace.open().manifest.id] == 1
    assert found["ragpress_build_info", __version__] == 1
    assert found["ragpress_scrape_faults",] == 0


def test_runs_are_summed(workspace: Workspace) -> None:
    totals = run_totals([run(added=2, unchanged=1), run(gate="refuse", added=1), run(gate=None), run(failed=True)])
    assert totals.documents["default", "added"] == 3
    assert totals.documents["default", "unchanged"] == 1
    assert totals.reused == {"default": 21}
    assert totals.verdicts == {("default", "pass"): 1, ("default", "refuse"): 1}


def test_candidates_that_no_run_built_are_counted_by_their_evaluations_and_none_twice() -> None:
    built = run(gate="refuse", added=1)
    assert built.report is not None
    own = evaluation("e1", kind="gate", verdict="refuse", release=built.report.release)
    prompt = evaluation("e2", kind="gate", verdict="pass", release="r9")
    again = evaluation("e3", kind="gate", verdict="refuse", release="r9")
    totals = run_totals([built], [own, prompt, again, evaluation("e4", kind="compare", verdict="refuse", release="r8")])
    assert totals.verdicts == {("default", "refuse"): 1, ("default", "pass"): 1}


def test_the_journal_is_read_again_only_when_a_run_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Workspace(tmp_path).environment()
    whole: list[int | None] = []

    def listed(environment: Environment, *, limit: int | None) -> list[RunRecord]:
        whole.append(limit)
        return list_runs(environment, limit=limit)

    monkeypatch.setattr(scrape, "list_runs", listed)
    count = RunCounter(lambda: environment)
    assert count().documents == {}
    record_run(environment, run(added=2))
    assert count().documents["default", "added"] == 2
    count()
    record_run(environment, run(added=3))
    assert count().documents["default", "added"] == 5
    assert whole.count(None) == 2
    kept(environment, "e1", kind="gate", verdict="refuse")
    assert count().verdicts["default", "refuse"] == 1


def test_what_cannot_be_read_is_left_out_and_counted(workspace: Workspace) -> None:
    def broken() -> Any:
        raise StorageError("the disk is gone")

    found = samples(exposed(workspace, broken))
    assert found["ragpress_scrape_faults",] == 1
    assert found["ragpress_chunks", "default"] == 2
    assert not any(name[0].startswith("ragpress_ingest") for name in found)


def test_deploy_and_docs_name_only_metrics_that_there_are(workspace: Workspace) -> None:
    there = set()
    for family in text_string_to_metric_families(exposed(workspace).exposition().decode()):
        suffixes = {"counter": ("_total",), "histogram": ("", "_bucket", "_count", "_sum")}.get(family.type, ("",))
        there |= {family.name + suffix for suffix in suffixes}
    files = [ROOT / "docs" / "operations.md", *sorted((ROOT / "deploy" / "monitoring").iterdir())]
    named = {name for file in files for name in re.findall(r"\bragpress_[a-z_]+\b", file.read_text(encoding="utf-8"))}
    assert len(named) > 20
    assert named - there == set()


def test_the_dashboard_is_json() -> None:
    board = json.loads((ROOT / "deploy" / "monitoring" / "grafana.json").read_text(encoding="utf-8"))
    assert len({panel["title"] for panel in board["panels"]}) == len(board["panels"]) >= 10
