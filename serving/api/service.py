"""What all endpoints of one worker process share."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, Request

from index.environment import Environment
from ragpress.settings import ServiceSettings
from serving.journal.answers import AnswerJournal
from serving.keys.limits import Limits
from serving.keys.ring import KeyRing
from serving.live import LiveAnswers
from serving.telemetry.telemetry import Telemetry
from serving.turns import Turns
from serving.uploads.jobs import JobBoard


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What all endpoints share.

    Attributes:
        environment: the workspace, its store and its clock.
        settings: how the service runs.
        answers: what answers, collection by collection; follows the live releases.
        journal: answers and feedback.
        keys: the API keys.
        limits: what each key has used of its limits, in all worker processes together.
        turns: bounds the answers that are made at once.
        jobs: uploads to be ingested.
        telemetry: metrics, spans and logs.
    """

    environment: Environment
    settings: ServiceSettings
    answers: LiveAnswers
    journal: AnswerJournal
    keys: KeyRing
    limits: Limits
    turns: Turns
    jobs: JobBoard
    telemetry: Telemetry


def service_of(request: Request) -> Service:
    """The service that an application was made for, with the workspace's settings as they are now."""
    state = request.app.state
    service: Service = state.service
    current = service.answers.environment
    if current is not service.environment:
        service = state.service = msgspec.structs.replace(service, environment=current)
    return service


async def _the_service(request: Request) -> Service:
    # FastAPI runs dependencies that are no coroutines in threads: a queue in front of every request.
    return service_of(request)


TheService = Annotated[Service, Depends(_the_service)]
"""An endpoint's parameter: the service."""
