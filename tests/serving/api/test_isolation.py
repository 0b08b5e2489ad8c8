"""What one key learns of what another may read: nothing. Through the application, over a real workspace."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from ragpress.serve_settings import ServeSettings
from ragpress.wiring import open_environment
from retrieval.access import Principal
from serving.api.app import create_app
from serving.callers import Role
from serving.keys.records import Grant
from serving.keys.ring import KeyRing
from serving.keys.tokens import new_token
from serving.server.worker import open_service
from tests.workspace import SETTINGS, Workspace

RULES = """
[access]
rules = { "docs/red/**" = ["red"], "docs/blue/**" = ["blue"], "uploads/default/red/**" = ["red"] }
"""
QUESTION = "What is the code of the vault?"
CANARIES = {"red": "narwhal-7731", "blue": "pelican-4410"}
DOCUMENTS = {
    "red/vault.md": "# Vault\n\nThe code of the vault is narwhal-7731. The vault of narwhal-7731 opens at nine.\n",
    "blue/vault.md": "# Vault\n\nThe code of the vault is pelican-4410. The vault of pelican-4410 opens at ten.\n",
    "blue/plan.md": "# Plan of pelican-4410\n\nThe vault is moved in May, says pelican-4410.\n",
    "open/hours.md": "# Hours\n\nThe reading room opens at eight and closes at six.\n",
}


class House:
    """A running application and its callers by name: red, blue, nobody (no group) and boss (admin)."""

    def __init__(self, client: TestClient, tokens: dict[str, str]) -> None:
        self.client = client
        self.tokens = tokens

    def call(self, who: str, method: str, path: str, **options: Any) -> Response:
        key = {"Authorization": f"Bearer {self.tokens[who]}", "x-request-id": "same-for-everybody"}
        headers = {**options.pop("headers", {}), **key}
        response: Response = self.client.request(method, path, headers=headers, **options)
        return response

    def get(self, who: str, path: str) -> Response:
        return self.call(who, "GET", path)

    def chat(self, who: str, question: str = QUESTION, **fields: Any) -> Response:
        body = {"model": "default", "messages": [{"role": "user", "content": question}], **fields}
        return self.call(who, "POST", "/v1/chat/completions", json=body)

    def retrieve(self, who: str, query: str = QUESTION, **fields: Any) -> Response:
        return self.call(who, "POST", "/v1/retrieve", json={"query": query, **fields})

    def document_ids(self, who: str) -> dict[str, str]:
        listed = self.get(who, "/v1/documents").json()["documents"]
        return {document["source"]: document["document_id"] for document in listed}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("isolation"), SETTINGS + RULES)
    workspace.write(DOCUMENTS)
    assert workspace.ingest().published
    return workspace.root


@pytest.fixture(scope="module")
def house(root: Path) -> Iterator[House]:
    ring = KeyRing(Workspace(root, SETTINGS + RULES).environment().store)
    tokens = {
        name: str(ring.add(Grant(name=name, roles=(Role.ASK, Role.INGEST), groups=(name,)))[1])
        for name in ("red", "blue")
    }
    tokens["nobody"] = str(ring.add(Grant(name="nobody"))[1])
    tokens["boss"] = str(ring.add(Grant(name="boss", roles=(Role.ADMIN,)))[1])
    app = create_app(lambda: open_service(open_environment(root)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield House(client, tokens)


def whole(response: Response) -> str:
    """All that a caller sees of a response."""
    return f"{response.status_code} {dict(response.headers)} {response.text}"


def same(mine: Response, absent: Response) -> None:
    """Two responses that differ in nothing."""
    assert mine.status_code == absent.status_code
    assert mine.content == absent.content
    assert dict(mine.headers) == dict(absent.headers)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("order", [("red", "blue", "nobody", "boss", "red"), ("boss", "nobody", "blue", "red", "blue")])
def test_the_same_question_is_answered_from_what_each_may_read(
    house: House, order: tuple[str, ...], stream: bool
) -> None:
    question = f"{QUESTION} {stream} {order[0]}"
    for who in order:
        told = whole(house.chat(who, question, stream=stream))
        seen = {color for color, canary in CANARIES.items() if canary in told}
        # Which of the two an admin is told, who reads both, is the ranking's business.
        assert seen if who == "boss" else seen == {who} & set(CANARIES), told
        assert told.startswith("200")


def test_retrieval_names_and_counts_only_what_the_caller_may_read(house: House) -> None:
    for who, other in (("red", "blue"), ("blue", "red"), ("nobody", "red"), ("nobody", "blue")):
        response = house.retrieve(who, k=50, explain=True)
        found = response.json()
        sources = {hit["source"] for hit in found["hits"]}
        sources |= {one["source"] for stage in found["stages"] for one in stage["candidates"]}

        assert CANARIES[other] not in whole(response)
        assert not [source for source in sources if source.startswith(f"docs/{other}/")]
        assert found["rows"] == {"red": 2, "blue": 3, "nobody": 1}[who]
    assert house.retrieve("boss", k=50, explain=True).json()["rows"] == 4


def test_a_question_that_another_has_asked_is_not_known(house: House) -> None:
    query = "Who moved the vault in May?"
    house.chat("blue", query)
    house.retrieve("blue", query)

    found = house.retrieve("red", query, explain=True).json()

    assert found["cached"] is False
    assert not [stage["name"] for stage in found["stages"] if stage["cached"]]


def test_a_filter_by_what_one_may_not_read_is_a_filter_by_nothing(house: House) -> None:
    for source in ("docs/blue/**", "docs/blue/vault.md"):
        wanted = house.retrieve("red", filter={"sources": [source]})
        absent = house.retrieve("red", filter={"sources": [source.replace("blue", "none")]})
        assert wanted.status_code == 200
        same(wanted, absent)


@pytest.mark.parametrize("path", ["/v1/answers/{}", "/v1/trace/{}"])
def test_an_answer_of_another_key_is_no_answer(house: House, path: str) -> None:
    answer = house.chat("red").json()["id"]
    absent = answer[:-8] + "00000000"

    for who in ("blue", "nobody"):
        theirs = house.get(who, path.format(answer))
        assert theirs.status_code == 404
        assert theirs.text.replace(answer, "ID") == house.get(who, path.format(absent)).text.replace(absent, "ID")
        assert CANARIES["red"] not in whole(theirs)
    for who in ("red", "boss"):
        assert house.get(who, f"/v1/answers/{answer}").json()["id"] == answer


def test_nobody_gives_feedback_on_anothers_answer(house: House) -> None:
    answer = house.chat("red").json()["id"]

    def give(who: str, answer_id: str) -> Response:
        return house.call(who, "POST", "/v1/feedback", json={"answer_id": answer_id, "rating": "down"})

    refused = give("blue", answer)
    assert refused.status_code == 404
    same(refused, give("blue", answer[:-8] + "00000000"))
    assert give("red", answer).status_code == 201
    assert house.get("red", "/v1/feedback").status_code == 403
    assert [one["answer_id"] for one in house.get("boss", "/v1/feedback").json()["data"]].count(answer) == 1


def test_documents_are_listed_and_counted_for_each_by_itself(house: House) -> None:
    for who, names in (("red", {"red/vault.md"}), ("blue", {"blue/vault.md", "blue/plan.md"}), ("nobody", set())):
        response = house.get(who, "/v1/documents")
        listed = response.json()
        assert {one["source"] for one in listed["documents"]} == {"docs/open/hours.md", *(f"docs/{n}" for n in names)}
        assert listed["total"] == 1 + len(names)
        assert not [other for other, canary in CANARIES.items() if other != who and canary in whole(response)]
    same(house.get("red", "/v1/documents?q=pelican"), house.get("red", "/v1/documents?q=absent"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/documents/{}"),
        ("GET", "/v1/documents/{}/text"),
        ("GET", "/v1/documents/{}/text?start=0&end=5"),
        ("GET", "/v1/documents/{}/original"),
        ("DELETE", "/v1/documents/{}"),
        ("GET", "/v1/trace/{}"),
    ],
)
def test_a_document_of_others_is_no_document(house: House, method: str, path: str) -> None:
    ids = house.document_ids("boss")
    theirs = ids["docs/blue/vault.md"]
    absent = theirs[:-6] + "000000"

    refused = house.call("red", method, path.format(theirs))

    assert refused.status_code == 404
    assert refused.text.replace(theirs, "ID") == house.call("red", method, path.format(absent)).text.replace(
        absent, "ID"
    )
    assert CANARIES["blue"] not in whole(refused)
    if method == "GET" and "trace" not in path:
        assert house.call("blue", method, path.format(theirs)).status_code == 200


def test_a_chunk_of_others_has_no_lineage(house: House) -> None:
    chunk = house.retrieve("blue").json()["hits"][0]["chunk_id"]
    absent = chunk[:-6] + "000000"

    refused = house.get("red", f"/v1/trace/{chunk}")

    assert refused.status_code == 404
    assert refused.text.replace(chunk, "ID") == house.get("red", f"/v1/trace/{absent}").text.replace(absent, "ID")


def test_admins_alone_reach_what_is_everybodys(house: House) -> None:
    release = house.retrieve("red").json()["release"]
    calls = [
        ("GET", "/v1/releases"),
        ("GET", f"/v1/releases/{release}"),
        ("POST", f"/v1/releases/{release}/publish"),
        ("POST", "/v1/releases/rollback"),
        ("GET", "/v1/feedback"),
        ("GET", "/v1/admin/overview"),
        ("GET", "/v1/admin/answers"),
        ("POST", f"/v1/documents/{house.document_ids('red')['docs/red/vault.md']}/quarantine"),
    ]
    for method, path in calls:
        refused = house.call("red", method, path, json={"reason": "mine"} if method == "POST" else None)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "role_missing"), path


def test_a_key_that_may_ask_only_uploads_nothing(house: House) -> None:
    for method, path in (("POST", "/v1/documents?name=a.md"), ("GET", "/v1/jobs"), ("GET", "/v1/jobs/some-job")):
        headers = {"Content-Type": "application/octet-stream"}
        refused = house.call("nobody", method, path, content=b"text" if method == "POST" else None, headers=headers)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")


def test_models_and_operations_tell_nothing_of_documents(house: House) -> None:
    same(house.get("red", "/v1/models"), house.get("nobody", "/v1/models"))
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models"):
        told = whole(house.get("nobody", path))
        assert not [canary for canary in CANARIES.values() if canary in told]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/documents", "/v1/jobs", "/v1/answers/x", "/v1/releases"])
def test_without_a_right_key_every_door_is_shut_alike(house: House, path: str) -> None:
    right = house.tokens["red"]
    headers = [{}, *({"Authorization": f"Bearer {token}"} for token in (right[:-1], str(new_token()), "x" * 9000, "é"))]
    headers += [{"Authorization": f"Basic {right}"}, {"Authorization": right}, {"Authorization": f"Bearer  {right} x"}]
    headers += [{"X-API-Key": right}, {"Cookie": f"key={right}"}]
    bodies = []
    for header in headers:
        encoded = {name: value.encode("latin-1") for name, value in header.items()}
        refused = house.client.get(path, headers={**encoded, "x-request-id": b"same-for-everybody"})  # type: ignore[arg-type]
        assert refused.status_code in {401, 429}
        if refused.status_code == 401:
            assert refused.headers["www-authenticate"] == 'Bearer realm="ragpress"'
            bodies.append(refused.content)
    assert len(set(bodies)) <= 1
    assert house.client.get(f"{path}?api_key={right}&key={right}").status_code == 401


def test_the_401_is_what_openais_clients_know(house: House) -> None:
    refused = house.client.get("/v1/models").json()["error"]

    assert (refused["type"], refused["code"], refused["param"]) == ("invalid_request_error", "invalid_api_key", None)


def test_too_many_wrong_keys_are_turned_away_and_right_ones_pass(house: House) -> None:
    statuses = [house.client.get("/v1/models", headers={"Authorization": f"Bearer {new_token()}"}) for _ in range(100)]

    assert statuses[-1].status_code == 429
    assert int(statuses[-1].headers["retry-after"]) >= 1
    assert statuses[-1].json()["error"]["code"] == "too_many_wrong_keys"
    assert house.get("red", "/v1/models").status_code == 200
    assert house.client.get("/v1/models").status_code == 401


def test_no_key_and_no_document_is_ever_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = new_token()
    for who in ("red", "blue", "nobody", "boss"):
        house.chat(who)
        house.chat(who, stream=True)
        house.get(who, "/v1/documents/absent")
    house.client.get("/v1/models", headers={"Authorization": f"Bearer {wrong}"})
    house.client.get(f"/v1/models?key={wrong}", headers={"Authorization": f"Bearer {wrong}"})

    records = [{**record.__dict__, "text": record.getMessage()} for record in caplog.records]
    # The test's own client logs what it sends.
    logged = "\n".join(json.dumps(one, default=repr) for one in records if not one["name"].startswith("http"))

    assert "/v1/models" in logged
    for token in (*house.tokens.values(), str(wrong)):
        assert token.split("_")[2] not in logged
    assert not [canary for canary in CANARIES.values() if canary in logged]


def test_a_rule_that_is_changed_while_the_service_runs_shuts_every_door(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SETTINGS + RULES)
    workspace.write(DOCUMENTS)
    assert workspace.ingest().published
    token = KeyRing(workspace.environment().store).add(Grant(name="red", groups=("red",)))[1]
    app = create_app(lambda: open_service(open_environment(tmp_path)), ServeSettings())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        house = House(client, {"red": str(token)})
        answer = house.chat("red").json()["id"]
        document = house.document_ids("red")["docs/red/vault.md"]

        workspace.configure(SETTINGS + RULES.replace('["red"]', '["somebody else"]'))
        portal = client.portal
        assert portal is not None
        portal.call(app.state.service.answers.look)
        portal.call(app.state.service.answers.settled)

        for path in (
            f"/v1/documents/{document}",
            f"/v1/documents/{document}/text",
            f"/v1/documents/{document}/original",
        ):
            assert house.get("red", path).status_code == 404
        assert "docs/red/vault.md" not in house.document_ids("red")
        assert CANARIES["red"] not in whole(house.retrieve("red", k=50, explain=True))
        assert CANARIES["red"] not in whole(house.chat("red"))
        kept = house.get("red", f"/v1/answers/{answer}").json()
        assert kept["citations"] == []
        assert {passage["source"] for passage in kept["passages"]} <= {"docs/open/hours.md"}


def test_a_served_models_prefix_cache_is_salted_by_what_a_caller_may_read(house: House) -> None:
    service = house.client.app.state.service  # type: ignore[attr-defined]
    source = service.answers.present()["default"].answerer.parts.source
    callers = {who: service.keys.caller(token) for who, token in house.tokens.items()}
    salts = {who: source.scope_key(caller.principal) for who, caller in callers.items()}

    assert len(set(salts.values())) == len(house.tokens)
    assert salts["red"] == source.scope_key(Principal(frozenset({"red", "a group that opens nothing"})))
