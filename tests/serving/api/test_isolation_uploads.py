"""Uploads and jobs of one key, as another sees them: not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ragpress.serve_settings import ServeSettings
from ragpress.wiring import open_environment
from serving.api.app import create_app
from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.server.worker import open_service
from tests.serving.api.test_isolation import RULES, House, same, whole
from tests.workspace import SETTINGS, Workspace

CANARY = "kestrel-2217"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    workspace = Workspace(tmp_path, SETTINGS + RULES)
    ring = KeyRing(workspace.environment().store)
    roles = (Role.ASK, Role.INGEST)
    tokens = {name: str(ring.add(Grant(name=name, roles=roles, groups=(name,)))[1]) for name in ("red", "blue")}
    tokens["boss"] = str(ring.add(Grant(name="boss", roles=(Role.ADMIN,)))[1])
    app = create_app(lambda: open_service(open_environment(tmp_path)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield House(client, tokens)


def test_an_upload_is_its_owners_alone(house: House, tmp_path: Path) -> None:
    form = {"file": (f"{CANARY}.md", f"# {CANARY}\n\nThe falcon is a {CANARY}.\n".encode())}
    accepted = house.call("red", "POST", "/v1/documents", files=form).json()
    job, document = accepted["job_id"], accepted["documents"][0]["document_id"]
    no_job, no_document = job[:-6] + "000000", document[:-6] + "000000"
    stored = tmp_path / "uploads" / "default" / "red" / f"{CANARY}.md"

    same(house.get("blue", f"/v1/jobs/{job}"), house.get("blue", f"/v1/jobs/{no_job}"))
    same(
        house.call("blue", "DELETE", f"/v1/documents/{document}"),
        house.call("blue", "DELETE", f"/v1/documents/{no_document}"),
    )
    same(house.get("blue", f"/v1/documents/{document}"), house.get("blue", f"/v1/documents/{no_document}"))

    assert house.get("blue", f"/v1/jobs/{job}").status_code == 404
    assert house.get("blue", "/v1/jobs").json()["jobs"] == []
    assert CANARY not in whole(house.get("blue", "/v1/jobs"))
    assert stored.is_file()
    assert job in house.get("red", "/v1/jobs").text
    assert house.get("boss", f"/v1/jobs/{job}").status_code == 200


def test_an_upload_of_the_same_name_replaces_nobody_elses(house: House, tmp_path: Path) -> None:
    for who in ("red", "blue"):
        form = {"file": ("plan.md", f"# Plan\n\nThe plan of {who}.\n".encode()), "collection": (None, "default")}
        assert house.call(who, "POST", "/v1/documents", files=form).status_code == 202

    for who in ("red", "blue"):
        assert f"plan of {who}" in (tmp_path / "uploads" / "default" / who / "plan.md").read_text()
