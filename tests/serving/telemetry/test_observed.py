"""What makes a worker not ready, as the service wires it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ragpress.serve_settings import ServeSettings, TelemetrySettings
from serving.live import CollectionStatus, LiveStatus
from serving.telemetry.observed import observed
from serving.telemetry.readiness import Finding
from serving.turns import Turns
from tests.workspace import SETTINGS, Workspace


class Answers:
    """What answers: nothing, in the state that it is told."""

    def __init__(self, root: Path, settings: str = SETTINGS, **status: Any) -> None:
        self.environment = Workspace(root, settings).environment()
        self.environment.local.mkdir(parents=True, exist_ok=True)
        self.collections = ("default",)
        self.release, self.wanted = status.get("release", "r1"), status.get("wanted", "r1")

    def status(self) -> LiveStatus:
        return LiveStatus((CollectionStatus(collection="default", release=self.release, wanted=self.wanted),))

    def present(self) -> dict[str, Any]:
        return {}


async def findings(answers: Any, *, journal_fails: bool = False) -> dict[str, Finding]:
    async with observed(answers, Turns(ServeSettings()), TelemetrySettings()) as telemetry:
        if journal_fails:
            telemetry.committed(0.1, kept=False)
        return {one.name: one for one in await telemetry.readiness.look()}


async def test_all_is_well(tmp_path: Path) -> None:
    found = await findings(Answers(tmp_path))
    assert {name: one.ok for name, one in found.items()} == {
        "process": True,
        "releases": True,
        "journal": True,
        "generator": True,
    }


@pytest.mark.parametrize(
    ("release", "wanted", "reason"), [(None, "r1", "not_loaded"), (None, None, "none_published"), ("r0", "r1", "")]
)
async def test_releases(tmp_path: Path, release: str | None, wanted: str | None, reason: str) -> None:
    found = await findings(Answers(tmp_path, release=release, wanted=wanted))
    assert found["releases"].reason == reason


async def test_a_record_that_could_not_be_kept(tmp_path: Path) -> None:
    found = await findings(Answers(tmp_path), journal_fails=True)
    assert found["journal"] == Finding("journal", False, "not_writable")


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    found = await findings(Answers(tmp_path))
    assert found["journal"] == Finding("journal", False, "disk_full")


async def test_a_data_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = await findings(Answers(tmp_path))
    assert found["journal"] == Finding("journal", False, "not_writable")


async def test_a_model_that_is_gone_and_one_that_is_quoted_for(tmp_path: Path) -> None:
    served = '\n[generator]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "gone"\n'
    gone = await findings(Answers(tmp_path, SETTINGS + served))
    assert gone["generator"] == Finding("generator", False, "unreachable")
    quoting = await findings(Answers(tmp_path, SETTINGS + served + 'fallback = "extractive"\n'))
    assert quoting["generator"].ok


async def test_not_ready_once_the_service_is_closed(tmp_path: Path) -> None:
    async with observed(Answers(tmp_path), Turns(ServeSettings()), TelemetrySettings()) as telemetry:  # type: ignore[arg-type]
        assert (await telemetry.readiness.look())[0].ok
    assert (await telemetry.readiness.look())[0] == Finding("process", False, "stopping")
