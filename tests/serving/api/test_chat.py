"""Chat completions: OpenAI's shapes, what the journal keeps, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ragpress.answer_settings import ContextSettings
from ragpress.errors import (
    GeneratorBusyError,
    GeneratorProtocolError,
    GeneratorRefusedError,
    GeneratorTimeoutError,
    GeneratorUnavailableError,
    IntegrityError,
    ModelError,
    StorageError,
)
from ragpress.serve_settings import ServeSettings
from retrieval.access import Principal
from serving.api import completion_response
from serving.api.chat_request import Wish
from serving.callers import LOCAL, Caller, Role
from serving.journal.answers import AnswerJournal
from serving.journal.records import AnswerRecord
from serving.server import closing
from serving.types import Finish, GeneratorName, Usage
from tests.serving.answering import Passages, Scripted, answerer, passage
from tests.serving.api.services import (
    QUESTION,
    Allowances,
    Call,
    FakeOpening,
    Keys,
    application,
    chat,
    client,
    events,
    only_record,
    serving,
    text_of,
    workspace_of,
)

LEAVE = passage(1, "Every employee has 25 days of annual leave.")
TEXT = "Every employee has 25 days of annual leave. [1]"


def opening_of(root: Path, *script: Any, **settings: Any) -> FakeOpening:
    """One live release ``r1`` whose generator follows a script."""
    return FakeOpening(workspace_of(root), r1=answerer(Scripted(*script), LEAVE, **settings))


def whole(root: Path) -> FakeOpening:
    return opening_of(root, "Every employee has 25 days ", "of annual leave. [1]", Usage(7, 9))


async def test_a_completion_has_the_shape_of_openais_and_its_provenance(tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat())
        record = await only_record(service.journal)
    body = response.json()
    assert response.status_code == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "default"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    assert [one["chunk_id"] for one in body["citations"]] == ["chunk1"]
    assert (body["release"], body["collection"], body["abstained"]) == ("r1", "default", False)
    assert body["generator"] == {"kind": "openai", "model": "scripted"}
    assert body["id"] == response.headers["x-ragpress-answer"] == record.id
    assert (record.status, record.text, record.release, record.stream) == ("complete", TEXT, "r1", False)
    assert record.answer is not None
    assert record.answer.answer == TEXT


async def test_a_stream_has_a_role_the_text_the_provenance_the_usage_and_an_end(tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service, client(service) as http:
        body = chat(stream=True, stream_options={"include_usage": True})
        response = await http.post("/v1/chat/completions", json=body)
        record = await only_record(service.journal)
    told = events(response.text)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert text_of(told) == TEXT == record.text
    last, usage, end = told[-3:]
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert last["citations"][0]["source"] == "docs/1.md"
    assert (last["release"], last["abstained"], last["warnings"]) == ("r1", False, [])
    assert (usage["choices"], usage["usage"]["total_tokens"], end) == ([], 16, "[DONE]")
    assert all(chunk["usage"] is None for chunk in told[:-2])
    assert {chunk["id"] for chunk in told[:-1]} == {record.id}
    assert record.stream


async def test_what_was_not_counted_is_no_zero(tmp_path: Path) -> None:
    async with serving(opening_of(tmp_path, TEXT)) as service, client(service) as http:
        plain = await http.post("/v1/chat/completions", json=chat())
        body = chat(stream=True, stream_options={"include_usage": True})
        streamed = await http.post("/v1/chat/completions", json=body)
    assert plain.json()["usage"] is None
    assert [chunk["usage"] for chunk in events(streamed.text)[:-1]] == [None] * (len(events(streamed.text)) - 1)


async def test_an_answer_that_was_cut_says_so(tmp_path: Path) -> None:
    async with serving(opening_of(tmp_path, TEXT, Finish("length"))) as service, client(service) as http:
        plain = await http.post("/v1/chat/completions", json=chat())
        streamed = await http.post("/v1/chat/completions", json=chat(stream=True))
    assert plain.json()["choices"][0]["finish_reason"] == "length"
    assert events(streamed.text)[-2]["choices"][0]["finish_reason"] == "length"


async def test_weak_evidence_is_answered_with_an_abstention(tmp_path: Path) -> None:
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(Scripted("x"), LEAVE, evidence=0.0))
    async with serving(opening) as service, client(service) as http:
        body = (await http.post("/v1/chat/completions", json=chat())).json()
    assert body["abstained"] is True
    assert body["citations"] == []
    assert body["generator"] == {"kind": "none", "model": ""}


ERRORS = [
    (GeneratorUnavailableError("http://10.0.0.7:8000 is down", 3.0), 503, "server_error", "generator_unavailable"),
    (GeneratorBusyError("http://10.0.0.7:8000 is busy", 2.0), 429, "rate_limit_error", "generator_busy"),
    (GeneratorTimeoutError("http://10.0.0.7:8000 is slow"), 504, "server_error", "generator_timeout"),
    (GeneratorProtocolError("http://10.0.0.7:8000 babbles"), 502, "server_error", "generator_protocol"),
    (GeneratorRefusedError("http://10.0.0.7:8000 says no"), 502, "server_error", "generator_refused"),
    (ModelError("/srv/models/e5 is damaged"), 500, "server_error", "internal_error"),
    (ZeroDivisionError("/srv/secret.py"), 500, "server_error", "internal_error"),
]


RETRIED = {"generator_unavailable", "generator_busy", "generator_timeout", "generator_protocol"}


@pytest.mark.parametrize(("error", "status", "kind", "code"), ERRORS)
async def test_a_failure_before_the_first_byte_is_a_status_and_an_openai_error(
    error: Exception, status: int, kind: str, code: str, tmp_path: Path
) -> None:
    for stream in (False, True):
        root = tmp_path / str(stream)
        root.mkdir()
        async with serving(opening_of(root, error)) as service, client(service) as http:
            response = await http.post("/v1/chat/completions", json=chat(stream=stream))
            record = await only_record(service.journal)
        told = response.json()["error"]
        assert (response.status_code, told["type"], told["code"]) == (status, kind, code)
        assert "10.0.0.7" not in response.text
        assert "/srv" not in response.text
        assert (record.status, record.text, record.answer) == ("failed", "", None)
        assert record.error is not None
        assert record.error.kind == type(error).__name__
        assert record.error.message == str(error)
        assert ("retry-after" in response.headers) == (code in RETRIED)


@pytest.mark.parametrize(("error", "status", "kind", "code"), ERRORS)
async def test_a_failure_after_the_first_byte_is_an_event_and_no_end_mark(
    error: Exception, status: int, kind: str, code: str, tmp_path: Path
) -> None:
    script = ("Every employee has 25 days of annual leave. [1] And ", error)
    async with serving(opening_of(tmp_path, *script)) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat(stream=True))
        record = await only_record(service.journal)
    told = events(response.text)
    assert response.status_code == 200
    assert (told[-1]["error"]["type"], told[-1]["error"]["code"]) == (kind, code)
    assert "[DONE]" not in told
    assert "10.0.0.7" not in response.text
    assert (record.status, record.text) == ("failed", text_of(told))
    assert record.text.startswith("Every employee")


class FullDisk(AnswerJournal):
    """A journal whose disk is full."""

    def __init__(self) -> None:
        self.tried: list[AnswerRecord] = []

    async def record(self, record: Any) -> None:
        self.tried.append(record)
        raise StorageError("/srv/journal: no space left on device")


async def test_an_answer_that_the_journal_refuses_is_never_passed_off_as_whole(tmp_path: Path) -> None:
    async with serving(whole(tmp_path), journal=FullDisk()) as service, client(service) as http:
        plain = await http.post("/v1/chat/completions", json=chat())
        streamed = await http.post("/v1/chat/completions", json=chat(stream=True))
    assert (plain.status_code, plain.json()["error"]["code"]) == (503, "journal_unavailable")
    assert "/srv" not in plain.text
    told = events(streamed.text)
    assert told[-1]["error"]["code"] == "journal_unavailable"
    assert all("citations" not in chunk for chunk in told)
    assert "[DONE]" not in streamed.text


async def test_a_failure_stays_that_failure_where_the_journal_fails_too(tmp_path: Path) -> None:
    opening = opening_of(tmp_path, GeneratorTimeoutError("slow"))
    async with serving(opening, journal=FullDisk()) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat())
    assert response.status_code == 504


class SlowJournal(AnswerJournal):
    """A journal that keeps nothing before it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.free = asyncio.Event()

    async def record(self, record: Any) -> None:
        self.asked.set()
        await self.free.wait()


