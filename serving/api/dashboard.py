"""What the dashboard shows, for administrators: an overview of a collection, and the list of its answers."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from index.environment import Environment
from ragpress import __version__
from ragpress.answer_settings import GeneratorSettings, reconnected
from ragpress.errors import ReleaseError, StorageError
from serving.api.callers import Administrating
from serving.api.errors import ApiError, responses
from serving.api.service import Service, TheService
from serving.generate.report import probe_generator
from serving.overview.buckets import zone_of
from serving.overview.build import AnswerFilter, Look, Overviews, Surroundings
from serving.overview.problems import problem
from serving.overview.quality import Prices
from serving.overview.records import AnswerPage, GeneratorState, JobEntry, Overview, Problem, ServiceState
from serving.overview.runs import recent_runs
from serving.uploads.records import Failed, Finished, Job

router = APIRouter(prefix="/v1/admin", tags=["dashboard"])

_PROBE_SECONDS = 2.0
_PROBED_AGAIN = 15.0
_MOST_JOBS = 20

_ERRORS = {**responses(400, 401, 403, 404, 429, 500, 503)}


class _OfCollection(BaseModel):
    collection: str = Field(default="default", min_length=1, max_length=200, description="Which collection.")


class OverviewQuery(_OfCollection):
    """What to look at."""

    days: int = Field(default=7, ge=1, le=90, description="How far back.")
    zone: str = Field(
        default="UTC",
        max_length=64,
        description="IANA name of the time zone in which days begin; one that is not known counts as UTC.",
        examples=["Asia/Shanghai"],
    )


class AnswersQuery(_OfCollection):
    """Which answers to list; all given conditions must hold."""

    rating: Literal["up", "down"] | None = Field(default=None, description="Whose last rating is this.")
    status: Literal["complete", "failed", "cancelled"] | None = Field(default=None, description="What became of them.")
    document: str | None = Field(
        default=None, max_length=4096, description="That cite this document: its id or its source path."
    )
    release: str | None = Field(default=None, max_length=200, description="Of this release.")
    before: str | None = Field(
        default=None, max_length=64, description="The `before` of the page before: only older answers."
    )
    limit: int = Field(default=25, ge=1, le=100, description="The most to list.")


class Dashboard:
    """What the endpoints of one worker remember from one look to the next.

    Args:
        service: the service.
    """

    def __init__(self, service: Service) -> None:
        self.overviews = Overviews(service.environment, service.journal)
        self._probed: dict[GeneratorSettings, tuple[float, GeneratorState]] = {}

    async def generator(self, settings: GeneratorSettings) -> GeneratorState:
        """What writes answers; a finding is told again for some seconds."""
        until, known = self._probed.get(settings, (0.0, None))
        if known is not None and time.monotonic() < until:
            return known
        found = await probe_generator(settings, _PROBE_SECONDS)
        state = GeneratorState(
            kind=found.kind, model=found.model, ready=found.ready, why=found.why, advice=found.advice
        )
        self._probed = {settings: (time.monotonic() + _PROBED_AGAIN, state)}
        return state


def _dashboard_of(request: Request, service: TheService) -> Dashboard:
    state = request.app.state
    if getattr(state, "dashboard", None) is None:
        state.dashboard = Dashboard(service)
    dashboard: Dashboard = state.dashboard
    return dashboard


TheDashboard = Annotated[Dashboard, Depends(_dashboard_of)]


@router.get("/overview", summary="All that the dashboard shows of a collection", responses=_ERRORS)
async def overview(
    service: TheService, dashboard: TheDashboard, _caller: Administrating, query: Annotated[OverviewQuery, Query()]
) -> Overview:
    """What is live, how it answers, what is wrong.

    Figures that were not measured are null, never 0. They are at most some seconds old.
    """
    environment = service.answers.environment
    _known(environment, query.collection)
    around = await _surroundings(service, dashboard, environment, query.collection)
    look = Look(query.collection, query.days, zone_of(query.zone))
    return await asyncio.to_thread(dashboard.overviews.overview, look, around)


@router.get("/answers", summary="The answers of a collection, newest first", responses=_ERRORS)
async def answers(
    service: TheService, dashboard: TheDashboard, _caller: Administrating, query: Annotated[AnswersQuery, Query()]
) -> AnswerPage:
    """One line for each answer; `GET /v1/answers/{id}` has all of it."""
    _known(service.answers.environment, query.collection)
    wanted = AnswerFilter(
        collection=query.collection,
        rating=query.rating,
        status=query.status,
        document=query.document or None,
        release=query.release or None,
        before=query.before or None,
        limit=query.limit,
    )
    return await asyncio.to_thread(dashboard.overviews.page, wanted)


def _known(environment: Environment, collection: str) -> None:
    if collection not in environment.workspace.collections:
        names = ", ".join(sorted(environment.workspace.collections))
        raise ApiError(
            404,
            f"There is no collection of this name; the service has: {names}.",
            kind="not_found_error",
            code="collection_not_found",
            param="collection",
        )


async def _surroundings(
    service: Service, dashboard: Dashboard, environment: Environment, collection: str
) -> Surroundings:
    telemetry = service.settings.telemetry
    settings = await asyncio.to_thread(_generator_settings, environment, collection)
    generator = None if settings is None else await dashboard.generator(settings)
    writer = await asyncio.to_thread(environment.store.writer_holder, collection)
    return Surroundings(
        collections=sorted(environment.workspace.collections),
        prices=Prices(telemetry.price_input, telemetry.price_output),
        currency=telemetry.currency,
        service=ServiceState(
            version=__version__,
            workers=service.settings.serve.workers,
            keys_required=service.keys.required,
            generator=generator,
            writer=writer,
        ),
        problems=_service_problems(service, collection),
        runs=await asyncio.to_thread(recent_runs, environment, collection),
        jobs=[_job(job) for job in (await service.jobs.all()) if job.queued.collection == collection][:_MOST_JOBS],
        gated=environment.workspace.collection(collection).gate.metrics,
    )


def _generator_settings(environment: Environment, collection: str) -> GeneratorSettings | None:
    """What writes answers: as the live release sealed it, reached as the settings say now."""
    current = environment.workspace.collection(collection).generator
    try:
        live = environment.releases(collection).live()
    except (ReleaseError, StorageError):  # the overview names what is wrong with it
        return None
    if live is None:
        return None
    return current if live.answering is None else reconnected(live.answering.generator, current)


def _service_problems(service: Service, collection: str) -> list[Problem]:
    status = service.answers.status()
    found = []
    if status.settings_error:
        found.append(problem("settings_damaged", "error", detail=status.settings_error))
    failed = (one for one in status.collections if one.collection == collection and one.error)
    found += [problem("release_not_open", "error", detail=one.error, subject=one.wanted or "") for one in failed]
    return found


def _job(job: Job) -> JobEntry:
    ended = job.ended
    return JobEntry(
        id=job.queued.job,
        created=job.queued.at,
        action=job.queued.action,
        state=job.state,
        documents=[one.name or one.source for one in job.queued.documents],
        results=[f"{one.source}: {one.reason}" for one in ended.results if one.reason] if ended is not None else [],
        release=ended.release if isinstance(ended, Finished) else None,
        error=(ended.detail or ended.message) if isinstance(ended, Failed) else "",
    )
