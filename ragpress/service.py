"""The service of a workspace: builds what the endpoints share, once for each worker process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ragpress.settings import load_workspace
from ragpress.storage import open_store
from ragpress.wiring import open_environment

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ragpress.serve_settings import ServeSettings
    from ragpress.settings import ServiceSettings
    from serving.api.service import Service
    from serving.keys.ring import KeyRing

WORKSPACE_VARIABLE = "RAGPRESS_WORKSPACE"
"""Environment variable that tells worker processes which workspace they serve."""

SERVE_VARIABLE = "RAGPRESS_SERVE"
"""Environment variable that gives worker processes the settings that options of the command line changed, as JSON."""


def served_folder() -> Path:
    """The workspace that this worker process serves."""
    return Path(os.environ.get(WORKSPACE_VARIABLE, "."))


def served(settings: ServiceSettings) -> ServiceSettings:
    """Settings of the service with what options of the command line changed."""
    changed = msgspec.json.decode(os.environ.get(SERVE_VARIABLE, "{}"), type=dict[str, Any])
    return msgspec.structs.replace(settings, serve=msgspec.structs.replace(settings.serve, **changed))


def serve_settings() -> ServeSettings:
    """How this worker process serves.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    return served(load_workspace(served_folder()).service).serve


def key_ring(start: Path) -> KeyRing:
    """The API keys of the workspace at or above a folder.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
        StorageError: the keys cannot be read.
    """
    from serving.keys.ring import KeyRing  # noqa: PLC0415 - only the service and its commands need it

    workspace = load_workspace(start)
    return KeyRing(open_store(workspace.data, workspace.cache))


def create() -> FastAPI:
    """The application of a worker process.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    from serving.api.app import create_app  # noqa: PLC0415 - heavy
    from serving.telemetry.logs import set_up_logs  # noqa: PLC0415 - only the service writes logs

    folder, settings = served_folder(), serve_settings()
    set_up_logs(load_workspace(folder).service.telemetry)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Service]:
        async with open_service(folder) as service:
            yield service

    return create_app(opened, settings)


@asynccontextmanager
async def open_service(folder: Path) -> AsyncIterator[Service]:
    """Everything that the endpoints share, in the running event loop; closed in the end.

    Args:
        folder: the workspace, or a folder below it.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    from ragpress.job_running import running_jobs  # noqa: PLC0415 - heavy
    from ragpress.observing import observed  # noqa: PLC0415 - heavy
    from ragpress.opening import ReleaseOpening  # noqa: PLC0415 - heavy
    from serving.api.service import Service  # noqa: PLC0415 - heavy
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415 - heavy
    from serving.journal.sealing import sealed_regularly  # noqa: PLC0415 - heavy
    from serving.keys.limits import Limits  # noqa: PLC0415 - heavy
    from serving.keys.ring import KeyRing  # noqa: PLC0415 - heavy
    from serving.live import LiveAnswers  # noqa: PLC0415 - heavy
    from serving.server.binding import exposed  # noqa: PLC0415 - heavy
    from serving.turns import Turns  # noqa: PLC0415 - heavy

    environment = open_environment(folder)
    settings = served(environment.workspace.service)
    # A worker that is replaced must not find its address open to all because the stored keys are gone.
    keys = KeyRing(environment.store, environment.now, always=exposed(settings.serve))
    stack = AsyncExitStack()
    stack.enter_context(keys.watched())
    limits = Limits(environment.local / "limits")
    stack.callback(limits.close)
    await stack.enter_async_context(sealed_regularly(environment))
    journal = AnswerJournal(environment, settings.journal)
    stack.push_async_callback(asyncio.to_thread, journal.close)
    answers = LiveAnswers(ReleaseOpening(environment), settings.serve)
    answers.start()
    stack.push_async_callback(answers.aclose)
    turns = Turns(settings.serve)
    telemetry = await stack.enter_async_context(observed(answers, turns, settings.telemetry))
    jobs = await stack.enter_async_context(running_jobs(environment, settings.journal))
    service = Service(
        environment=environment,
        settings=settings,
        answers=answers,
        journal=journal,
        keys=keys,
        limits=limits,
        turns=turns,
        jobs=jobs,
        telemetry=telemetry,
    )
    async with stack:
        yield service
