"""A vLLM server as a child process: ``make vllm``, ``make vllm-stop``, ``make demo-vllm``, its tests and its benchmark.

vLLM lives in an environment of its own (``deploy/vllm``), so this module only starts that environment's Python, waits
until ``/health`` answers and ends what it started. Its state is one folder: ``server.json`` says which process serves
where, ``server.log`` is all it said.

Run ``python -m examples.vllm_server start``, ``stop``, or ``run -- COMMAND …``, which replaces ``{base_url}`` in the
command, starts a server if none runs, and stops only a server that it started.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from ragpress.errors import RagpressError
from ragpress.settings import default_cache

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".venv-vllm"
STATE = ROOT / ".vllm"
HOST = "127.0.0.1"
SMOLLM2 = "smollm2-135m-instruct"
MODULE = "vllm.entrypoints.openai.api_server"
QUEUE = 64
START_SECONDS = 300.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.25
LOG_TAIL = 30  # lines of the log in the message of a failed start


class VllmError(RagpressError):
    """The server cannot be started, did not become healthy, or is not the one that is known."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What is started, and where.

    Attributes:
        model: folder of the model.
        name: name under which it is served.
        python: Python of vLLM's environment.
        state: folder of the log and of ``server.json``.
        max_model_len: the most tokens of a prompt and its answer together.
        queue: the most requests that may wait or run; more are refused (HTTP 503). vLLM's own default has no limit.
        pooling: serve embeddings and ``/v1/rerank`` instead of texts.
        port: of the loopback interface; 0 takes a free one.
        seconds: how long the start may take.
    """

    model: Path
    name: str
    python: Path
    state: Path = STATE
    max_model_len: int = 4096
    queue: int = QUEUE
    pooling: bool = False
    port: int = 0
    seconds: float = START_SECONDS


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers.

    Attributes:
        pid: its process, which leads a process group of its own.
        base_url: for ``[generator] base_url``.
        model: name under which the model is served.
    """

    pid: int
    base_url: str
    model: str


def environment_python(folder: Path = ENVIRONMENT) -> Path:
    """Python of vLLM's environment.

    Raises:
        VllmError: the environment is not built.
    """
    python = folder / "bin" / "python"
    if not python.is_file():
        raise VllmError(f"Expected vLLM's environment in {folder}, found none. Build it with: make vllm")
    return python


def smollm2_folder() -> Path:
    """Folder of SmolLM2-135M-Instruct, converted once from the GGUF file of its package.

    Raises:
        MissingDependencyError: the package, or what reads its file, is not installed.
    """
    from serving.generate.local_models import find_local_model, model_folder  # noqa: PLC0415 - heavy

    cache = Path(os.environ.get("RAGPRESS_CACHE_DIR") or default_cache())
    return Path(model_folder(find_local_model(""), cache))


def start(launch: Launch) -> Served:
    """Start a server and wait until it is healthy.

    Raises:
        VllmError: it ended, or did not become healthy in time; the message holds the end of its log. Nothing of it is
            left running.
    """
    launch.state.mkdir(parents=True, exist_ok=True)
    port = launch.port or free_port()
    pid = spawn(command(launch, port), launch.state / "server.log")
    served = Served(pid=pid, base_url=f"http://{HOST}:{port}/v1", model=launch.name)
    try:
        await_health(served, launch)
    except BaseException:
        end(pid)
        raise
    (launch.state / "server.json").write_bytes(msgspec.json.encode(served))
    return served


