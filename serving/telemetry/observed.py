"""How the service is observed: builds the telemetry of a worker process and tells it where to look."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ragpress.errors import ReleaseError, StorageError
from serving.checks import generator_settings
from serving.generate.circuit import circuit_of
from serving.generate.report import probe_generator
from serving.telemetry.metrics import Metrics
from serving.telemetry.pulse import Pulse, WorkerState
from serving.telemetry.readiness import ROOM, Probe, Readiness
from serving.telemetry.scrape import RunCounter, WorkspaceCollector
from serving.telemetry.telemetry import Telemetry
from serving.telemetry.tracing import start_tracing

if TYPE_CHECKING:
    from index.environment import Environment
    from ragpress.answer_settings import GeneratorSettings
    from ragpress.serve_settings import TelemetrySettings
    from serving.live import LiveAnswers
    from serving.turns import Turns

_NEAR = 1.0
"""Seconds for which a finding about this process is told again."""

_FAR = 5.0
"""Seconds for which a finding about another server is told again."""


@asynccontextmanager
async def observed(answers: LiveAnswers, turns: Turns, settings: TelemetrySettings) -> AsyncIterator[Telemetry]:
    """The telemetry of this worker process.

    Args:
        answers: what answers.
        turns: bounds the answers that are made at once.
        settings: the ``[telemetry]`` section.

    Raises:
        MissingDependencyError: traces are on, and the package that sends them is not installed.
    """

    def environment() -> Environment:
        return answers.environment

    metrics = Metrics(lambda: answers.collections)
    metrics.add(WorkspaceCollector(environment, RunCounter(environment)))
    spans, stop = start_tracing(settings)
    telemetry = Telemetry(metrics, spans)
    telemetry.readiness = Readiness(_probes(answers, telemetry))
    async with Pulse(telemetry, lambda: _state(answers, turns)).beating():
        try:
            yield telemetry
        finally:
            telemetry.readiness.stop()
    await asyncio.to_thread(stop)


def _state(answers: LiveAnswers, turns: Turns) -> WorkerState:
    served = answers.present()
    circuits = {name: circuit_of(one.answerer.parts.generator) for name, one in served.items()}
    return WorkerState(
        active=turns.running,
        queued=turns.waiting,
        releases={name: one.release for name, one in served.items()},
        circuits={name: state for name, state in circuits.items() if state is not None},
    )


def _probes(answers: LiveAnswers, telemetry: Telemetry) -> list[Probe]:
    return [
        Probe("releases", _releases(answers), _NEAR),
        Probe("journal", _journal(lambda: answers.environment.local, telemetry), _NEAR),
        Probe("generator", _generator(answers), _FAR),
    ]


def _releases(answers: LiveAnswers) -> Callable[[], asyncio.Future[str]]:
    def look() -> str:
        status = answers.status()
        if status.ready:
            return ""
        return "not_loaded" if any(one.wanted for one in status.collections) else "none_published"

    return _in_thread(look)


def _journal(folder: Callable[[], Path], telemetry: Telemetry) -> Callable[[], asyncio.Future[str]]:
    def look() -> str:
        if telemetry.journal_fails:
            return "not_writable"
        place = folder()
        if not os.access(place, os.W_OK | os.X_OK):
            return "not_writable"
        return "disk_full" if shutil.disk_usage(place).free < ROOM else ""

    return _in_thread(look)


def _generator(answers: LiveAnswers) -> Callable[[], asyncio.Future[str]]:
    def wanted() -> list[GeneratorSettings]:
        environment = answers.environment
        found = []
        for name in answers.collections:
            try:
                settings = generator_settings(environment, name)
            except (ReleaseError, StorageError):  # the other probe tells it
                continue
            if settings not in found:
                found.append(settings)
        return found

    async def look() -> str:
        reports = [await probe_generator(settings) for settings in await asyncio.to_thread(wanted)]
        return "" if all(report.ready for report in reports) else "unreachable"

    return lambda: asyncio.ensure_future(look())


def _in_thread(look: Callable[[], str]) -> Callable[[], asyncio.Future[str]]:
    return lambda: asyncio.ensure_future(asyncio.to_thread(look))
