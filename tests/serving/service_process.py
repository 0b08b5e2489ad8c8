"""``ragpress serve`` in a process of its own, for tests of the whole service."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

READY_SECONDS = 120.0
"""So long may a service take to start on a busy machine."""

STOP_SECONDS = 20.0
"""So long may one take to end at once."""


class ServiceProcess:
    """A running service; use it as a context manager. It listens on a free port of 127.0.0.1.

    Args:
        root: a workspace (``tests.workspace.Workspace`` makes one).
        options: further options of ``ragpress serve``, such as ``"--workers", "2"``.
        settings: text that is put behind its ragpress.toml, such as ``"[serve]\\ngrace_seconds = 2\\n"``.
        environment: variables beside those of this process.

    Attributes:
        ready: the JSON object that the service printed.
        base_url: its address without a slash at the end.
        pid: the process to stop.
    """

    def __init__(
        self, root: Path, *options: str, settings: str = "", environment: Mapping[str, str] | None = None
    ) -> None:
        self.root = root
        self.ready: dict[str, Any] = {}
        self._options = options
        self._environment = environment or {}
        self._log = root / "serve.log"
        if settings:
            with (root / "ragpress.toml").open("a", encoding="utf-8") as file:
                file.write(f"\n{settings}")

    @property
    def base_url(self) -> str:
        return str(self.ready["url"])

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it and its workers have said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def worker_pids(self) -> list[int]:
        """The worker processes that run now."""
        return children(self.pid)

    def __enter__(self) -> ServiceProcess:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command(self.root, "--port", "0", "--json", *self._options),
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environment},
                text=True,
            )
        try:
            self.ready = json.loads(self._first_line())
            assert "error" not in self.ready, self.ready
        except BaseException:
            self.__exit__(None, None, None)
            print(self.log, file=sys.stderr)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            workers = self.worker_pids
            # Two signals: it kills its workers at once, and still removes what it has made.
            self.send(signal.SIGTERM)
            self.send(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            for pid in workers:
                _kill(pid)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process that starts the workers."""
        self._process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """Wait until it has ended.

        Returns:
            Its exit code.
        """
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Stop it as an operator does.

        Returns:
            Its exit code.
        """
        self.send(signal.SIGTERM)
        return self.wait()

    def _first_line(self) -> str:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], READY_SECONDS)
        assert readable, f"The service was not ready within {READY_SECONDS:.0f} s."
        return self._process.stdout.readline()


def command(root: Path, *options: str) -> list[str]:
    """The command line of a service."""
    return [sys.executable, "-m", "ragpress.cli", "--workspace", str(root), "serve", *options]


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run now."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended while the list was read
        if int(parent) == pid and state != "Z":
            found.append(int(status.parent.name))
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
