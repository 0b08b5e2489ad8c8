"""What every fault test needs: a small mixed corpus, the command line in a child process, the state of a release.

A test process has started native threads, so nothing is forked from it. ``run_cases`` runs a function in processes
that a fork server makes; it holds the slow modules and no native threads, and such a process may fork freely.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from index.documents import to_rows
from index.environment import Environment, open_release
from index.opened import OpenRelease
from ragpress.errors import ReleaseError
from ragpress.settings import load_workspace
from ragpress.storage import disk
from ragpress.wiring import open_environment
from retrieval.opening import open_searcher
from tests.faults.crash_child import STAGE, Fault, Pause, run

SETTINGS = """\
[sources]
folders = ["docs"]

[workers]
processes = 1

[embed]
model = "hashing"

[chunk]
max_tokens = 64
min_tokens = 8

[index]
seal_chunks = 8
compact_deleted = 0.9
"""

CORPUS: dict[str, str | bytes] = {
    "guide.md": (
        "# Guide\n\n## Filters\n\nReplace the carbon filter every six months. Order part CF-20 from the desk.\n\n"
        "## Alarms\n\nThe alarm sounds when carbon dioxide passes 1400 ppm. Press the round button to mute it.\n"
    ),
    "zh/请假制度.md": "# 请假制度\n\n## 年假\n\n员工每年享有十五天带薪年假。\n\n## 病假\n\n病假需要提供医院证明。\n",
    "zh/tea.txt": "下午四点在花园供应绿茶。\n\n星期五另有点心。\n",
    "warehouse.txt": "Plain notes about the warehouse in Utrecht. It opens at seven in the morning.\n",
    "desks.json": '{"office": "Leiden", "fact": "The Leiden office has 41 desks"}',
    "prices.csv": "item,price\nlantern,12\nanchor,80\n",
    "page.html": "<html><body><h1>Tram</h1><p>The tram stops at the north gate every ten minutes.</p></body></html>",
    "backup.rar": b"Rar!\x1a\x07\0 packed",
}
QUERIES = (
    "carbon filter months",
    "年假有多少天",
    "绿茶什么时候供应",
    "Leiden desks",
    "warehouse Utrecht",
    "tram north gate",
)

Result = TypeVar("Result")
Case = TypeVar("Case")


class Document(msgspec.Struct, frozen=True):
    """What is searchable of one document."""

    state: str
    version: str
    title: str
    texts: tuple[str, ...]


class State(msgspec.Struct, frozen=True):
    """What a release says, however it was built: its documents by source, and the answers to some questions."""

    content: str
    documents: dict[str, Document]
    answers: dict[str, tuple[tuple[str, str], ...]]


class Ended(msgspec.Struct, frozen=True):
    """How a command ended: exit code, JSON output, messages, and the stages and disk events it went through."""

    code: int
    report: dict[str, Any]
    messages: str
    log: tuple[str, ...]

    @property
    def events(self) -> tuple[str, ...]:
        """The disk events."""
        return tuple(line for line in self.log if not line.startswith(STAGE))

    @property
    def stage(self) -> str:
        """The stage it ended in."""
        return next((line.removeprefix(STAGE) for line in reversed(self.log) if line.startswith(STAGE)), "start")


def write(root: Path, files: dict[str, str | bytes]) -> None:
    """Write source files, by path below ``docs``."""
    for name, content in files.items():
        path = root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def make_workspace(root: Path, settings: str = SETTINGS) -> Path:
    """A workspace with the corpus, nothing ingested; returns its folder."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "ragpress.toml").write_text(settings, encoding="utf-8")
    write(root, CORPUS)
    return root


def change(root: Path) -> None:
    """The incremental change of the campaigns: an edit in each language, an addition, a deletion, a rename."""
    guide = str(CORPUS["guide.md"])
    policy = str(CORPUS["zh/请假制度.md"])
    write(
        root, {"guide.md": guide.replace("six months", "nine weeks"), "zh/请假制度.md": policy.replace("十五", "二十")}
    )
    write(
        root, {"zh/食堂.md": "# 食堂\n\n食堂周末不开放。\n", "harbour.md": "# Harbour\n\nThe ferry leaves at dawn.\n"}
    )
    (root / "docs/warehouse.txt").unlink()
    (root / "docs/page.html").rename(root / "docs/tram.html")


