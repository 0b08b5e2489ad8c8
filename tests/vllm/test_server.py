"""The launcher of vLLM, with a stand-in for vLLM's Python that serves ``/health`` or fails, as it is told."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from examples.vllm_server import (
    MODULE,
    Launch,
    Served,
    VllmError,
    command,
    end,
    environment_python,
    group_lives,
    known,
    main,
    ours,
    running,
    serving,
    start,
    stop,
    surroundings,
)

pytestmark = pytest.mark.process

HEALTHY = """\
import http.server, subprocess, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
print("a server that says something", flush=True)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""
FAILING = "import sys; print('there is no such model', flush=True); sys.exit(7)"
SILENT = "import signal; print('still loading', flush=True); signal.pause()"


def launch(folder: Path, program: str, **changes: float) -> Launch:
    """A launch whose Python runs a program instead of vLLM, under vLLM's command line."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    python = folder / "python"
    # The words of the command line stay visible, as those of a real server.
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/program.py "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return Launch(model=folder, name="stand-in", python=python, state=folder / "state", **changes)  # type: ignore[arg-type] # numbers only


def test_a_server_is_started_known_and_ended_with_its_children(tmp_path: Path) -> None:
    served = start(launch(tmp_path, HEALTHY))
    try:
        assert running(tmp_path / "state") == served
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", served.base_url)
        assert "a server that says something" in (tmp_path / "state" / "server.log").read_text(encoding="utf-8")
    finally:
        stopped = stop(tmp_path / "state")
    assert stopped == served
    assert not group_lives(served.pid)
    assert running(tmp_path / "state") is None
    assert stop(tmp_path / "state") is None


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(VllmError, match=r"exit code 7 [\s\S]*there is no such model"):
        start(launch(tmp_path, FAILING))
    assert known(tmp_path / "state") is None


def test_a_start_that_takes_too_long_leaves_nothing_running(tmp_path: Path) -> None:
    with pytest.raises(VllmError, match=r"not healthy within 1 s"):
        start(launch(tmp_path, SILENT, seconds=1.0))
    programs = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(tmp_path / "program.py").encode() in words for words in programs)


def test_a_block_ends_only_the_server_that_it_started(tmp_path: Path) -> None:
    plan = launch(tmp_path, HEALTHY)
    with serving(plan) as outer:
        with serving(plan) as inner:
            assert inner == outer
        assert running(plan.state) == outer
    assert running(plan.state) is None


def test_another_process_with_the_same_id_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(
        f'{{"pid": {os.getpid()}, "base_url": "http://127.0.0.1:1/v1", "model": "x"}}', encoding="utf-8"
    )
    assert not ours(os.getpid())
    assert running(tmp_path) is None
    assert stop(tmp_path) == Served(pid=os.getpid(), base_url="http://127.0.0.1:1/v1", model="x")


def test_ending_what_is_gone_already_does_nothing() -> None:
    end(2**22 + 1)


def test_the_command_names_the_module_the_limits_and_the_prefix_cache(tmp_path: Path) -> None:
    words = command(Launch(model=tmp_path, name="small", python=Path("python"), queue=9), 1234)
    assert words[:3] == ["python", "-m", MODULE]
    assert "--enable-prefix-caching" in words
    assert words[words.index("--max-num-queued-reqs") + 1] == "9"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    pooling = command(Launch(model=tmp_path, name="small", python=Path("python"), pooling=True), 1234)
    assert pooling[-2:] == ["--runner", "pooling"]


def test_a_server_fetches_and_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "4")
    found = surroundings()
    assert (found["HF_HUB_OFFLINE"], found["VLLM_NO_USAGE_STATS"], found["VLLM_CPU_KVCACHE_SPACE"]) == ("1", "1", "4")


def test_a_missing_environment_names_the_command_that_builds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(VllmError, match="make vllm"):
        environment_python(tmp_path)
    words = ["--environment", str(tmp_path), "--model", str(tmp_path), "--state", str(tmp_path / "state"), "start"]
    assert main(words) == 1
    assert "make vllm" in capsys.readouterr().err


def test_run_fills_in_the_address_and_gives_the_commands_exit_code(tmp_path: Path) -> None:
    launch(tmp_path, HEALTHY)
    (tmp_path / "environment" / "bin").mkdir(parents=True)
    (tmp_path / "environment" / "bin" / "python").symlink_to(tmp_path / "python")
    state = tmp_path / "state"
    options = ["--environment", str(tmp_path / "environment"), "--model", str(tmp_path), "--state", str(state)]
    check = "import sys; sys.exit(5 if sys.argv[1].startswith('http://127.0.0.1:') else 6)"
    assert main(["run", *options, "--", sys.executable, "-c", check, "{base_url}"]) == 5
    assert known(state) is None