async def test_the_last_chunk_waits_for_the_journal(tmp_path: Path) -> None:
    journal = SlowJournal()
    async with serving(whole(tmp_path), journal=journal) as service:
        call = Call(application(service), chat(stream=True))
        await journal.asked.wait()
        assert await call.until("leave") != ""
        sent = asyncio.create_task(call.until("[DONE]"))
        await asyncio.sleep(0)
        assert not call.task.done()
        journal.free.set()
        assert '"finish_reason":"stop"' in await sent
        await call.task


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_stops_the_generator_and_the_journal_says_so(stream: bool, tmp_path: Path) -> None:
    generator, limits = Scripted("Every employee has 25 days of annual leave. [1] And ", None), Allowances()
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(generator, LEAVE))
    async with serving(opening, limits=limits) as service:
        call = Call(application(service), chat(stream=stream))
        if stream:
            await call.until("annual leave")
        while not generator.requests:
            await asyncio.sleep(0)
        await call.leave()
        assert generator.closed == 1
        record = await only_record(service.journal)
        assert (service.turns.running, record.status, record.answer) == (0, "cancelled", None)
    assert record.text.startswith("Every employee" if stream else "")
    if stream:
        assert limits.spent[0] > ContextSettings().tokens


async def test_a_connection_that_breaks_while_text_is_sent_is_a_caller_who_left(tmp_path: Path) -> None:
    wish = Wish(model="default", collection="default", release=None, text=QUESTION, stream=True)

    async def send(message: Any) -> None:
        if b"annual" in message.get("body", b""):
            raise BrokenPipeError

    async with serving(whole(tmp_path)) as service:
        response = completion_response.CompletionResponse(service, LOCAL, wish)
        await response({"type": "http"}, asyncio.Queue[Any]().get, send)
        record = await only_record(service.journal)
    assert (record.status, record.error) == ("cancelled", None)