def spawn(words: list[str], log: Path) -> int:
    """Start a process that leads a group of its own and outlives this one; its output goes to a new log.

    Returns:
        Its process id.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(words[0], words, surroundings(), file_actions=actions, setsid=True)


def await_health(served: Served, launch: Launch) -> None:
    """Wait until a server that was just started answers ``/health``.

    Raises:
        VllmError: it ended before, or the time is over.
    """
    log = launch.state / "server.log"
    code: int | None = None

    def settled() -> bool:
        nonlocal code
        code = exit_code(served.pid)
        return code is not None or healthy(served)

    in_time = wait_until(settled, launch.seconds)
    if code is not None:
        raise VllmError(f"vLLM ended with exit code {code} before it was healthy.{tail(log)}")
    if not in_time:
        raise VllmError(f"vLLM was not healthy within {launch.seconds:.0f} s.{tail(log)}")


def exit_code(child: int) -> int | None:
    """The exit code of a process; None while it runs, or when it is no child of this one."""
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if pid else None


def stop(state: Path = STATE) -> Served | None:
    """End the server that a state folder knows, with everything it started.

    Returns:
        The server that was ended; None when none was running.
    """
    served = known(state)
    if served is not None and ours(served.pid):
        end(served.pid)
    (state / "server.json").unlink(missing_ok=True)
    return served


def running(state: Path = STATE) -> Served | None:
    """The server that a state folder knows, if it still answers."""
    served = known(state)
    return served if served is not None and ours(served.pid) and healthy(served) else None


@contextlib.contextmanager
def serving(launch: Launch) -> Iterator[Served]:
    """The server of a state folder while the block runs: one that answers already stays, one started here is ended.

    Raises:
        VllmError: it could not be started.
    """
    found = running(launch.state)
    if found is not None:
        yield found
        return
    stop(launch.state)
    served = start(launch)
    try:
        yield served
    finally:
        stop(launch.state)


def command(launch: Launch, port: int) -> list[str]:
    """The command line of a server. The module is named because the CPU build's ``vllm`` command does not start."""
    words = [str(launch.python), "-m", MODULE, "--model", str(launch.model), "--served-model-name", launch.name]
    words += ["--host", HOST, "--port", str(port), "--enforce-eager", "--disable-uvicorn-access-log"]
    words += ["--max-num-queued-reqs", str(launch.queue)]
    if launch.pooling:
        return [*words, "--runner", "pooling"]
    return [*words, "--max-model-len", str(launch.max_model_len), "--enable-prefix-caching"]


def surroundings() -> dict[str, str]:
    """Environment variables of a server: it fetches nothing, reports nothing and keeps its cache small."""
    fixed = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    return {"VLLM_CPU_KVCACHE_SPACE": "1", **os.environ, **fixed}


def healthy(served: Served) -> bool:
    """Whether ``/health`` answers with 200."""
    try:
        with urllib.request.urlopen(served.base_url.removesuffix("/v1") + "/health", timeout=5) as reply:  # noqa: S310 - http on the loopback interface
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def known(state: Path) -> Served | None:
    """What ``server.json`` says; None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode((state / "server.json").read_bytes(), type=Served)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def ours(pid: int) -> bool:
    """Whether a process lives and is a vLLM server: process ids are used again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return MODULE.encode() in words


def end(pid: int) -> None:
    """End a process group: first kindly, after some seconds by force."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        if wait_until(lambda: not group_lives(pid), seconds):
            break
    exit_code(pid)


def group_lives(group: int) -> bool:
    """Whether a process of a group is more than a zombie."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; state, parent and group follow it.
            state, _, found = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
            if int(found) == group and state != "Z":
                return True
    return False


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until something holds or the time is over; whether it held."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def tail(log: Path) -> str:
    """The end of a log, to be put after a message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:]
    return f" The end of {log}:\n" + "\n".join(lines)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def main(words: Sequence[str]) -> int:
    """The command line of ``make vllm``, ``make vllm-stop`` and ``make demo-vllm``.

    Returns:
        The exit code: that of the command for ``run``, else 0; 1 when the server cannot be started.
    """
    cut = list(words).index("--") if "--" in words else len(words)
    options = parser().parse_args(words[:cut])
    try:
        if options.action == "stop":
            stopped = stop(options.state)
            print("No server of this folder was running." if stopped is None else f"Stopped {stopped.base_url}.")
            return 0
        launch = Launch(
            model=options.model or smollm2_folder(),
            name=options.name,
            python=environment_python(options.environment),
            state=options.state,
            port=options.port,
        )
        if options.action == "start":
            print((running(launch.state) or start(launch)).base_url)
            return 0
        return run(launch, words[cut + 1 :])
    except RagpressError as error:
        print(error, file=sys.stderr)
        return 1


def run(launch: Launch, words: Sequence[str]) -> int:
    """Run a command while a server serves; ``{base_url}`` in it becomes the server's. Returns its exit code."""
    with serving(launch) as served:
        filled = [word.replace("{base_url}", served.base_url) for word in words]
        return subprocess.run(filled, check=False).returncode  # noqa: S603 - the caller's own command


def parser() -> argparse.ArgumentParser:
    """Options of the command line."""
    made = argparse.ArgumentParser(
        prog="examples.vllm_server",
        description="Starts and stops a vLLM server.",
        epilog="run -- COMMAND runs a command while a server serves; {base_url} in the command is replaced.",
    )
    made.add_argument("action", choices=("start", "stop", "run"))
    made.add_argument("--environment", type=Path, default=ENVIRONMENT, help="vLLM's own environment")
    made.add_argument("--state", type=Path, default=STATE, help="folder of the log and of server.json")
    made.add_argument("--model", type=Path, help="folder of a model; SmolLM2-135M-Instruct when left out")
    made.add_argument("--name", default=SMOLLM2, help="name under which the model is served")
    made.add_argument("--port", type=int, default=0, help="0 takes a free one")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
