from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragpress.errors import (
    GeneratorBusyError,
    GeneratorProtocolError,
    GeneratorRefusedError,
    GeneratorUnavailableError,
)
from serving.generate.events import Completion, EventDecoder
from serving.types import Usage


def decoded(blocks: list[bytes]) -> list[bytes]:
    decoder = EventDecoder()
    return [event for block in blocks for event in decoder.feed(block)] + decoder.finish()


def chunk(text: str | None = None, finish: str | None = None, **more: object) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}], **more}).encode()


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), min_size=1)), st.data())
def test_events_do_not_depend_on_how_the_network_cuts_them(texts: list[str], data: st.DataObject) -> None:
    events = [text.encode("utf-8", errors="replace") for text in texts]
    stream = b"".join(b"data: %s\r\n\r\n" % event for event in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    blocks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decoded(blocks) == events


def test_comments_names_and_blank_lines_are_no_events() -> None:
    assert decoded([b": keep alive\n\nevent: token\nid: 1\ndata: a\n\n\n\ndata:b\n\n"]) == [b"a", b"b"]


def test_lines_of_one_event_are_joined() -> None:
    assert decoded([b'data: {"a":\ndata: 1}\n\n']) == [b'{"a":\n1}']


def test_the_last_event_needs_no_blank_line() -> None:
    assert decoded([b"data: a\n\ndata: [DONE]"]) == [b"a", b"[DONE]"]


@pytest.mark.parametrize("block", [b"x" * 4096, b"data: " + b"x" * 4096, b"data: xxxxxxxx\n" * 450])
def test_an_event_without_an_end_is_refused_at_its_limit(block: bytes) -> None:
    decoder = EventDecoder(limit=10_000)
    fed = [decoder.feed(block), decoder.feed(block)]
    with pytest.raises(GeneratorProtocolError, match="more than 10000 bytes"):
        fed.append(decoder.feed(block))
    assert fed == [[], []]


def test_text_and_usage_are_read() -> None:
    completion = Completion(100)
    usage = json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
    texts = [completion.read(event) for event in (chunk("Yes", None), chunk(".", "stop"), usage.encode(), b"[DONE]")]
    assert texts == ["Yes", ".", "", ""]
    assert completion.usage == Usage(3, 2)
    assert completion.done
    completion.check_whole()


def test_thoughts_show_life_but_are_not_text() -> None:
    completion = Completion(100)
    assert completion.read(b'{"choices":[{"delta":{"role":"assistant","content":""}}]}') == ""
    assert not completion.alive
    assert completion.read(b'{"choices":[{"delta":{"reasoning_content":"hm"}}]}') == ""
    assert completion.alive


@pytest.mark.parametrize(
    "event",
    [
        b"<html>Gateway</html>",
        b'{"choices": 5}',
        b'{"choices":[{"delta":{"content":7}}]}',
        b'{"choices":[{"delta":{"content":"\xff\xfe"}}]}',
        b'{"choices":[{"delta":{"content":"\\ud800"}}]}',
        b"",
        b"[" * 100_000,
    ],
)
def test_what_is_no_chunk_is_refused(event: bytes) -> None:
    with pytest.raises(GeneratorProtocolError, match="Expected a JSON chunk"):
        Completion(100).read(event)


def test_endless_text_is_broken_off() -> None:
    completion = Completion(10)
    completion.read(chunk("0123456789"))
    with pytest.raises(GeneratorProtocolError, match="max_tokens"):
        completion.read(chunk("!"))


@pytest.mark.parametrize(
    ("events", "missing"), [([chunk("a", "stop")], r"\[DONE\]"), ([chunk("a"), b"[DONE]"], "finish_reason")]
)
def test_an_answer_that_is_not_whole_is_no_answer(events: list[bytes], missing: str) -> None:
    completion = Completion(100)
    for event in events:
        completion.read(event)
    with pytest.raises(GeneratorProtocolError, match=missing):
        completion.check_whole()


@pytest.mark.parametrize(
    ("reason", "cut"), [("stop", None), ("length", "length"), ("content_filter", "content_filter")]
)
def test_an_answer_tells_why_it_was_cut(reason: str, cut: str | None) -> None:
    completion = Completion(100)
    completion.read(chunk("a", reason))
    completion.read(b"[DONE]")
    completion.check_whole()
    assert completion.cut == cut


def test_an_answer_of_which_a_filter_left_nothing_is_refused() -> None:
    completion = Completion(100)
    completion.read(chunk("", "content_filter"))
    completion.read(b"[DONE]")
    with pytest.raises(GeneratorRefusedError, match="content filter"):
        completion.check_whole()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"message": "too long", "code": 400}, GeneratorRefusedError),
        ({"message": "queue is full", "code": 429}, GeneratorBusyError),
        ({"message": "engine died", "code": 500}, GeneratorUnavailableError),
        ({"message": "engine died", "code": "internal"}, GeneratorUnavailableError),
        ("engine died", GeneratorUnavailableError),
        ({}, GeneratorUnavailableError),
    ],
)
def test_faults_in_the_stream_are_errors(fault: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Completion(100).read(json.dumps({"error": fault}).encode())