async def test_a_service_that_stops_tells_the_journal_that_the_answer_failed(tmp_path: Path) -> None:
    generator = Scripted(TEXT, None)
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(generator, LEAVE))
    async with serving(opening) as service:
        call = Call(application(service), chat(stream=True))
        await call.until("annual leave")
        call.task.cancel(closing.MESSAGE)
        await asyncio.gather(call.task, return_exceptions=True)
        record = await only_record(service.journal)
    assert (record.status, generator.closed) == ("failed", 1)


async def test_an_answer_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    serve = ServeSettings(answer_seconds=0.05)
    async with serving(opening_of(tmp_path, TEXT + " And", None), serve) as service, client(service) as http:
        plain = await http.post("/v1/chat/completions", json=chat())
        streamed = await http.post("/v1/chat/completions", json=chat(stream=True))
    assert (plain.status_code, plain.json()["error"]["code"]) == (504, "generator_timeout")
    assert events(streamed.text)[-1]["error"]["code"] == "generator_timeout"


async def test_a_quiet_stream_is_kept_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion_response, "KEEP_ALIVE_SECONDS", 0.01)
    async with serving(opening_of(tmp_path, None)) as service:
        call = Call(application(service), chat(stream=True))
        body = await call.until(": keep-alive")
        assert events(body)[0]["choices"][0]["delta"]["role"] == "assistant"
        await call.leave()


async def test_more_than_the_service_takes_is_turned_away(tmp_path: Path) -> None:
    serve = ServeSettings(concurrency=1, queue=1)
    async with serving(opening_of(tmp_path, TEXT + " And", None), serve) as service:
        app = application(service)
        held = Call(app, chat(stream=True))
        await held.until("annual leave")
        waiting = Call(app, chat(stream=True))
        while not service.turns.waiting:
            await asyncio.sleep(0)
        async with client(service) as http:
            refused = await http.post("/v1/chat/completions", json=chat(stream=True))
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "service_full"
        assert int(refused.headers["retry-after"]) >= 1
        await waiting.leave()
        assert service.turns.waiting == 0
        await held.leave()


async def test_a_key_that_used_up_its_minute_is_turned_away_and_tokens_are_counted(tmp_path: Path) -> None:
    limits = Allowances(1)
    async with serving(whole(tmp_path), limits=limits) as service, client(service) as http:
        first = await http.post("/v1/chat/completions", json=chat())
        second = await http.post("/v1/chat/completions", json=chat())
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.json()["error"]["code"] == "rate_limit_exceeded"
    assert second.headers["retry-after"] == "8"
    assert limits.spent == [16]


async def test_tokens_that_nobody_counted_are_estimated(tmp_path: Path) -> None:
    limits = Allowances()
    async with serving(opening_of(tmp_path, TEXT), limits=limits) as service, client(service) as http:
        await http.post("/v1/chat/completions", json=chat())
    assert len(limits.spent) == 1
    assert limits.spent[0] > 20


