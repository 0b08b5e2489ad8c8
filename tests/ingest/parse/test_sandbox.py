"""What a worker gave up: network, files, outliving its parent, the parent's environment."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ingest.parse.process import _environment

pytestmark = pytest.mark.fault

ROOT = Path(__file__).resolve().parents[3]


def _confined(code: str) -> str:
    """Run code in a process that has confined itself, and give what it prints."""
    script = "from ingest.parse.sandbox import confine\nconfine(1024, 0)\n" + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def test_no_connection_leaves_a_worker() -> None:
    out = _confined("import socket\nsocket.create_connection(('127.0.0.1', 9), 1)")
    assert "ParseError" in out


def test_the_kernel_has_no_network_either() -> None:
    out = _confined(
        """
        import ctypes, socket, struct
        libc = ctypes.CDLL(None, use_errno=True)
        number = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
        address = struct.pack("!HH4s8s", socket.htons(socket.AF_INET), 9, bytes([127, 0, 0, 1]), bytes(8))
        print("connected" if libc.connect(number, address, len(address)) == 0 else ctypes.get_errno())
        """
    )
    if os.geteuid() != 0 and "101" not in out:
        pytest.skip("this kernel lets no unprivileged process leave its network")
    assert out.strip() == "101"  # ENETUNREACH: not even the loopback interface is up


def test_no_process_is_started_and_no_large_file_written(tmp_path: Path) -> None:
    assert "ParseError" in _confined("import subprocess\nsubprocess.run(['true'])")
    path = tmp_path / "large"
    assert "File too large" in _confined(f"open({str(path)!r}, 'wb').write(bytes(3 << 20))")
    assert path.stat().st_size <= 1 << 20


def test_memory_is_limited() -> None:
    assert "MemoryError" in _confined("bytes(2 << 30)")


def test_secrets_of_the_environment_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("PYTHONPATH", "relative:/absolute")
    found = _environment()
    assert "canary" not in found.values()
    assert found["PYTHONPATH"].split(os.pathsep)[-1] == "/absolute"
    assert "relative" not in found["PYTHONPATH"].split(os.pathsep)


def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("# A\n", encoding="utf-8")
    code = f"""
        import sys, time
        from ingest.parse.pool import ParserPool
        from ragpress.settings import ParseSettings, WorkerSettings
        pool = ParserPool(ParseSettings(), WorkerSettings(processes=1))
        pool.parse({str(document)!r}, "a.md")
        print(pool._workers[0]._process.pid, flush=True)
        sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    worker = int(parent.stdout.readline())
    descriptor = os.pidfd_open(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ended = poll.poll(5000)
    os.close(descriptor)
    assert ended, "the worker outlived its parent"
