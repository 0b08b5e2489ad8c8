"""One worker process as the pool sees it: starting, sending, receiving, ending."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from ingest.parse.protocol import LENGTH, MOST_REPLY_BYTES, Reply, Request, Start, frame
from ragpress.settings import ParseSettings, WorkerSettings

_NUMBERS = itertools.count(1)
_READ_BYTES = 1 << 18
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Reply)


class WorkerProcess:
    """A running worker.

    Args:
        settings: how it parses.
        limits: its time and memory.

    Attributes:
        number: distinct for every worker of this process.
        output: descriptor to wait on for what it says.
        answered: documents it has finished.
    """

    def __init__(self, settings: ParseSettings, limits: WorkerSettings) -> None:
        self.number = next(_NUMBERS)
        self.answered = 0
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest.parse.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("A worker process was started without pipes.")
        self._input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()
        self._buffer = bytearray()
        # the kernel ties the worker to the thread that starts it, which must be one that stays
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        self._write(_ENCODER.encode(Start(settings, limits.seconds, limits.memory_mb, parent)))

    def send(self, request: Request) -> bool:
        """Hand over a request; False when the worker is gone."""
        return self._write(_ENCODER.encode(request))

    def receive(self) -> tuple[list[Reply], bool]:
        """What has arrived, and whether the worker is still there."""
        data = os.read(self.output, _READ_BYTES)
        if not data:
            return [], False
        self._buffer += data
        replies: list[Reply] = []
        while len(self._buffer) >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._buffer)
            if size > MOST_REPLY_BYTES:
                return replies, False
            end = LENGTH.size + size
            if len(self._buffer) < end:
                break
            try:
                replies.append(_DECODER.decode(memoryview(self._buffer)[LENGTH.size : end]))
            except msgspec.MsgspecError:
                # a parser that broke its own process may have written anything
                return replies, False
            self._buffer = self._buffer[end:]
        return replies, True

    def kill(self) -> None:
        """End the worker and everything it started, and reap it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def timed_out(self) -> bool:
        """Whether its own alarm ended it."""
        return self._process.returncode == -signal.SIGALRM

    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        if code is None or code >= 0:
            return f"exit status {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def _write(self, body: bytes) -> bool:
        try:
            view = memoryview(frame(body))
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            return False
        return True


def _environment() -> dict[str, str]:
    """What a worker sees of the environment: where to import from, and one thread for each library."""
    root = str(Path(__file__).resolve().parents[2])
    kept = {key: os.environ[key] for key in ("LD_LIBRARY_PATH", "TMPDIR") if key in os.environ}
    paths = [root, *(path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(path).is_absolute())]
    return {
        **kept,
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "TOKIO_WORKER_THREADS": "1",
    }
