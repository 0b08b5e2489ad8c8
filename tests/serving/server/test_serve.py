"""``ragpress serve`` as operators run it: started, stopped, killed, refused, overrun."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.serving.generate.scripted_server import Exchange, ScriptedServer
from tests.serving.service_process import ServiceProcess, alive, command
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.process

QUESTION = "How many days of annual leave does every employee have?"
ANSWER = "Every employee has 25 days of annual leave."
LONG = 60.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("service"))


def workspace(folder: Path, settings: str = "") -> Path:
    made = Workspace(folder, f"{SETTINGS}\n{settings}")
    made.write({"leave.md": f"# Leave\n\n{ANSWER}\n"})
    made.ingest()
    return folder


def with_model(server: ScriptedServer, serve: str) -> str:
    return f'[generator]\nbase_url = "{server.base_url}"\nretries = 0\n\n[serve]\n{serve}\n'


@asynccontextmanager
async def started(service: ServiceProcess) -> AsyncIterator[ServiceProcess]:
    """A service that starts while the test's own event loop goes on."""
    await asyncio.to_thread(service.__enter__)
    try:
        yield service
    finally:
        await asyncio.to_thread(service.__exit__, None, None, None)


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "default", "messages": [{"role": "user", "content": QUESTION}], **fields}


def run(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(root, *options), capture_output=True, text=True, timeout=LONG, check=False)


async def until(condition: Any) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(LONG):
        while not condition():
            await asyncio.sleep(0.05)


