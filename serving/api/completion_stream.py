"""The events of a streamed completion: OpenAI's chunks as server-sent events.

Every token is one event, so only the text of a chunk is encoded anew; the rest of it is made once for each answer.
"""

from __future__ import annotations

import msgspec

from serving.api.completion import completion_of, provenance_of, usage_of
from serving.api.errors import ApiError
from serving.types import Answer

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"

_encode = msgspec.json.Encoder().encode


class ChunkEncoder:
    """Encodes the chunks of one answer.

    Args:
        answer_id: the answer's id.
        created: Unix time of the question.
        model: as the caller named it.
        include_usage: whether the last chunk before the end carries the usage.
    """

    def __init__(self, answer_id: str, created: int, model: str, include_usage: bool) -> None:
        head = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = _encode(head)[:-1]
        # A client that asked for the usage finds the field in every chunk, null until the last.
        self._usage = b',"usage":null' if include_usage else b""
        self._include_usage = include_usage
        self._before = b'data: %s,"choices":[{"index":0,"delta":{"content":' % self._head
        self._after = b'},"logprobs":null,"finish_reason":null}]%s}\n\n' % self._usage

    def first(self) -> bytes:
        """The chunk that tells who speaks."""
        delta = b'{"role":"assistant","content":"","refusal":null}'
        choice = b'{"index":0,"delta":%s,"logprobs":null,"finish_reason":null}' % delta
        return b'data: %s,"choices":[%s]%s}\n\n' % (self._head, choice, self._usage)

    def text(self, text: str) -> bytes:
        """A piece of the text."""
        return self._before + _encode(text) + self._after

    def last(self, answer: Answer, collection: str) -> bytes:
        """The last chunks and the end mark: why it ends, citations and all that made it, the usage if asked for."""
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish}
        rest = provenance_of(answer, collection).model_dump_json().encode()[1:-1]
        last = b'data: %s,"choices":[%s],"system_fingerprint":%s,%s%s}\n\n' % (
            self._head,
            _encode(choice),
            _encode(answer.release),
            rest,
            self._usage,
        )
        return last + self._usage_chunk(answer) + DONE

    def _usage_chunk(self, answer: Answer) -> bytes:
        usage = usage_of(answer.usage)
        if not self._include_usage or usage is None:
            return b""
        return b'data: %s,"choices":[],"usage":%s}\n\n' % (self._head, usage.model_dump_json().encode())


def error_event(error: ApiError) -> bytes:
    """An error after the answer has begun: clients raise it, and the stream ends without its end mark."""
    return b"data: %s\n\n" % error.body().model_dump_json().encode()


def whole_body(answer: Answer, collection: str, model: str, created: int) -> bytes:
    """The body of an answer that is not streamed."""
    return completion_of(answer, collection, model, created).model_dump_json().encode()
