"""A worker process of the service: builds what its endpoints share, and serves until it is told to stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI

from index.environment import Environment
from ragpress.settings import ServiceSettings
from serving.api.app import create_app
from serving.api.service import Service
from serving.journal.answers import AnswerJournal
from serving.journal.sealing import sealed_regularly
from serving.keys.limits import Limits
from serving.keys.ring import KeyRing
from serving.live import LiveAnswers
from serving.release_opening import ReleaseOpening
from serving.server.binding import exposed
from serving.server.inherited import SERVE_VARIABLE, WORKER_VARIABLE, Descriptors
from serving.server.run import run
from serving.telemetry.logs import set_up_logs
from serving.telemetry.observed import observed
from serving.turns import Turns
from serving.uploads.running import running_jobs


def work(environment: Environment) -> None:
    """Serve a workspace on the socket that the supervisor handed over, until told to stop.

    Raises:
        RagpressError: the service cannot be opened.
    """
    settings = served(environment.workspace.service)
    set_up_logs(settings.telemetry)

    def create() -> FastAPI:
        return create_app(lambda: open_service(environment), settings.serve)

    run(create, settings.serve, msgspec.json.decode(os.environ[WORKER_VARIABLE], type=Descriptors))


def served(settings: ServiceSettings) -> ServiceSettings:
    """Settings of the service with what options of the command line changed."""
    changed = msgspec.json.decode(os.environ.get(SERVE_VARIABLE, "{}"), type=dict[str, Any])
    return msgspec.structs.replace(settings, serve=msgspec.structs.replace(settings.serve, **changed))


@asynccontextmanager
async def open_service(environment: Environment) -> AsyncIterator[Service]:
    """Everything that the endpoints share, in the running event loop; closed in the end, also when opening fails.

    Args:
        environment: the workspace.

    Raises:
        RagpressError: something of it cannot be opened.
    """
    settings = served(environment.workspace.service)
    # A worker that is replaced must not find its address open to all because the stored keys are gone.
    keys = KeyRing(environment.store, environment.now, always=exposed(settings.serve))
    async with AsyncExitStack() as stack:
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
        yield Service(
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
