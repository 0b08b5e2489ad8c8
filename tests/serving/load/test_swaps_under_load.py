"""Publishes and rollbacks, over HTTP and by the command line, while many streams run.

No request fails, no answer mixes two releases, and the journal agrees: every sentence of a release's documents names
its canary.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.paced_model import Pace
from benchmarks.service_client import LoadClient, Reply
from serving.journal.records import AnswerRecord
from tests.serving.load.running import (
    Crowd,
    answers_in,
    client_of,
    deaths,
    model_of,
    offices,
    provenance,
    until,
    workspace_of,
)
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

CANARIES = ("kestrel", "heron")
# Slow enough that swaps come in the middle of answers.
PACE = Pace(0.2, 20.0, 12, echo=True)


@pytest.mark.process
def test_swaps_while_streams_run(tmp_path: Path) -> None:
    swap_under_load(tmp_path, PACE, at_once=8, swaps=4)


@pytest.mark.campaign
@pytest.mark.parametrize("pace", [PACE, None], ids=["paced", "extractive"])
def test_twenty_swaps_at_fifty_streams(tmp_path: Path, pace: Pace | None) -> None:
    swap_under_load(tmp_path, pace, at_once=50, swaps=20)


def swap_under_load(folder: Path, pace: Pace | None, at_once: int, swaps: int) -> None:
    with model_of(pace) as model_url:
        workspace = workspace_of(folder, model_url)
        canaries = two_releases(workspace)
        with ServiceProcess(workspace.root) as service:
            crowd = Crowd(client_of(service), at_once)
            swapping = swap_all(workspace.root, client_of(service), list(canaries), crowd, swaps)
            asyncio.run(crowd.while_(swapping))
            assert deaths(service) == []
    print(f"{len(crowd.replies)} answers at {at_once} streams through {swaps} swaps")
    assert crowd.failed == []
    assert {provenance(reply)[0] for reply in crowd.whole} == set(canaries)
    records = answers_in(workspace)
    for reply in crowd.whole:
        check(reply, records[reply.last["id"]], canaries)


def two_releases(workspace: Workspace) -> dict[str, str]:
    """Two releases, each with the canary in its documents; the later one is live."""
    canaries: dict[str, str] = {}
    for canary in CANARIES:
        workspace.write(offices(canary))
        release = workspace.ingest().release
        assert release is not None
        canaries[release] = canary
    return canaries


async def swap_all(root: Path, client: LoadClient, releases: list[str], crowd: Crowd, swaps: int) -> None:
    """Roll back to the earlier release and publish the later one, in turn, over HTTP and by the command line; each
    stays until it has answered somebody of the crowd."""
    former, later = releases
    turns = itertools.cycle(
        [
            (former, "/v1/releases/rollback", ("rollback",)),
            (later, f"/v1/releases/{later}/publish", ()),
            (former, "", ("rollback",)),
            (later, "", ("publish", later)),
        ]
    )
    for wanted, path, words in itertools.islice(turns, swaps):
        if path:
            status, body = await client.post(path, {"collection": "default"} if words else {})
            assert status == 200, body
        else:
            await by_command(root, *words)
        await until(lambda wanted=wanted: answers_from(client, wanted), f"{wanted} is live")  # type: ignore[misc]
        before = answers_of(crowd, wanted)
        await until(lambda wanted=wanted, before=before: more_of(crowd, wanted, before), f"{wanted} answers")  # type: ignore[misc]


def answers_of(crowd: Crowd, release: str) -> int:
    return sum(provenance(reply)[0] == release for reply in crowd.whole)


async def more_of(crowd: Crowd, release: str, before: int) -> bool:
    await asyncio.sleep(0.01)  # lets the crowd go on between two looks
    return answers_of(crowd, release) > before


async def by_command(root: Path, *words: str) -> None:
    command = [sys.executable, "-m", "ragpress.cli", "--workspace", str(root), "releases", *words]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def answers_from(client: LoadClient, release: str) -> bool:
    _, body = await client.post("/v1/retrieve", {"query": "desks"})
    return bool(body["release"] == release)


def check(reply: Reply, record: AnswerRecord, canaries: Mapping[str, str]) -> None:
    """See that an answer is of one release, in the stream and in the journal."""
    release, citations = provenance(reply)
    (other,) = set(canaries.values()) - {canaries[release]}
    assert record.answer is not None
    passages = [passage.text for passage in record.answer.context]
    assert citations
    for text in (reply.text, *(citation["quote"] for citation in citations), *passages):
        assert canaries[release] in text
        assert other not in text
    assert (record.status, record.release, record.answer.release) == ("complete", release, release)
    assert record.text == record.answer.answer == reply.text
    assert record.question.endswith(f"#{reply.nonce}")
