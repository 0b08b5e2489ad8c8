"""The chunks of a stream, and what callers are told of warnings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from index.environment import open_release
from ragpress.errors import ModelError
from ragpress.wiring import open_environment
from retrieval.search import Searcher
from serving.api.completion import completion_of, told_warning, usage_of
from serving.api.completion_stream import ChunkEncoder, error_event
from serving.api.errors import ApiError, error_code
from serving.types import Answer, Citation, GeneratorName, Seconds, Usage
from tests.workspace import Workspace

CITATION = Citation(
    index=1,
    chunk_id="c",
    document_id="d",
    source="docs/a.md",
    title="A",
    heading=("A", "B"),
    page=2,
    start=3,
    end=9,
    quote='25 "days"',
    score=0.5,
    copies=("docs/b.md",),
)


def answer(**changes: Any) -> Answer:
    fields: dict[str, Any] = {
        "id": "0" * 32,
        "question": "q",
        "standalone": "q",
        "answer": "25 days. [1]",
        "abstained": False,
        "language": "en",
        "citations": (CITATION,),
        "sentences": (),
        "evidence": 1.0,
        "release": "r1",
        "generator": GeneratorName("openai", "m"),
        "prompt": "default@1",
        "seconds": Seconds(0.1, 0.2, 0.3),
        "usage": Usage(1, 2),
    }
    return Answer(**{**fields, **changes})


def decoded(body: bytes) -> list[Any]:
    data = [line.removeprefix("data: ") for line in body.decode().split("\n\n") if line]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


@pytest.mark.parametrize("include_usage", [False, True])
def test_every_chunk_is_one_of_openais(include_usage: bool) -> None:
    encoder = ChunkEncoder("0" * 32, 7, 'de"fault', include_usage)
    body = encoder.first() + encoder.text('a"\n\u2028é😀') + encoder.last(answer(), "default")
    *chunks, end = decoded(body)
    assert end == "[DONE]"
    parsed = [ChatCompletionChunk.model_validate(chunk, strict=True) for chunk in chunks]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in parsed} == {("0" * 32, 7, 'de"fault')}
    assert parsed[1].choices[0].delta.content == 'a"\n\u2028é😀'
    assert parsed[2].choices[0].finish_reason == "stop"
    assert chunks[2]["citations"][0]["quote"] == '25 "days"'
    assert len(chunks) == (4 if include_usage else 3)
    assert all("usage" in chunk for chunk in chunks) is include_usage


def test_a_whole_body_is_openais() -> None:
    body = completion_of(answer(finish="length"), "default", "default", 7).model_dump(mode="json")
    parsed = ChatCompletion.model_validate(body, strict=True)
    assert parsed.choices[0].finish_reason == "length"
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 3
    assert body["citations"][0]["copies"] == ["docs/b.md"]


@pytest.mark.parametrize("usage", [Usage(), Usage(1), Usage(None, 2)])
def test_half_a_count_is_no_count(usage: Usage) -> None:
    assert usage_of(usage) is None


def test_an_error_is_one_event() -> None:
    (told,) = decoded(error_event(ApiError(503, "a\nb", kind="server_error", code="c")))
    assert told == {"error": {"message": "a\nb", "type": "server_error", "code": "c", "param": None}}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("GeneratorTimeoutError", "generator_timeout"),
        ("ServiceStopping", "shutting_down"),
        ("ModelError", "internal_error"),
        ("ZeroDivisionError", "internal_error"),
    ],
)
def test_the_journals_errors_have_the_codes_that_callers_were_told(kind: str, code: str) -> None:
    assert error_code(kind) == code


class DeadReranker:
    """A reranking server that cannot be reached."""

    name = "dead"

    def rerank(self, query: str, texts: Any) -> list[float]:
        raise ModelError("http://10.0.0.9:8001/v1 cannot be reached")


def test_the_note_of_a_dead_reranker_names_no_server(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"a.md": "# A\n\nTwenty-five days of leave.\n", "b.md": "# B\n\nOther words about leave.\n"})
    workspace.ingest()
    environment = open_environment(tmp_path)
    release = open_release(environment, "default", None)
    searcher = Searcher(release, lambda: environment.embedders.load(release.manifest.embed), reranker=DeadReranker())
    (note,) = searcher.context("leave").notes
    assert "10.0.0.9" in note
    assert told_warning(note) == "Not reranked, the fused order stands."
    assert told_warning("docs/a.md is outdated") == "docs/a.md is outdated"