def copy(source: Path, target: Path) -> Path:
    """A workspace as another one is, its time stamps and hard links included; returns its folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


def environment_of(root: Path) -> Environment:
    """The real environment of a workspace."""
    return open_environment(root)


def read_state(root: Path, release: str | None = None) -> State | None:
    """What a release says, the live one if left out; None when nothing is live."""
    environment = environment_of(root)
    if release is None and environment.releases("default").pointer() is None:
        return None
    opened = open_release(environment, "default", release)
    searcher = open_searcher(environment, opened)
    answers = {query: tuple((hit.source, hit.text) for hit in searcher.search(query)) for query in QUERIES}
    return State(opened.manifest.content, documents_of(opened), answers)


def documents_of(opened: OpenRelease) -> dict[str, Document]:
    """The documents of a release by source; deleted ones are left out."""
    return {
        row.source: Document(
            state=row.state,
            version=row.version.hex() if row.version else "",
            title=row.title,
            texts=tuple(opened.chunk_rows(row)["text"].to_pylist()),
        )
        for row in to_rows(opened.documents)
        if row.state != "deleted"
    }


def live_id(root: Path) -> str:
    """Id of the live release."""
    found = environment_of(root).releases("default").pointer()
    if found is None:
        raise ReleaseError("Nothing is live.")
    return found[0].release


def data_folder(root: Path) -> Path:
    """The data directory of a workspace."""
    return Path(load_workspace(root).data)


def leftovers(root: Path) -> list[str]:
    """Temporary files and folders in the data directory."""
    folder = data_folder(root)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if disk.is_temp(path.name))


def age_leftovers(root: Path) -> None:
    """Make temporary files and folders look two days old, as those of a process that is long dead."""
    for name in leftovers(root):
        os.utime(data_folder(root) / name, ns=(0, time.time_ns() - 2 * 86_400 * 10**9))


def unnamed_objects(root: Path) -> list[str]:
    """Objects in the store that no manifest names."""
    environment = environment_of(root)
    named = {file.key for manifest in environment.releases("default").list() for file in manifest.files()}
    return [key for key, _ in environment.store.list("objects/") if key not in named]


def run_cases(function: Callable[[Case], Result], cases: Sequence[Case], processes: int = 4) -> list[Result]:
    """Run a module's function on each case, each in a fresh process without native threads, in order.

    Raises:
        Exception: whatever the function raised in its process.
    """
    with _context().Pool(processes, maxtasksperchild=1) as pool:
        return pool.map(function, cases, chunksize=1)


def run_case(function: Callable[[Case], Result], case: Case) -> Result:
    """The same for one case."""
    return run_cases(function, [case], 1)[0]


def start_process(function: Callable[..., object], *arguments: object) -> multiprocessing.process.BaseProcess:
    """Start a function in a process from the fork server."""
    process = _context().Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def make_event() -> Any:
    """An event that can be handed to :func:`start_process`."""
    return _context().Event()


def make_pipe() -> Any:
    """The two ends of a pipe of which the second can be handed to :func:`start_process`."""
    return _context().Pipe(duplex=False)


def command(root: Path, *arguments: str, fault: Fault = Fault(), pause: Pause | None = None) -> Ended:  # noqa: B008
    """Run a command to its end in a forked process. Only for processes of :func:`run_cases`."""
    child = fork(root, arguments, fault, pause)
    _, status = os.waitpid(child, 0)
    return read_end(root, os.waitstatus_to_exitcode(status))


def killed(root: Path, arguments: Sequence[str], seconds: float) -> tuple[Ended, list[int]]:
    """Run a command and SIGKILL its process, and only that, after some seconds. Only in :func:`run_cases`.

    Returns:
        How it ended (exit code 0 or more when it was faster), and its children that were still there a second later.
    """
    child = fork(root, arguments, Fault(), None)
    handle = os.pidfd_open(child)
    ended = bool(select.select([handle], [], [], seconds)[0])
    children = [] if ended else children_of(child)
    handles = {pid: _open_process(pid) for pid in children}
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    orphans = [pid for pid, opened in handles.items() if opened >= 0 and not select.select([opened], [], [], 1.0)[0]]
    for opened in (handle, *handles.values()):
        if opened >= 0:
            os.close(opened)
    return read_end(root, os.waitstatus_to_exitcode(status)), orphans


def forked(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a forked process and return what it returns. Only for processes of :func:`run_cases`."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        code = 99
        try:
            with os.fdopen(send, "wb") as pipe:
                pickle.dump(function(*arguments), pipe)
            code = 0
        except BaseException:  # noqa: BLE001 - a forked child must not run on into its parent's code
            traceback.print_exc()
        os._exit(code)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        body = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{function.__name__} failed in a forked process; see its traceback on standard error.")
    result: Result = pickle.loads(body)  # noqa: S301 - written by our own child just now
    return result


def fork(root: Path, arguments: Sequence[str], fault: Fault, pause: Pause | None) -> int:
    """Start a command in a forked process; returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        run(root, arguments, root / "last", fault, pause)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - a forked child must not run on into its parent's code
        with contextlib.suppress(OSError):
            traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def read_end(root: Path, code: int, name: str = "last") -> Ended:
    """How the command ended that wrote its files as ``name`` in the workspace."""
    out, messages, log = (root / f"{name}.{suffix}" for suffix in ("out", "err", "log"))
    body = out.read_bytes().strip() if out.exists() else b""
    report = msgspec.json.decode(body) if body.startswith(b"{") and body.endswith(b"}") else {}
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return Ended(code, report, messages.read_text(encoding="utf-8") if messages.exists() else "", tuple(lines))


def children_of(parent: int) -> list[int]:
    """Process ids of the children of a process (Linux)."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                if int(fields[1]) == parent and fields[0] != "Z":
                    found.append(int(path.name))
    return found


def _open_process(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.preload"])
    return context