def answers(service: ServiceProcess) -> bool:
    try:
        return httpx2.get(f"{service.base_url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def stopping(service: ServiceProcess) -> bool:
    """Whether a load balancer would read that the service goes."""
    try:
        found = httpx2.get(f"{service.base_url}/readyz")
    except httpx2.TransportError:
        return False
    return found.status_code == 503 and found.json()["checks"][0]["reason"] == "stopping"


@pytest.fixture(scope="module")
def service(root: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(root, "--workers", "2") as running:
        yield running


def test_it_says_where_it_is_and_who_may_call(service: ServiceProcess) -> None:
    assert service.ready["workers"] == len(service.ready["worker_pids"]) == 2
    assert service.ready["pid"] == service.pid
    assert service.ready["dashboard"] == f"{service.base_url}/admin"
    assert service.ready["keys"] is False
    assert f"{service.base_url}/" in service.log
    assert "only this machine can call the service" in service.log
    assert httpx2.get(f"{service.base_url}/healthz").status_code == 200


async def test_a_killed_worker_is_replaced(service: ServiceProcess) -> None:
    before = service.worker_pids
    os.kill(before[0], signal.SIGKILL)
    await until(lambda: len(service.worker_pids) == 2 and before[0] not in service.worker_pids)
    await until(lambda: answers(service))
    assert "SIGKILL; another one takes its place" in service.log


def test_its_limits_hold_in_the_real_process(service: ServiceProcess) -> None:
    chats = f"{service.base_url}/v1/chat/completions"
    large = httpx2.post(chats, content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
    assert large.status_code == 413
    assert large.json()["error"]["code"] == "body_too_large"
    assert httpx2.get(f"{service.base_url}/v1/models", headers={"X": "x" * 100_000}).status_code == 431
    assert httpx2.get(f"{service.base_url}/v1/models", headers={"Host": "evil.example"}).status_code == 421


def test_a_port_that_is_taken_is_named(service: ServiceProcess, root: Path) -> None:
    done = run(root, "--port", str(service.port), "--json")
    assert done.returncode == 1
    assert f"port {service.port}" in json.loads(done.stdout)["error"]["message"]


def test_without_keys_others_are_kept_out(root: Path) -> None:
    done = run(root, "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert done.returncode == 2
    assert "ragpress keys add" in done.stderr


def test_a_workspace_that_cannot_be_served_is_said_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "ragpress.toml").write_text("[serve]\nportt = 1\n")
    done = run(tmp_path, "--port", "0")
    assert done.returncode == 2
    assert "portt" in done.stderr
    assert "Traceback" not in done.stderr


async def test_killed_it_leaves_no_orphans(root: Path) -> None:
    async with started(ServiceProcess(root, "--workers", "2")) as service:
        workers = service.worker_pids
        assert len(workers) == 2
        service.send(signal.SIGKILL)
        await until(lambda: not any(alive(pid) for pid in workers))


async def test_a_stream_that_runs_is_finished_and_its_answer_kept(tmp_path: Path) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token("Every employee has ")
        begun.set()
        await let_go.wait()
        await exchange.token("25 days of annual leave. [1]")
        await exchange.token("", finish="stop")
        await exchange.event("[DONE]")
        await exchange.end()

    async with ScriptedServer(slow) as server:
        root = workspace(tmp_path, with_model(server, f"grace_seconds = {LONG}"))
        async with started(ServiceProcess(root)) as service, httpx2.AsyncClient(timeout=LONG) as http:
            url = f"{service.base_url}/v1/chat/completions"
            asked = asyncio.create_task(http.post(url, json=chat(stream=True)))
            await begun.wait()
            service.send(signal.SIGTERM)
            await until(lambda: stopping(service))
            refused = await http.post(url, json=chat())
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
            let_go.set()
            response = await asked
            assert await asyncio.to_thread(service.wait) == 0
    assert response.text.rstrip().endswith("data: [DONE]")
    answer = response.headers["x-ragpress-answer"]
    with ServiceProcess(root) as again:
        kept = httpx2.get(f"{again.base_url}/v1/answers/{answer}")
    assert kept.status_code == 200
    assert "25 days" in kept.text


async def test_a_stream_that_never_ends_is_ended_and_the_journal_says_why(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.token(f"{ANSWER} [1] Every employee ")
        begun.set()
        await exchange.client_left()

    async with ScriptedServer(endless) as server:
        root = workspace(tmp_path, with_model(server, "grace_seconds = 1.5"))
        async with started(ServiceProcess(root)) as service, httpx2.AsyncClient(timeout=LONG) as http:
            url = f"{service.base_url}/v1/chat/completions"
            asked = asyncio.create_task(http.post(url, json=chat(stream=True)))
            await begun.wait()
            service.send(signal.SIGTERM)
            response = await asked
            assert await asyncio.to_thread(service.wait) == 0
    last = response.text.rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["code"] == "shutting_down"
    answer = response.headers["x-ragpress-answer"]
    with ServiceProcess(root) as again:
        kept = httpx2.get(f"{again.base_url}/v1/answers/{answer}").json()
    assert kept["status"] == "failed"


async def test_ten_times_as_many_as_it_takes_are_told_to_come_back(tmp_path: Path) -> None:
    let_go = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await let_go.wait()
        await exchange.whole(f"{ANSWER} [1]")

    async with ScriptedServer(held) as server:
        root = workspace(tmp_path, with_model(server, "concurrency = 2\nqueue = 2\nqueue_seconds = 60"))
        async with started(ServiceProcess(root)) as service, httpx2.AsyncClient(timeout=LONG) as http:
            url = f"{service.base_url}/v1/chat/completions"
            turned_away = asyncio.Semaphore(0)

            async def ask() -> httpx2.Response:
                response = await http.post(url, json=chat())
                if response.status_code == 429:
                    turned_away.release()
                return response

            asked = [asyncio.create_task(ask()) for _ in range(40)]
            for _ in range(36):
                await turned_away.acquire()
            let_go.set()
            responses = await asyncio.gather(*asked)
    assert Counter(response.status_code for response in responses) == {200: 4, 429: 36}
    refused = [response for response in responses if response.status_code == 429]
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
    assert {response.json()["error"]["type"] for response in refused} == {"rate_limit_error"}
