"""The wire format of a streamed chat completion: server-sent events that carry JSON chunks, then ``[DONE]``.

Pure: bytes go in, text comes out, and whatever is not the protocol raises. The official client's own decoder is not
used: it bounds neither a line nor an event, and builds a pydantic model for every token.

Sources: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation and
https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

import msgspec

from ragpress.errors import GeneratorError, GeneratorProtocolError
from serving.generate.faults import STATUS_OF_BROKEN_STREAM, excerpt, refusal
from serving.types import FinishReason, Usage

LARGEST_EVENT = 1 << 18
"""Bytes of one event; a token takes some hundreds."""

_DONE = b"[DONE]"


class EventDecoder:
    """Cuts a stream of bytes into the data of its events, however the network cut it into blocks.

    Args:
        limit: the most bytes of one event.
    """

    def __init__(self, limit: int = LARGEST_EVENT) -> None:
        self._limit = limit
        self._line = b""
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """The events that a block completes.

        Raises:
            GeneratorProtocolError: an event is larger than the limit.
        """
        lines = (self._line + block).split(b"\n")
        self._line = lines.pop()
        events = [event for line in lines if (event := self._take(line.removesuffix(b"\r"))) is not None]
        self._check_size()
        return events

    def finish(self) -> list[bytes]:
        """What the end of the stream completes: servers may leave out the blank line after the last event."""
        self._take(self._line)
        self._line = b""
        event = self._take(b"")
        return [] if event is None else [event]

    def _take(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            event = b"\n".join(self._data)
            self._data.clear()
            return event
        return None

    def _check_size(self) -> None:
        size = len(self._line) + sum(map(len, self._data))
        if size > self._limit:
            raise GeneratorProtocolError(
                f"The server sent an event of more than {self._limit} bytes. Expected one token, found {size} bytes "
                "without an end. See whether base_url names a chat completion server, and what its log says."
            )


_CUTS: dict[str, FinishReason] = {"length": "length", "content_filter": "content_filter"}


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Fault(msgspec.Struct):
    message: str | None = None
    code: int | str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Fault | str | None = None


class Completion:
    """Reads the events of one completion and knows when it is whole.

    Attributes:
        alive: whether anything that a model wrote has come, thoughts that are not shown included.
        done: whether the end mark came.
        usage: tokens as the server counts them.
        cut: why the text is not whole, once the end came: ``length`` or ``content_filter``; None where it is.

    Args:
        characters: the most characters of the whole text.
        secret: taken out of the server's messages.
    """

    def __init__(self, characters: int, secret: str = "") -> None:
        self.alive = False
        self.done = False
        self.usage = Usage()
        self._limit = self._left = characters
        self._finish: str | None = None
        self._secret = secret
        self._decode = msgspec.json.Decoder(_Chunk).decode

    def read(self, event: bytes) -> str:
        """The text that an event adds, which may be "".

        Raises:
            GeneratorProtocolError: it is not a chunk of a completion, or the text has grown past its limit.
            GeneratorError: the server reports a fault in the middle of the stream.
        """
        if event == _DONE:
            self.done = True
            return ""
        try:
            chunk = self._decode(event)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GeneratorProtocolError(
                f"The server's stream cannot be read: {error}. Expected a JSON chunk of a chat completion in UTF-8, "
                f"found {excerpt(event, self._secret)!r}."
            ) from error
        if chunk.error is not None:
            raise self._fault(chunk.error)
        if chunk.usage is not None:
            self.usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        return self._text(chunk.choices[0]) if chunk.choices else ""

    @property
    def cut(self) -> FinishReason | None:
        """See the class."""
        return _CUTS.get(self._finish or "")

    def check_whole(self) -> None:
        """See that the answer came to its end.

        Raises:
            GeneratorProtocolError: the stream ended before it.
            GeneratorRefusedError: the server's content filter let nothing of it through.
        """
        if not self.done:
            raise broken_off("it ended without [DONE]")
        if self._finish is None:
            raise broken_off("no chunk has a finish_reason")
        if self._finish == "content_filter" and self._left == self._limit:
            raise refusal(400, {}, b"The server's content filter let nothing of the answer through.", self._secret)

    def _text(self, choice: _Choice) -> str:
        delta = choice.delta
        self._finish = choice.finish_reason or self._finish
        text = delta.content or ""
        self.alive = self.alive or bool(text or delta.reasoning or delta.reasoning_content)
        self._left -= len(text)
        if self._left < 0:
            raise GeneratorProtocolError(
                "The server's answer has more characters than max_tokens allows, and goes on. It was broken off; see "
                "whether the server obeys max_tokens."
            )
        return text

    def _fault(self, fault: _Fault | str) -> GeneratorError:
        reported = fault if isinstance(fault, _Fault) else _Fault(message=fault)
        status = reported.code if isinstance(reported.code, int) else STATUS_OF_BROKEN_STREAM
        message = (reported.message or "it names no reason").encode("utf-8", errors="replace")
        return refusal(status, {}, message, self._secret)


def broken_off(how: str) -> GeneratorProtocolError:
    """The error of a stream that ended before its end. It may succeed when tried again."""
    return GeneratorProtocolError(
        f"The server broke the answer off: {how}. Ask again; if it stays so, see the server's log.", retry_after=0.0
    )
