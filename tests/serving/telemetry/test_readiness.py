"""Readiness: what makes a worker not ready, and how seldom it looks."""

from __future__ import annotations

import asyncio

import pytest

from serving.telemetry import readiness
from serving.telemetry.readiness import Finding, Probe, Readiness


class Looks:
    """A probe that finds what it is told to, and counts."""

    def __init__(self, *found: str | Exception) -> None:
        self.found = list(found)
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


async def test_ready_where_all_is_well() -> None:
    found = await Readiness([Probe("journal", Looks(""), 1.0)]).look()
    assert found == [Finding("process", True), Finding("journal", True)]


async def test_a_reason_makes_it_not_ready() -> None:
    found = await Readiness([Probe("journal", Looks("disk_full"), 1.0)]).look()
    assert found[1] == Finding("journal", False, "disk_full")


async def test_a_finding_is_told_again_until_it_is_old() -> None:
    now, looks = [0.0], Looks("", "unreachable")
    ready = Readiness([Probe("generator", looks, 5.0)], lambda: now[0])
    for now[0] in (0.0, 1.0, 4.9):
        assert (await ready.look())[1].ok
    assert looks.count == 1
    now[0] = 5.1
    assert (await ready.look())[1] == Finding("generator", False, "unreachable")
    assert looks.count == 2


async def test_many_probes_at_once_look_once() -> None:
    looks = Looks("")
    ready = Readiness([Probe("generator", looks, 5.0)])
    await asyncio.gather(*(ready.look() for _ in range(20)))
    assert looks.count == 1


async def test_a_probe_that_raises_tells_a_word_only(caplog: pytest.LogCaptureFixture) -> None:
    ready = Readiness([Probe("generator", Looks(ValueError("http://secret:8000")), 5.0)])
    assert (await ready.look())[1] == Finding("generator", False, "failed")
    assert "secret" not in caplog.text.partition("Traceback")[0]


async def test_a_probe_that_hangs_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBE_SECONDS", 0.0)

    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    assert (await Readiness([Probe("generator", hang, 5.0)]).look())[1] == Finding("generator", False, "too_slow")


async def test_not_ready_while_stopping() -> None:
    ready = Readiness([Probe("journal", Looks(""), 1.0)])
    ready.stop()
    assert (await ready.look())[0] == Finding("process", False, "stopping")
