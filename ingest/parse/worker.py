"""The worker process: ``python -m ingest.parse.worker``, started by the pool and never by hand.

It reads requests from standard input and answers on standard output. Each file is opened without following
links, must be a regular file, is read once, and its digest goes back with the result.
"""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import stat
import sys

import msgspec

from ingest.parse.protocol import LENGTH, Reply, Request, Start, frame
from ingest.parse.registry import parse_bytes
from ingest.parse.sandbox import confine
from ragpress.errors import ParseError, TooLargeError
from ragpress.settings import ParseSettings

QUICK_BYTES = 100_000
RECYCLE_SHARE = 0.4


def main() -> int:
    """Answer requests until standard input ends."""
    requests, replies = _private_pipes()
    body = _read_frame(requests)
    if body is None:
        return 0
    start = msgspec.msgpack.decode(body, type=Start)
    confine(start.memory_mb, start.parent)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    worker = _Worker(start, replies)
    decoder = msgspec.msgpack.Decoder(Request)
    while (body := _read_frame(requests)) is not None:
        if not worker.answer(decoder.decode(body)):
            break
    return 0


def _private_pipes() -> tuple[int, int]:
    """Move the pipes out of the way of libraries that print."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    return requests, replies


def _read_frame(descriptor: int) -> bytes | None:
    head = _read_exactly(descriptor, LENGTH.size)
    return _read_exactly(descriptor, LENGTH.unpack(head)[0]) if head is not None else None


def _read_exactly(descriptor: int, size: int) -> bytes | None:
    data = os.read(descriptor, size)
    while data and len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            return None
        data += more
    return data or None


class _Worker:
    """Parses one file after another under the time limit.

    Args:
        start: limits and settings.
        replies: descriptor that the answers go to.
    """

    def __init__(self, start: Start, replies: int) -> None:
        self._settings: ParseSettings = start.settings
        self._seconds = start.seconds
        self._most_bytes = start.memory_mb * (1 << 20) // 4
        self._recycle_bytes = int(start.memory_mb * (1 << 20) * RECYCLE_SHARE)
        self._memory = _open_memory()
        self._replies = replies
        self._encoder = msgspec.msgpack.Encoder()

    def answer(self, request: Request) -> bool:
        """Parse one file and send the result; False when this process has grown and should end."""
        # SIGALRM keeps its default action: the kernel ends the process even while a C library hangs
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        reply = self._parse(request)
        body = self._encode(reply)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._send(body)
        return not reply.last

    def _parse(self, request: Request) -> Reply:
        sha256, size = "", 0
        path = os.fsdecode(request.path)
        try:
            data = read_regular(path, self._most_bytes)
            sha256, size = hashlib.sha256(data).hexdigest(), len(data)
            if size > QUICK_BYTES or b"\0" in data[:1024]:
                self._send(self._encoder.encode(Reply(sha256, size, going_on=True)))
            document = parse_bytes(data, request.name, self._settings, path, request.parser)
        except ParseError as error:
            return Reply(sha256, size, None, type(error).__name__, str(error), last=self._grown())
        except MemoryError:
            return Reply(
                sha256, size, None, "TooLargeError", "The document needs too much memory. Split it.", last=True
            )
        return Reply(sha256, size, document, last=self._grown())

    def _grown(self) -> bool:
        """Whether address space that earlier documents left behind could make a later one fail.

        The peak that ``getrusage`` tells is no use: a process inherits it from the one that started it.
        """
        if self._memory < 0:
            return False
        pages = int(os.pread(self._memory, 32, 0).split(maxsplit=1)[0])
        return pages * resource.getpagesize() > self._recycle_bytes

    def _encode(self, reply: Reply) -> bytes:
        try:
            return self._encoder.encode(reply)
        except (MemoryError, OverflowError, ValueError) as error:
            message = f"What was read from the document is too large to hand over ({type(error).__name__}). Split it."
            return self._encoder.encode(Reply(reply.sha256, reply.size, None, "TooLargeError", message, last=True))

    def _send(self, body: bytes) -> None:
        view = memoryview(frame(body))
        while view:
            view = view[os.write(self._replies, view) :]


def _open_memory() -> int:
    """Descriptor of this process's memory figures; -1 where the system has none."""
    try:
        return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def read_regular(path: str, most: int) -> bytes:
    """Read a regular file once; links, pipes, devices and folders are refused, and opening never blocks.

    Raises:
        ParseError: it is not a regular file, or cannot be read.
        TooLargeError: it has more than ``most`` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ParseError(_open_problem(error)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ParseError("It is not a regular file but a folder, pipe, socket or device. Exclude it.")
        if status.st_size > most:
            raise TooLargeError(f"The file has {status.st_size:,} bytes; a parser may hold {most:,}. Split it.")
        with os.fdopen(os.dup(descriptor), "rb", buffering=0) as file:
            data = file.read(most + 1)
        while data and len(data) <= most and (more := os.read(descriptor, 1 << 20)):
            data += more
    except OSError as error:
        raise ParseError(f"The file cannot be read ({error.strerror}).") from error
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise TooLargeError(f"The file has more than {most:,} bytes. Split it.")
    return data


def _open_problem(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "It is a symbolic link, and links are not followed. Put the file itself into the folder."
    if error.errno == errno.ENOENT:
        return "The file has gone since the folder was scanned. Run the ingestion again."
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return "It is not a regular file but a pipe, socket or device. Exclude it."
    return f"The file cannot be opened ({error.strerror}). Check its permissions."


if __name__ == "__main__":
    sys.exit(main())
