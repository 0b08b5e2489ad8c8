"""Retrieval, stored answers and feedback over a real workspace: what a key may see, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from ragpress.errors import StorageError
from retrieval.access import OPERATOR, Principal
from serving.api.service import Service
from serving.callers import Caller, Role
from serving.journal.answers import AnswerJournal
from serving.release_opening import ReleaseOpening
from tests.serving.api.services import QUESTION, Keys, chat, client, serving
from tests.workspace import SETTINGS, Workspace

RULES = '\n[access]\ndefault = ["everyone"]\n[access.rules]\n"docs/hr/**" = ["hr"]\n'
FILES = {
    "hr/leave.md": "# Annual leave\n\nEvery employee has 25 days of annual leave, and canary-hr-7 more.\n",
    "travel.md": "# Travel\n\nHotels in Berlin are paid up to 120 euros a night.\n",
}


def caller(name: str, *groups: str, role: Role = Role.ASK) -> Caller:
    principal = OPERATOR if role is Role.ADMIN else Principal(groups=frozenset(groups))
    return Caller(key=name, owner=name, roles=frozenset({role}), principal=principal)


KEYS = Keys(anna=caller("anna", "hr"), bert=caller("bert"), boss=caller("boss", role=Role.ADMIN))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("answers"), SETTINGS + RULES)
    made.write(FILES)
    made.ingest()
    return made


@asynccontextmanager
async def served(workspace: Workspace, **parts: Any) -> AsyncIterator[tuple[Service, httpx2.AsyncClient]]:
    opening = ReleaseOpening(workspace.environment())
    async with serving(opening, **{"keys": KEYS, **parts}) as service, client(service) as http:
        yield service, http


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


async def asked(http: httpx2.AsyncClient, name: str) -> dict[str, Any]:
    response = await http.post("/v1/chat/completions", json=chat(), headers=by(name))
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_retrieval_finds_only_what_the_caller_may_read(workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        for explain in (False, True):
            body = {"query": QUESTION, "k": 100, "explain": explain}
            anna = await http.post("/v1/retrieve", json=body, headers=by("anna"))
            bert = await http.post("/v1/retrieve", json=body, headers=by("bert"))
            assert anna.json()["hits"][0]["source"] == "docs/hr/leave.md"
            assert [hit["source"] for hit in bert.json()["hits"]] == ["docs/travel.md"]
            assert "canary" in anna.text
            assert "canary" not in bert.text
            assert "hr/leave" not in bert.text
            assert ("stages" in bert.json()) is explain


async def test_retrieval_takes_a_release_a_filter_and_a_number(workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        live = (await http.post("/v1/retrieve", json={"query": "Berlin"}, headers=by("boss"))).json()["release"]
        for place in ({"model": f"default@{live[:8]}"}, {"collection": "default", "release": live}, {"release": live}):
            body = {"query": "Berlin", "k": 1, "filter": {"sources": ["docs/hr/**"]}, **place}
            response = await http.post("/v1/retrieve", json=body, headers=by("boss"))
            assert [hit["source"] for hit in response.json()["hits"]] == ["docs/hr/leave.md"]
            assert response.json()["release"] == live


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": ""}, 400, "invalid_value"),
        ({"query": " \n"}, 400, "invalid_value"),
        ({"query": "x", "k": 0}, 400, "invalid_value"),
        ({"query": "x", "k": 101}, 400, "invalid_value"),
        ({"query": "x", "filter": {"after": "soon"}}, 400, "invalid_value"),
        ({"query": "x", "filter": {"unknown": 1}}, 400, "invalid_value"),
        ({"query": "x", "unknown": 1}, 400, "invalid_value"),
        ({"query": "x", "model": "default", "release": "r"}, 400, "invalid_value"),
        ({"query": "x", "model": "other"}, 404, "model_not_found"),
        ({"query": "x", "release": "zz"}, 404, "model_not_found"),
    ],
)
async def test_searches_that_make_no_sense(body: dict[str, Any], status: int, code: str, workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        response = await http.post("/v1/retrieve", json=body, headers=by("boss"))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_models_are_the_collections_and_their_live_releases(workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        (model,) = (await http.get("/v1/models", headers=by("bert"))).json()["data"]
        one = await http.get(f"/v1/models/default@{model['release']}", headers=by("bert"))
        missing = await http.get("/v1/models/default@zz", headers=by("bert"))
        unknown = await http.get("/v1/models/other", headers=by("bert"))
        nobody = await http.get("/v1/models")
    assert (model["id"], model["object"], model["owned_by"]) == ("default", "model", "ragpress")
    assert (one.json()["id"], one.json()["release"]) == (f"default@{model['release']}", model["release"])
    assert [missing.status_code, unknown.status_code, nobody.status_code] == [404, 404, 401]
    assert "25 days" not in str(model)


async def test_an_answer_is_found_by_its_key_and_by_an_admin_alone(workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        answer = await asked(http, "anna")
        own = await http.get(f"/v1/answers/{answer['id']}", headers=by("anna"))
        admin = await http.get(f"/v1/answers/{answer['id']}", headers=by("boss"))
        foreign = await http.get(f"/v1/answers/{answer['id']}", headers=by("bert"))
        unknown = await http.get(f"/v1/answers/{'0' * 32}", headers=by("bert"))
        odd = await http.get("/v1/answers/..%2f..%2fetc", headers=by("boss"))
    assert own.json() == admin.json()
    assert own.json()["answer"] == answer["choices"][0]["message"]["content"]
    assert own.json()["citations"] == answer["citations"]
    assert own.json()["passages"][0]["text"].startswith("# Annual leave")
    assert (own.json()["status"], own.json()["error_code"]) == ("complete", None)
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert odd.status_code == 404


async def test_passages_that_may_no_longer_be_read_are_left_out(workspace: Workspace) -> None:
    groups = frozenset({"hr"})
    keys = Keys(anna=Caller(key="anna", owner="", roles=frozenset({Role.ASK}), principal=Principal(groups=groups)))
    async with served(workspace, keys=keys) as (_, http):
        answer = await asked(http, "anna")
        assert answer["citations"][0]["source"] == "docs/hr/leave.md"
        keys.callers["anna"] = caller("anna")
        later = (await http.get(f"/v1/answers/{answer['id']}", headers=by("anna"))).json()
    assert later["citations"] == []
    assert {passage["source"] for passage in later["passages"]} <= {"docs/travel.md"}


async def test_feedback_is_kept_and_read_by_admins(workspace: Workspace) -> None:
    async with served(workspace) as (service, http):
        answer = await asked(http, "anna")
        body = {
            "answer_id": answer["id"],
            "rating": "down",
            "comment": " wrong ",
            "correction": "It is 30.",
            "expected_sources": ["docs/hr/leave.md"],
        }
        made = await http.post("/v1/feedback", json=body, headers=by("anna"))
        listed = await http.get("/v1/feedback?rating=down&limit=1", headers=by("boss"))
        refused = await http.get("/v1/feedback", headers=by("anna"))
        (kept,) = await asyncio.to_thread(service.journal.feedback_of, answer["id"])
    assert made.status_code == 201
    assert (kept.id, kept.comment, kept.key) == (made.json()["feedback_id"], "wrong", "anna")
    (told,) = listed.json()["data"]
    assert (told["question"], told["rating"], told["correction"]) == (QUESTION, "down", "It is 30.")
    assert (told["expected_sources"], told["release"]) == (["docs/hr/leave.md"], answer["release"])
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"comment": "  "},
        {"rating": "sideways"},
        {"comment": "x" * 4001},
        {"correction": "x" * 8001},
        {"expected_sources": ["x"] * 21},
        {"expected_sources": ["x" * 501]},
        {"expected_sources": [""]},
        {"rating": "up", "unknown": 1},
    ],
)
async def test_feedback_that_says_nothing_or_too_much(fields: dict[str, Any], workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        response = await http.post("/v1/feedback", json={"answer_id": "0" * 32, **fields}, headers=by("anna"))
    assert response.status_code == 400


async def test_feedback_on_foreign_and_unknown_answers_is_told_alike(workspace: Workspace) -> None:
    async with served(workspace) as (service, http):
        answer = await asked(http, "anna")
        body = {"rating": "up"}
        foreign = await http.post("/v1/feedback", json={"answer_id": answer["id"], **body}, headers=by("bert"))
        unknown = await http.post("/v1/feedback", json={"answer_id": "0" * 32, **body}, headers=by("bert"))
        assert await asyncio.to_thread(service.journal.feedback_of, answer["id"]) == []
    assert (foreign.status_code, foreign.content) == (404, unknown.content)


class FullDisk(AnswerJournal):
    """Finds answers, and keeps nothing more."""

    async def record_feedback(self, record: Any) -> None:
        raise StorageError("/srv/journal: no space left on device")


async def test_feedback_that_cannot_be_kept_is_not_acknowledged(workspace: Workspace) -> None:
    environment = workspace.environment()
    journal = FullDisk(environment, environment.workspace.service.journal)
    async with served(workspace, journal=journal) as (service, http):
        answer = await asked(http, "anna")
        failing = [service.telemetry.journal_fails]
        body = {"answer_id": answer["id"], "rating": "up"}
        response = await http.post("/v1/feedback", json=body, headers=by("anna"))
        failing.append(service.telemetry.journal_fails)
    journal.close()
    assert failing == [False, True]
    assert (response.status_code, response.json()["error"]["code"]) == (503, "journal_unavailable")
    assert "/srv" not in response.text


async def test_lineage_follows_what_the_caller_may_see(workspace: Workspace) -> None:
    async with served(workspace) as (_, http):
        answer = await asked(http, "anna")
        (citation, *_) = answer["citations"]
        traced = {
            name: [
                await http.get(f"/v1/trace/{thing}", headers=by(name))
                for thing in (answer["id"], f"{answer['id']}%231", citation["chunk_id"], citation["source"])
            ]
            for name in ("anna", "bert", "boss")
        }
        unknown = await http.get("/v1/trace/nothing", headers=by("bert"))
        other = await http.get(f"/v1/trace/{answer['id']}?collection=other", headers=by("anna"))
    for name in ("anna", "boss"):
        assert [one.json().get("kind") for one in traced[name]] == ["answer", "citation", "chunk", "document"]
        assert traced[name][0].json()["chain"][0]["link"] == "answer"
    assert [one.status_code for one in traced["bert"]] == [404] * 4
    assert {one.content for one in traced["bert"]} == {unknown.content}
    assert other.status_code == 404
