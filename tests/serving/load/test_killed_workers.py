"""A worker dies by SIGKILL again and again while people ask and say how the answers were.

Every answer that came whole and every feedback that was acknowledged is there afterwards, from any worker and in the
journal; the dead are replaced, and the service goes on.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import pytest

from benchmarks.paced_model import Pace
from benchmarks.service_client import LoadClient, Reply
from serving.journal.answers import ANSWERS
from tests.serving.load.running import (
    Crowd,
    answers_in,
    client_of,
    deaths,
    journal_of,
    model_of,
    offices,
    until,
    workspace_of,
)
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

PACE = Pace(0.05, 100.0, 12, echo=True)
# Answers that take so long that a kill cuts some of them off.
SLOW = Pace(0.2, 40.0, 12, echo=True)
WORKERS = 2


@pytest.mark.process
@pytest.mark.fault
def test_nothing_acknowledged_is_lost_with_a_worker(tmp_path: Path) -> None:
    kill_under_load(tmp_path, SLOW, at_once=16, kills=2)


@pytest.mark.campaign
@pytest.mark.parametrize("pace", [PACE, None], ids=["paced", "extractive"])
def test_ten_kills_under_load(tmp_path: Path, pace: Pace | None) -> None:
    kill_under_load(tmp_path, pace, at_once=32, kills=10)


def kill_under_load(folder: Path, pace: Pace | None, at_once: int, kills: int) -> None:
    with model_of(pace) as model_url:
        workspace = workspace_of(folder, model_url)
        workspace.write(offices("kestrel"))
        workspace.ingest()
        with ServiceProcess(workspace.root, "--workers", str(WORKERS)) as service:
            first = set(service.worker_pids)
            thumbs = Thumbs(client_of(service))
            crowd = Crowd(client_of(service), at_once, thumbs.give)
            asyncio.run(crowd.while_(kill_all(workspace, service, kills)))
            assert len(service.worker_pids) == WORKERS
            assert deaths(service) == ["signal SIGKILL"] * kills
            assert len(first & set(service.worker_pids)) == max(0, WORKERS - kills)
            asyncio.run(check_served(service, crowd.whole, thumbs.given))
    print(
        f"{kills} kills: {len(crowd.whole)} answers whole, {len(crowd.failed)} cut off, {len(thumbs.given)} feedback "
        f"acknowledged, {thumbs.lost} not"
    )
    assert crowd.failed, "no kill met an answer"
    assert {reply.status for reply in crowd.failed} <= {0, 200}
    check_journal(workspace, crowd.whole, thumbs.given)


class Thumbs:
    """Says how every whole answer was.

    Attributes:
        given: acknowledged feedback, id → what was said.
        lost: feedback that got no answer.
    """

    def __init__(self, client: LoadClient) -> None:
        self.given: dict[str, str] = {}
        self.lost = 0
        self._client = client

    async def give(self, reply: Reply) -> None:
        if not reply.whole:
            return
        comment = f"Read by reader {reply.nonce}."
        wanted = {"answer_id": reply.last["id"], "rating": "up", "comment": comment}
        status, body = await self._client.post("/v1/feedback", wanted)
        if status == 201:
            self.given[body["feedback_id"]] = comment
        else:
            assert status == 0, body
            self.lost += 1


async def kill_all(workspace: Workspace, service: ServiceProcess, kills: int) -> None:
    """Kill the worker that has run longest, each time all of them have answered."""
    folder = workspace.environment().journal(ANSWERS).folder
    ages: list[int] = []

    killed: set[int] = set()

    async def all_answer() -> bool:
        await asyncio.sleep(0)
        writers = {int(path.name.split("-")[1]) for path in folder.glob("*-*-*")}
        running = service.worker_pids
        return len(running) == WORKERS and set(running) <= writers - killed

    for _ in range(kills):
        await until(all_answer, "every worker has answered")
        running = service.worker_pids
        ages = [pid for pid in ages if pid in running] + [pid for pid in running if pid not in ages]
        os.kill(ages[0], signal.SIGKILL)
        killed.add(ages[0])
    await until(all_answer, "every worker has answered again")


async def check_served(service: ServiceProcess, whole: list[Reply], given: dict[str, str]) -> None:
    """See over HTTP that every acknowledged answer and feedback is there, whichever worker is asked."""
    async with httpx2.AsyncClient(base_url=service.base_url, timeout=60) as http:
        for reply in whole:
            stored = (await http.get(f"/v1/answers/{reply.last['id']}")).json()
            assert (stored.get("answer"), stored.get("status")) == (reply.text, "complete"), stored
        listed = (await http.get("/v1/feedback", params={"limit": 1000})).json()["data"]
    comments = {one["feedback_id"]: one["comment"] for one in listed}
    oldest = min(comments)
    assert {found: said for found, said in given.items() if found >= oldest}.items() <= comments.items()


def check_journal(workspace: Workspace, whole: list[Reply], given: dict[str, str]) -> None:
    records = answers_in(workspace)
    for reply in whole:
        record = records[reply.last["id"]]
        assert (record.text, record.status) == (reply.text, "complete")
        assert record.question.endswith(f"#{reply.nonce}")
    journal = journal_of(workspace)
    for feedback_id, comment in given.items():
        feedback = journal.find_feedback(feedback_id)
        assert feedback is not None
        assert feedback.comment == comment
    journal.close()
