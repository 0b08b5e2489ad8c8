"""The workspace and the service process that ``benchmarks.service_load`` and the load tests ask."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import msgspec

from benchmarks.paced_model import Pace, Span
from benchmarks.service_client import Reply
from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment
from serving.journal.answers import AnswerJournal, AnswerQuery

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "sample"
EMBEDDER = "multilingual-e5-small"
SETTINGS = """\
[sources]
folders = ["documents"]

[embed]
model = "{embedder}"

[answer]
# Every question reaches the generator.
abstain = 0.0

[context]
tokens = 600
passages = 3

[serve]
concurrency = {concurrency}
queue = {queue}
queue_seconds = 60.0
"""
SERVED = """
[generator]
kind = "openai"
base_url = "{base_url}"
max_tokens = 200
"""


class LoadedService:
    """A running service over the sample documents.

    Args:
        root: its workspace.
        process: the process that was started; its workers are its children, or itself.
        url: address.
        model_url: of the paced model; None without one.
        pace: of the model.
    """

    def __init__(
        self, root: Path, process: subprocess.Popen[str], url: str, model_url: str | None, pace: Pace | None
    ) -> None:
        self.root = root
        self.process = process
        self.pace = pace
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        self.host, self.port = address.hostname, address.port
        self.model_url = model_url

    def spans(self) -> dict[str, Span]:
        """How long the model took for each answer since this was asked last; empty without a paced model."""
        if self.model_url is None:
            return {}
        return msgspec.json.decode(httpx2.get(f"{self.model_url}/spans").content, type=dict[str, Span])

    def workers(self) -> list[int]:
        """Process ids of the workers: the children, or the process itself where it has none."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        serving = [int(pid) for pid in listed.split() if "resource_tracker" not in _command(int(pid))]
        return serving or [self.process.pid]

    def resident_mib(self) -> float:
        """Resident memory of the workers together, MiB."""
        return sum(_resident(pid) for pid in self.workers()) / 1024

    def cpu_seconds(self) -> float:
        """Processor time of the workers so far."""
        return sum(_cpu(pid) for pid in self.workers())

    def not_in_journal(self, replies: Sequence[Reply]) -> list[str]:
        """Ids of answers that came whole and are not in the journal with the same text, as complete."""
        environment = open_environment(self.root)
        journal = AnswerJournal(environment, environment.workspace.service.journal)
        kept = {record.id: record for record in journal.answers(AnswerQuery(limit=10_000_000))}
        journal.close()
        missing = []
        for reply in replies:
            record = kept.get(reply.last["id"])
            if record is None or record.status != "complete" or record.text != reply.text:
                missing.append(reply.last["id"])
        return missing


@contextlib.contextmanager
def loaded_service(
    folder: Path, model_url: str | None, pace: Pace | None, *, workers: int = 1, room: tuple[int, int] = (256, 256)
) -> Iterator[LoadedService]:
    """A workspace of the sample documents, ingested, and ``ragpress serve`` over it.

    Args:
        folder: an empty folder.
        model_url: base URL of the generator's server; None quotes the documents.
        pace: of that server.
        workers: worker processes.
        room: answers at once, and how many wait.
    """
    shutil.copytree(SAMPLE, folder / "documents")
    settings = SETTINGS.format(embedder=EMBEDDER, concurrency=room[0], queue=room[1])
    settings += SERVED.format(base_url=model_url) if model_url else ""
    (folder / "ragpress.toml").write_text(settings, encoding="utf-8")
    ingest(IngestRequest(), open_environment(folder))
    command = [sys.executable, "-m", "ragpress", "--workspace", str(folder), "serve", "--port", "0", "--json"]
    with (folder / "service.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        if not told:
            raise SystemExit((folder / "service.log").read_text(encoding="utf-8"))
        yield LoadedService(folder, process, json.loads(told)["url"], model_url, pace)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def _command(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    return ""


def _cpu(pid: int) -> float:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _resident(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
