"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from serving.api.callers import with_role
from serving.api.errors import responses
from serving.api.service import TheService
from serving.callers import Caller, Role
from serving.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """One thing that must be well."""

    name: str = Field(description="What was looked at: process, releases, journal or generator.")
    ok: bool = Field(description="Whether it is well.")
    reason: str = Field(description="A word for what is wrong; empty where it is well.")


class Ready(BaseModel):
    """Whether this worker would answer a question now."""

    status: Literal["ready", "not_ready"]
    checks: list[Check]


_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": Ready, "description": "A question would not be answered now: see the checks."}
}


@router.get("/healthz", summary="Whether the process answers")
async def healthz() -> Alive:
    """Answer, whatever else may be wrong: a supervisor restarts what does not."""
    return Alive()


@router.get("/readyz", summary="Whether a question would be answered", responses=_NOT_READY)
async def readyz(request: Request, service: TheService, response: Response) -> Ready:
    """Look at what an answer needs: every live release is loaded, the journal can be written, the generator answers.

    A finding is told again for some seconds, so that probes are no load. Anybody may ask; nobody is told an address,
    a path or the name of a collection here: ``ragpress doctor`` has those.
    """
    if request.app.state.closing.stopping():
        service.telemetry.readiness.stop()
    found = await service.telemetry.readiness.look()
    ready = all(one.ok for one in found)
    response.status_code = 200 if ready else 503
    response.headers["Cache-Control"] = "no-store"
    checks = [Check(name=one.name, ok=one.ok, reason=one.reason) for one in found]
    return Ready(status="ready" if ready else "not_ready", checks=checks)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        **responses(401, 403),
        200: {
            "description": "Prometheus' text format, version 0.0.4.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def metrics(service: TheService, _: Annotated[Caller, Depends(with_role(Role.ADMIN))]) -> Response:
    """Tell the metrics of all worker processes. Where there are API keys this needs one with the role ``admin``."""
    content = await asyncio.to_thread(service.telemetry.metrics.exposition)
    return Response(content, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
