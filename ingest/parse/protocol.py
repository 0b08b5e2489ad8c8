"""What the pool and its worker processes say to one another: length-prefixed MessagePack over pipes."""

from __future__ import annotations

import struct

import msgspec

from ragpress.errors import (
    EncryptedError,
    ParseError,
    ParserDiedError,
    TimeLimitError,
    TooLargeError,
)
from ragpress.settings import ParseSettings
from ragpress.types import ParsedDocument

LENGTH = struct.Struct("<I")
MOST_REPLY_BYTES = 1 << 30

ERRORS: dict[str, type[ParseError]] = {
    kind.__name__: kind for kind in (ParseError, EncryptedError, TooLargeError, TimeLimitError, ParserDiedError)
}


class Start(msgspec.Struct, frozen=True, array_like=True):
    """The first frame to a worker.

    Attributes:
        settings: how to parse.
        seconds: the most one document may take; the kernel then ends the worker.
        memory_mb: its address space, MiB.
        parent: process id of the pool; 0 when the worker must not tie its life to the starting thread.
    """

    settings: ParseSettings
    seconds: float
    memory_mb: int
    parent: int


class Request(msgspec.Struct, frozen=True, array_like=True):
    """Parse one file.

    Attributes:
        path: where it is, as the file system spells it: not every name is UTF-8.
        name: its source name, for its type and for messages.
        parser: another parser than that of its type; "" for none.
    """

    path: bytes
    name: str
    parser: str = ""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """One frame from a worker.

    Attributes:
        sha256: hexadecimal digest of the bytes read; "" when they could not be read.
        size: how many bytes.
        document: what was parsed; None for an error or while parsing goes on.
        error: the error's class name; "" when there is none.
        message: the error's message.
        going_on: the bytes were read and are being parsed; another frame follows.
        last: the worker has grown and ends after this frame.
    """

    sha256: str
    size: int
    document: ParsedDocument | None = None
    error: str = ""
    message: str = ""
    going_on: bool = False
    last: bool = False


def frame(body: bytes) -> bytes:
    """A message with its length in front."""
    return LENGTH.pack(len(body)) + body
