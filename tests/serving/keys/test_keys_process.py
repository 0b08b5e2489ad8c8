"""Keys of a running service with two worker processes."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest

from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from tests.serving.service_process import ServiceProcess
from tests.workspace import Workspace

pytestmark = pytest.mark.process

PATIENCE = 30.0


def asked(base_url: str, token: str | None, path: str = "/v1/models") -> httpx2.Response:
    """A request on a connection of its own, so that any worker may take it."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{base_url}{path}", headers=headers)


def settled(base_url: str, token: str | None, status: int) -> bool:
    """Whether, after a while, twenty requests in a row get this status."""
    until, row = time.monotonic() + PATIENCE, 0
    while row < 20 and time.monotonic() < until:
        row = row + 1 if asked(base_url, token).status_code == status else 0
    return row == 20


def test_keys_limits_and_revocations_hold_in_every_worker(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"hours.md": "# Hours\n\nThe reading room opens at eight.\n"})
    assert workspace.ingest().published
    ring = KeyRing(workspace.environment().store)

    with ServiceProcess(tmp_path, "--workers", "2") as service:
        assert asked(service.base_url, None).status_code == 200
        token = str(ring.add(Grant(name="alice", roles=(Role.ASK,), requests_per_minute=7))[1])
        assert settled(service.base_url, None, 401)
        assert settled(service.base_url, token, 200)
        statuses = [
            httpx2.post(
                f"{service.base_url}/v1/retrieve",
                headers={"Authorization": f"Bearer {token}"},
                json={"query": "hours"},
            ).status_code
            for _ in range(12)
        ]
        ring.revoke("alice")
        assert settled(service.base_url, token, 401)
        asked(service.base_url, f"{token}x", f"/v1/models?key={token}")
        assert service.stop() == 0
        log = service.log

    assert statuses[:7] == [200] * 7
    assert statuses.count(429) >= 4
    assert token.split("_")[2] not in log
    assert log
