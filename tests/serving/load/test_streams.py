"""Many streams at once: no cross-talk, every answer in the journal; and a model that stalls for all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from benchmarks.paced_model import Pace
from benchmarks.service_client import LoadClient
from serving.journal.records import AnswerRecord
from tests.serving.load.running import (
    QUESTION,
    Crowd,
    answers_in,
    client_of,
    deaths,
    metric,
    model_of,
    offices,
    resident_mib,
    until,
    workspace_of,
)
from tests.serving.service_process import ServiceProcess

PACE = Pace(0.2, 25.0, 12, echo=True)
# The second token never comes.
STALLED = Pace(0.01, 0.001, 2)
SECONDS_TO_RELEASE = 10.0


@pytest.mark.process
def test_streams_at_once_are_kept_apart(tmp_path: Path) -> None:
    ask_at_once(tmp_path, PACE, at_once=24, rounds=1)


@pytest.mark.campaign
@pytest.mark.parametrize("pace", [PACE, None], ids=["paced", "extractive"])
def test_two_hundred_streams(tmp_path: Path, pace: Pace | None) -> None:
    ask_at_once(tmp_path, pace, at_once=200, rounds=5)


def ask_at_once(folder: Path, pace: Pace | None, at_once: int, rounds: int) -> None:
    with model_of(pace) as model_url:
        workspace = workspace_of(folder, model_url)
        workspace.write(offices("kestrel"))
        workspace.ingest()
        with ServiceProcess(workspace.root) as service:
            crowd = Crowd(client_of(service), at_once)
            asyncio.run(crowd.rounds(rounds))
            assert deaths(service) == []
    assert crowd.failed == []
    records = answers_in(workspace)
    assert set(records) == {reply.last["id"] for reply in crowd.whole}
    assert len(records) == at_once * rounds
    for reply in crowd.whole:
        record = records[reply.last["id"]]
        assert record.question == f"{QUESTION} #{reply.nonce}"
        assert (record.status, record.text) == ("complete", reply.text)
        assert pace is None or reply.text.startswith(f"#{reply.nonce} ")


@pytest.mark.process
@pytest.mark.fault
def test_callers_who_leave_a_stalled_model_leave_nothing_behind(tmp_path: Path) -> None:
    stall(tmp_path, at_once=16, rounds=2)


@pytest.mark.campaign
def test_two_hundred_callers_leave_a_stalled_model(tmp_path: Path) -> None:
    stall(tmp_path, at_once=200, rounds=6)


def stall(folder: Path, at_once: int, rounds: int) -> None:
    with model_of(STALLED) as model_url:
        assert model_url is not None
        workspace = workspace_of(folder, model_url)
        workspace.write(offices("kestrel"))
        workspace.ingest()
        with ServiceProcess(workspace.root) as service:
            memory = [
                asyncio.run(leave_all(service, model_url, range(at_once * number, at_once * (number + 1))))
                for number in range(rounds)
            ]
            assert deaths(service) == []
    print(f"{at_once} streams left {rounds} times; MiB after each: {' '.join(f'{value:.0f}' for value in memory)}")
    # What the first round makes is used again by the next ones.
    assert memory[-1] - memory[0] < 40
    assert {status_of(record) for record in answers_in(workspace).values()} == {("cancelled", True)}


def status_of(record: AnswerRecord) -> tuple[str, bool]:
    return record.status, bool(record.text)


async def leave_all(service: ServiceProcess, model_url: str, numbers: range) -> float:
    """Begin streams, leave them in the middle, and wait until nothing is held any more; resident MiB then."""
    streams = await asyncio.gather(*(begun(client_of(service), number) for number in numbers))
    assert await connections(model_url) >= len(numbers)
    assert await metric(service, "ragpress_active_answers") == len(numbers)
    for writer in streams:
        writer.close()

    async def released() -> bool:
        # One connection may stay open for the next question.
        return await connections(model_url) <= 1 and await metric(service, "ragpress_active_answers") == 0

    await until(released, "the answers and their connections are released", SECONDS_TO_RELEASE)
    status, _ = await client_of(service).post("/v1/retrieve", {"query": QUESTION})
    assert status == 200
    return resident_mib(service.worker_pids)


async def begun(client: LoadClient, number: int) -> asyncio.StreamWriter:
    """A stream whose first text has come."""
    reader, writer = await client.begin(QUESTION, number)
    while line := await reader.readline():
        if b'"content":' in line and b'"content":""' not in line:
            return writer
    raise AssertionError("the stream ended")


async def connections(model_url: str) -> int:
    """Connections that the model has open."""
    async with httpx2.AsyncClient(timeout=60) as http:
        return int((await http.get(f"{model_url}/connections")).text)
