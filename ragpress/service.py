"""The service of a workspace: builds what the endpoints share, once for each worker process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ragpress.wiring import open_environment

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.api.service import Service

WORKSPACE_VARIABLE = "RAGPRESS_WORKSPACE"
"""Environment variable that tells worker processes which workspace they serve."""


def create() -> FastAPI:
    """The application of a worker process: what uvicorn calls.

    Raises:
        SettingsError: there is no workspace, or its settings are wrong.
    """
    from serving.api.app import create_app  # noqa: PLC0415 - heavy

    folder = Path(os.environ.get(WORKSPACE_VARIABLE, "."))
    settings = open_environment(folder).workspace.service.serve

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
    from serving.api.service import Service  # noqa: PLC0415 - heavy
    from serving.journal.answers import AnswerJournal  # noqa: PLC0415 - heavy
    from serving.keys.limits import Limits  # noqa: PLC0415 - heavy
    from serving.keys.ring import KeyRing  # noqa: PLC0415 - heavy
    from serving.live import LiveAnswers  # noqa: PLC0415 - heavy
    from serving.telemetry.telemetry import Telemetry  # noqa: PLC0415 - heavy
    from serving.turns import Turns  # noqa: PLC0415 - heavy
    from serving.uploads.jobs import JobBoard  # noqa: PLC0415 - heavy

    environment = open_environment(folder)
    yield Service(
        environment=environment,
        settings=environment.workspace.service,
        answers=LiveAnswers(),
        journal=AnswerJournal(),
        keys=KeyRing(),
        limits=Limits(),
        turns=Turns(),
        jobs=JobBoard(),
        telemetry=Telemetry(),
    )
