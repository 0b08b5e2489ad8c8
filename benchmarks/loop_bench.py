"""Workspaces of the fault benchmark: a healthy one for each pool, and a copy of it for each fault."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.loop_model import KIND, CountingEmbedder, model_without_prefix, offer_generator
from benchmarks.loop_pool import DOCS, Asked, Pool, is_right
from benchmarks.loop_records import Injected, Variant
from benchmarks.loop_texts import page_html
from evaluation.subjects import Subject
from feedback.workbench import Workbench
from index.environment import EmbedderIdentity, EmbedderSource, Environment
from index.pipeline import IngestRequest, ingest
from index.repairs import files as repair_files
from ragpress.settings import EmbedSettings
from ragpress.types import Embedder
from ragpress.wiring import open_environment
from retrieval.access import Principal
from serving.journal.answers import AnswerJournal
from serving.types import Answer, Question

# The clock runs ahead of the files, so that a scan takes them for settled at once.
_AHEAD = timedelta(seconds=10)
COLLECTION = "default"
STAFF = Principal(frozenset({"staff"}))
_SECTIONS: dict[Variant, dict[str, dict[str, Any]]] = {
    "plain": {},
    "html": {},
    "prompted": {"generator": {"kind": KIND}},
}
_BASE: dict[str, dict[str, Any]] = {
    "sources": {"folders": [DOCS]},
    "workers": {"processes": 1},
    "embed": {"model": "multilingual-e5-small", "threads": 1},
}


class Healthy(msgspec.Struct, frozen=True):
    """A healthy workspace: its folder, its files, and the questions that it answers rightly, by id."""

    root: Path
    files: dict[str, bytes]
    right: tuple[str, ...]


class Workshop:
    """Makes workspaces. One for each process: it loads the embedder once.

    Args:
        root: folder for everything it makes.
        vectors: file of the vectors that are known already; several processes may share it.
    """

    def __init__(self, root: Path, vectors: Path) -> None:
        self.root = root
        self._vectors = vectors
        root.mkdir(parents=True, exist_ok=True)
        offer_generator(root / "plugin")
        self._embedders: dict[str, CountingEmbedder] = {}

    def spent(self) -> tuple[int, float]:
        """Texts embedded so far, and processor seconds that the cache of vectors spared."""
        every = self._embedders.values()
        return sum(one.passages for one in every), sum(one.spared for one in every)

    def environment(self, folder: Path) -> Environment:
        """The environment of a workspace, over the embedders of this process."""
        base = open_environment(folder)

        def load(settings: EmbedSettings) -> Embedder:
            found = self._embedders.get(settings.model)
            if found is None:
                found = self._embedders[settings.model] = CountingEmbedder(base.embedders.load(settings), self._vectors)
            return found

        def identify(settings: EmbedSettings) -> EmbedderIdentity:
            used = load(settings)
            return EmbedderIdentity(used.fingerprint, used.tokens.fingerprint, used.passage_limit)

        source = EmbedderSource(load=load, identify=identify)
        return msgspec.structs.replace(base, embedders=source, now=lambda: datetime.now(UTC) + _AHEAD)

    def healthy(self, pool: Pool, variant: Variant) -> Healthy:
        """The healthy workspace of a pool, made when it is first asked for."""
        folder = self.root / "healthy" / f"{pool.key}-{variant}"
        kept = folder / "right.json"
        files = rendered(pool, variant)
        if kept.is_file():
            return Healthy(folder, files, tuple(msgspec.json.decode(kept.read_bytes(), type=list[str])))
        shutil.rmtree(folder, ignore_errors=True)
        write_workspace(folder, files, _SECTIONS[variant])
        environment = self.environment(folder)
        ingest(IngestRequest(), environment)
        desk = Desk(environment)
        right = [
            asked.id
            for asked in (*pool.asked, *pool.outside, *pool.attacked)
            if is_right(asked, *said(desk.ask(asked.question)))
        ]
        desk.close()
        kept.write_bytes(msgspec.json.encode(right))
        return Healthy(folder, files, tuple(right))

    def damaged(self, healthy: Healthy, variant: Variant, fault: Injected, name: str, history: bool) -> Environment:
        """A workspace with a fault, ingested as any update is; or ingested for the first time.

        Args:
            healthy: the workspace without it.
            variant: which that is.
            fault: the fault.
            name: of its folder.
            history: whether the healthy release stays as the release before.
        """
        folder = self.root / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        if history:
            shutil.copytree(healthy.root, folder, ignore=shutil.ignore_patterns("right.json"))
        else:
            steps = healthy.root / ".ragpress" / "memo" / "steps"
            shutil.copytree(steps, folder / ".ragpress" / "memo" / "steps")
        settings = merged(_SECTIONS[variant], fault.settings)
        if fault.embedder:
            settings = merged(settings, {"embed": {"model": str(model_without_prefix(self._vectors.parent))}})
        write_workspace(folder, fault.files, settings)
        if fault.prompt:
            (folder / "prompts").mkdir(exist_ok=True)
            (folder / "prompts" / "hasty.toml").write_text(fault.prompt, encoding="utf-8")
        for repair in fault.repairs:
            repair_files.save(folder, repair)
        environment = self.environment(folder)
        ingest(IngestRequest(), environment)
        return environment

    def rebuilt(self, environment: Environment) -> None:
        """Build the workspace again from its sources and repairs alone, as a full rebuild does."""
        folder = environment.workspace.root
        fresh = self.root / "work" / f"{folder.name}-rebuild"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(folder, fresh, ignore=shutil.ignore_patterns(".ragpress"))
        ingest(IngestRequest(), self.environment(fresh))
        shutil.rmtree(fresh, ignore_errors=True)


class Desk:
    """Asks a workspace's live release as its users do. Close it when done.

    Args:
        environment: of the workspace.
    """

    def __init__(self, environment: Environment) -> None:
        self.journal = AnswerJournal(environment, environment.workspace.service.journal)
        self.bench = Workbench(environment, COLLECTION, self.journal)

    @property
    def live(self) -> Subject:
        """The live release."""
        found = self.bench.live()
        if found is None:
            raise LookupError("Nothing is live in the workspace: expected a release to have been published.")
        return found

    def ask(self, question: str) -> Answer:
        """The answer to a question of the staff."""
        return asyncio.run(self.live.answerer.answer(Question(text=question, caller=STAFF)))

    def right(self, asked: Sequence[Asked], lies: Sequence[str]) -> list[Asked]:
        """Those questions that are answered rightly."""
        return [item for item in asked if is_right(item, *said(self.ask(item.question)), lies)]

    def close(self) -> None:
        """Give the journal back."""
        self.journal.close()


def said(answer: Answer) -> tuple[str, bool]:
    """What an answer says, and whether it is an abstention."""
    return answer.answer, answer.abstained


def rendered(pool: Pool, variant: Variant) -> dict[str, bytes]:
    """The files of a pool for a variant of its workspace."""
    if variant != "html":
        return {name: text.encode() for name, text in pool.files.items()}
    return {source_name(name, variant): page_html(text).encode() for name, text in pool.files.items()}


def source_name(name: str, variant: Variant) -> str:
    """Path of a pool's document in a variant's source folder."""
    return name if variant != "html" else name.rsplit(".", 1)[0] + ".html"


def merged(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings with others over them."""
    return {name: one.get(name, {}) | other.get(name, {}) for name in one.keys() | other.keys()}


def write_workspace(folder: Path, files: dict[str, bytes], settings: dict[str, dict[str, Any]]) -> None:
    """Write the settings file and make the source folder hold exactly these files."""
    docs = folder / DOCS
    docs.mkdir(parents=True, exist_ok=True)
    for path in [path for path in docs.rglob("*") if path.is_file()]:
        if path.relative_to(docs).as_posix() not in files:
            path.unlink()
    for name, body in files.items():
        path = docs / name
        if not path.is_file() or path.read_bytes() != body:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    (folder / "ragpress.toml").write_text(_toml(merged(_BASE, settings)), encoding="utf-8")


def _toml(settings: dict[str, dict[str, Any]]) -> str:
    lines = []
    for section, values in sorted(settings.items()):
        lines.append(f"[{section}]")
        lines += [f"{key} = {_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_value(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return msgspec.json.encode(value).decode()
