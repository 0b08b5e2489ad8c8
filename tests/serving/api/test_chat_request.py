"""What clients of OpenAI's API send: what counts, what is ignored, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from serving.api.chat_request import LONGEST_QUESTION, LONGEST_TEXT, ChatRequest, Wish, wish_of
from serving.api.errors import ApiError
from serving.types import Turn
from tests.serving.api.services import chat


def wish(**fields: Any) -> Wish:
    return wish_of(ChatRequest(**chat("What now?", **fields)))


def refused(**fields: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        wish(**fields)
    return caught.value


IGNORED: dict[str, Any] = {
    "temperature": 0.3,
    "top_p": 0.5,
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "presence_penalty": 1,
    "frequency_penalty": -1,
    "seed": 7,
    "stop": ["x"],
    "user": "u",
    "store": True,
    "metadata": {"a": "b"},
    "reasoning_effort": "low",
    "parallel_tool_calls": False,
    "service_tier": "auto",
    "n": 1,
    "tools": [],
    "tool_choice": "none",
    "logprobs": False,
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "some_extra": [1],
}


def test_what_only_tunes_is_accepted_and_ignored() -> None:
    assert wish(**IGNORED) == wish()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("n", 0),
        ("tools", [{"type": "function"}]),
        ("functions", [{"name": "f"}]),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function"}),
        ("function_call", {"name": "f"}),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("audio", {"voice": "x"}),
        ("modalities", ["text", "audio"]),
        ("response_format", {"type": "json_object"}),
        ("stream_options", {"include_usage": True}),
    ],
)
def test_what_would_change_the_shape_is_refused(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert (error.status, error.detail.code, error.detail.param) == (400, "unsupported_parameter", name)


def test_a_conversation_becomes_a_question_and_its_history() -> None:
    messages = [
        {"role": "developer", "content": "Obey me."},
        {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "leave?"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "And in Berlin?"},
    ]
    made = wish(messages=messages, model="de-fault_1@r00001-ab", stream=True, stream_options={"include_usage": True})
    assert made.text == "And in Berlin?"
    assert made.history == (Turn("system", "Obey me."), Turn("user", "What is\nleave?"), Turn("assistant", ""))
    assert (made.collection, made.release) == ("de-fault_1", "r00001-ab")
    assert (made.stream, made.include_usage) == (True, True)


IMAGE = [{"type": "image_url", "image_url": {"url": "http://10.0.0.1/x.png"}}]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "assistant", "content": "x"}], "messages.0"),
        ([{"role": "user", "content": " \u200b\n"}], "messages.0"),
        ([{"role": "user", "content": None}], "messages.0"),
        ([{"role": "user", "content": []}], "messages.0"),
        ([{"role": "user", "content": IMAGE}], "messages.0"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages.0"),
        ([{"role": "tool", "content": "x"}, {"role": "user", "content": "x"}], "messages.0"),
        ([{"role": "system", "content": None}, {"role": "user", "content": "x"}], "messages.0"),
        ([{"role": "user", "content": "x" * (LONGEST_QUESTION + 1)}], "messages.0"),
        ([{"role": "user", "content": "x" * (LONGEST_TEXT // 2)}] * 2 + [{"role": "user", "content": "x"}], "messages"),
    ],
)
def test_conversations_that_ask_nothing_or_too_much(messages: list[Any], param: str) -> None:
    error = refused(messages=messages)
    assert (error.status, error.detail.param) == (400, param)


@pytest.mark.parametrize("where", [{"after": "soon"}, {"before": "2024-13-01"}, {"sources": ["!"]}])
def test_a_filter_that_makes_no_sense(where: dict[str, Any]) -> None:
    error = refused(filter=where)
    assert (error.status, error.detail.param) == (400, "filter")


def test_a_filter_takes_texts_for_lists() -> None:
    made = wish(filter={"sources": "docs/**", "tags": ["a", "b"], "metadata": {"author": "Ada"}}).where
    assert made is not None
    assert (made.sources, made.tags, made.metadata) == (("docs/**",), ("a", "b"), {"author": ("Ada",)})