async def test_the_caller_decides_what_is_read_and_is_kept_in_the_record(tmp_path: Path) -> None:
    principal = Principal(groups=frozenset({"hr"}))
    keys = Keys(anna=Caller(key="k1", owner="anna", roles=frozenset({Role.ASK}), principal=principal))
    source = Passages(LEAVE)
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(Scripted(TEXT), source=source))
    async with serving(opening, keys=keys) as service, client(service) as http:
        body = chat(filter={"languages": "en"}, k=3)
        refused = await http.post("/v1/chat/completions", json=body)
        await http.post("/v1/chat/completions", json=body, headers={"Authorization": "Bearer anna"})
        record = await only_record(service.journal)
    assert refused.status_code == 401
    ((_, asked_by, where, k),) = source.asked
    assert asked_by == principal
    assert where is not None
    assert (where.languages, k) == (("en",), 3)
    assert (record.key, record.groups, record.where, record.k) == ("k1", ("hr",), where, 3)


async def test_what_cannot_be_opened_is_an_error_without_its_path(tmp_path: Path) -> None:
    opening = FakeOpening(workspace_of(tmp_path), r1=IntegrityError("/srv/data/objects/ab is damaged"))
    async with serving(opening) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat())
        record = await only_record(service.journal)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "storage_unavailable")
    assert "/srv" not in response.text
    assert (record.status, record.release) == ("failed", "")


@pytest.mark.parametrize("model", ["other", "default@zz", "default@r", "de fault", "default@", "", "../etc", "x" * 202])
async def test_models_that_do_not_exist(model: str, tmp_path: Path) -> None:
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(Scripted(TEXT), LEAVE), r2=answerer(Scripted(TEXT)))
    async with serving(opening) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat(model=model))
    told = response.json()["error"]
    assert response.status_code == (400 if len(model) > 200 else 404)
    assert told["param"] == "model"
    assert told["code"] == ("invalid_value" if len(model) > 200 else "model_not_found")


async def test_the_warning_of_a_failed_reranker_names_no_server(tmp_path: Path) -> None:
    notes = ("Not reranked, the fused order stands: http://10.0.0.9:8001 cannot be reached",)
    generator = Scripted(TEXT)
    opening = FakeOpening(workspace_of(tmp_path), r1=answerer(generator, source=Passages(LEAVE, notes=notes)))
    async with serving(opening) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat())
        record = await only_record(service.journal)
    assert response.json()["warnings"] == ["Not reranked, the fused order stands."]
    assert record.answer is not None
    assert record.answer.warnings == notes


async def test_a_generator_that_names_itself_is_named(tmp_path: Path) -> None:
    opening = opening_of(tmp_path, GeneratorName("extractive", "quotes"), TEXT)
    async with serving(opening) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat())
    assert response.json()["generator"] == {"kind": "extractive", "model": "quotes"}


async def test_any_text_is_valid_json_in_a_stream(tmp_path: Path) -> None:
    odd = 'Leave: "25\u2028 \\ days" \n\tнет 假期 😀 [1]'
    async with serving(opening_of(tmp_path, odd)) as service, client(service) as http:
        response = await http.post("/v1/chat/completions", json=chat(stream=True))
        record = await only_record(service.journal)
    assert text_of(events(response.text)) == record.text
    assert json.dumps(record.text)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses", "/v2"])
async def test_an_endpoint_that_is_not_there_is_named(path: str, tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service, client(service) as http:
        response = await http.post(path, json={})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_url")
    assert f"There is no POST {path}." in response.json()["error"]["message"]


async def test_a_method_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service, client(service) as http:
        response = await http.get("/v1/chat/completions")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "does not take GET: expected POST" in response.json()["error"]["message"]


async def test_a_body_that_is_no_json_is_told_where_it_breaks(tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service, client(service) as http:
        head = {"Content-Type": "application/json"}
        response = await http.post("/v1/chat/completions", content=b'{"model": ]', headers=head)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("The body is no JSON: ")
    assert response.json()["error"]["param"] is None


async def test_a_worker_that_was_told_to_stop_is_not_ready_and_takes_no_questions(tmp_path: Path) -> None:
    async with serving(whole(tmp_path)) as service:
        app = application(service)
        app.state.closing.stop()
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as http:
            ready, alive = await http.get("/readyz"), await http.get("/healthz")
            asked = await http.post("/v1/chat/completions", json=chat())
    assert (ready.status_code, ready.json()["checks"][0]["reason"]) == (503, "stopping")
    assert alive.status_code == 200
    assert (asked.status_code, asked.json()["error"]["code"]) == (503, "shutting_down")
    assert asked.headers["retry-after"] == "1"
