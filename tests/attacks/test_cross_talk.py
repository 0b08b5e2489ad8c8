"""Concurrent streams (fault L1): a hundred callers at once, each gets its own answer and nothing of another's."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path

import httpx2
import pytest

from tests.serving.api.model_thread import ModelThread
from tests.serving.api.services import chat, events, text_of
from tests.serving.generate.scripted_server import Exchange
from tests.serving.service_process import ServiceProcess
from tests.workspace import SETTINGS, Workspace

pytestmark = pytest.mark.process

STREAMS = 100
SERVED = '[answer]\nabstain = 0.0\n[generator]\nkind = "openai"\nmodel = "served-model"\nbase_url = "{base_url}"\n'
MARK = "nonce-"


def reply_to(nonce: str) -> str:
    """What the model says to a nonce, and to no other."""
    return hashlib.sha256(nonce.encode()).hexdigest()[:20]


def nonce_in(text: str) -> str:
    return text.rpartition(MARK)[2][:16]


async def test_no_stream_has_a_word_of_another(tmp_path: Path) -> None:
    nonces = [secrets.token_hex(8) for _ in range(STREAMS)]
    with ModelThread() as model:
        workspace = Workspace(tmp_path, SETTINGS + SERVED.format(base_url=model.base_url))
        workspace.write({"leave.md": "# Leave\n\nEvery employee has 25 days of annual leave.\n"})
        workspace.ingest()
        arrived: set[str] = set()
        all_here = asyncio.Event()

        async def speak(exchange: Exchange) -> None:
            nonce = nonce_in(exchange.question)
            arrived.add(nonce)
            if len(arrived) == STREAMS:
                all_here.set()
            async with asyncio.timeout(60):
                await all_here.wait()
            await exchange.whole("Every employee ", f"{reply_to(nonce)} ", "has 25 days ", "of annual leave [1].")

        model.plays(speak)
        service = ServiceProcess(tmp_path, "--workers", "2")
        await asyncio.to_thread(service.__enter__)
        try:
            async with httpx2.AsyncClient(
                base_url=service.base_url, timeout=90, limits=httpx2.Limits(max_connections=STREAMS)
            ) as client:
                bodies = await asyncio.gather(*(_asked(client, nonce) for nonce in nonces))
                stored = await asyncio.gather(
                    *(client.get(f"/v1/answers/{events(body)[0]['id']}") for body in bodies[:20])
                )
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)

    assert arrived == set(nonces), "all streams ran at once"
    for nonce, body in zip(nonces, bodies, strict=True):
        chunks = events(body)
        assert chunks[-1] == "[DONE]"
        assert len({chunk["id"] for chunk in chunks[:-1]}) == 1
        assert reply_to(nonce) in text_of(chunks)
        assert not [other for other in nonces if other != nonce and (other in body or reply_to(other) in body)]
    assert len({events(body)[0]["id"] for body in bodies}) == STREAMS
    for nonce, record in zip(nonces, stored, strict=False):
        assert nonce_in(record.json()["question"]) == nonce
        assert reply_to(nonce) in record.json()["answer"]


async def _asked(client: httpx2.AsyncClient, nonce: str) -> str:
    body = chat(f"How many days of annual leave are there? {MARK}{nonce}", stream=True)
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    return response.text
