"""Evaluates a change over its whole pool of cases, with the real pipeline, and keeps what every case got.

The release under the change is built on the live one as ``ragpress ingest`` builds it, and both are brought onto one
footing as ``ragpress eval compare`` does. Vectors are kept in a file, so that no text is embedded twice.
"""

from __future__ import annotations

import random
import shutil
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.gate_changes import Change
from benchmarks.gate_sets import Pool
from benchmarks.vector_cache import VectorCache
from evaluation.comparing.compare import Pair, settled, versions_of
from evaluation.metrics.answers import Scorer, load_scorer
from evaluation.records import Case, EvaluatedRelease
from evaluation.running.evaluate import RunOptions, evaluate
from evaluation.subjects import Subject, open_subject
from index.environment import EmbedderIdentity, EmbedderSource, Environment, open_release
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from ragpress.evaluation_settings import GateSettings
from ragpress.settings import CollectionSettings, EmbedSettings
from ragpress.types import Embedder, Float32Matrix
from ragpress.wiring import open_environment
from serving.types import GenerationRequest, Generator, GeneratorName, Usage

# The clock runs ahead of the files, so that a scan takes them for settled at once.
_AHEAD = timedelta(seconds=10)
_K = 10
KEPT = (*GateSettings().metrics, "abstention_precision", "abstention_recall", "span_recall", "token_f1")
"""Metrics whose values are kept of every case."""

_SETTINGS = '[sources]\nfolders = ["docs"]\n[workers]\nprocesses = 1\n[embed]\nmodel = "{model}"\n'
_FILLER = {
    "en": "That said, many things could be mentioned here, and it is hard to say which of them matters most.",
    "zh": "不过，这里可以提到的事情很多，很难说哪一件最要紧。",
}
_INVENTED = {
    "en": "As everybody knows, it was the work of Admiral Horatio Pemberton in the winter of 1893.",
    "zh": "众所周知，这是彭伯顿上将在一八九三年冬天完成的。",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a change did to every case of its pool.

    Attributes:
        pool: name of the pool.
        change: name of the change.
        kind: of what sort it is.
        harmless: whether it is meant to alter nothing.
        metrics: names, in the order of the columns.
        before: scores of the live release by case and metric; None where there is none.
        after: the same of the changed one.
        review: whether the case must be looked at again.
        failed: whether it ended in an error after the change.
        must_abstain: whether it is one to abstain from.
    """

    pool: str
    change: str
    kind: str
    harmless: bool
    metrics: tuple[str, ...]
    before: tuple[tuple[float | None, ...], ...]
    after: tuple[tuple[float | None, ...], ...]
    review: tuple[bool, ...]
    failed: tuple[bool, ...]
    must_abstain: tuple[bool, ...]


class GateWorkspace:
    """A pool as a workspace with a live release.

    Args:
        root: its folder.
        pool: documents and cases.
    """

    def __init__(self, root: Path, pool: Pool) -> None:
        self.pool = pool
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._settings = _SETTINGS.format(model=pool.model)

    def outcome(self, change: Change) -> Outcome:
        """Build the release under a change, run every case on it, and set it beside the live one."""
        release, environment = self._built(change)
        subject = open_subject(self._plain(environment), release, change.name)
        fault, share = change.generator
        if fault:
            subject = _damaged(subject, fault, share, change.seed)
        after = self._evaluated(environment, subject, self.cases)
        pair = settled(Pair(cases=self.cases, baseline=self.baseline, candidate=after), versions_of(release))
        return _outcome(self.pool.name, change, pair)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The pool's cases, less those whose evidence the parser reads otherwise than the set gives it."""
        unclear = {result.case for result in self._live.results if result.review}
        return tuple(case for case in self.pool.cases if case.id not in unclear)

    @property
    def baseline(self) -> EvaluatedRelease:
        """The live release and what it makes of every case."""
        kept = tuple(result for result in self._live.results if not result.review)
        return msgspec.structs.replace(self._live, results=kept)

    @cached_property
    def _live(self) -> EvaluatedRelease:
        self._write(self.pool.files, {})
        environment = self._environment()
        ingest(IngestRequest(), environment)
        subject = open_subject(environment, open_release(environment, "default", None), "live")
        return self._evaluated(environment, subject, self.pool.cases)

    def _built(self, change: Change) -> tuple[OpenRelease, Environment]:
        _ = self._live
        chance = random.Random(zlib.crc32(f"{change.name} {change.seed}".encode()))
        self._write(change.edit(self.pool.files, chance) if change.edit else self.pool.files, change.settings)
        self._prompt(change.prompt)
        environment = self._environment()
        if change.prompt:
            environment = _set(environment, {"answer": {"prompt": "other"}})
        if change.embedder:
            environment = _shuffled(environment, change.embedder)
        request = IngestRequest(publish=False, compact=change.flag == "compact", rebuild=change.flag == "rebuild")
        report = ingest(request, environment)
        return open_release(environment, "default", report.release), environment

    def _evaluated(self, environment: Environment, subject: Subject, cases: Sequence[Case]) -> EvaluatedRelease:
        options = RunOptions(k=_K, scorer=self._scorer)
        return evaluate(self._plain(environment), subject, cases, options)

    def _plain(self, environment: Environment) -> Environment:
        """Questions and answers are embedded rightly whatever happened to the index."""
        load = environment.embedders.load

        def right(settings: EmbedSettings) -> Embedder:
            found = load(settings)
            return found.right if isinstance(found, ShuffledEmbedder) else found

        return msgspec.structs.replace(environment, embedders=EmbedderSource(right, environment.embedders.identify))

    @cached_property
    def _scorer(self) -> Scorer:
        settings = self._environment().workspace.collection("default")
        return load_scorer(self._vectors(settings.embed), settings.answer)

    @cached_property
    def _load(self) -> Any:
        environment = open_environment(self._root)
        path = self._root / "vectors.sqlite"
        return lru_cache(lambda settings: VectorCache(environment.embedders.load(settings), path))

    def _vectors(self, settings: EmbedSettings) -> Embedder:
        found: Embedder = self._load(settings)
        return found

    def _environment(self) -> Environment:
        base = open_environment(self._root)
        source = EmbedderSource(self._vectors, base.embedders.identify)
        return msgspec.structs.replace(base, embedders=source, now=lambda: datetime.now(UTC) + _AHEAD)

    def _write(self, files: dict[str, str], settings: dict[str, dict[str, Any]]) -> None:
        folder = self._root / "docs"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        lines = [self._settings]
        for section, values in settings.items():
            lines.append(f"[{section}]")
            lines += [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
        (self._root / "ragpress.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _prompt(self, wanted: bool) -> None:
        if wanted:
            built_in = (Path(__file__).parents[1] / "ragpress" / "default_prompt.toml").read_text(encoding="utf-8")
            path = self._root / "prompts" / "other.toml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(built_in.replace("briefly and plainly", "plainly and briefly"), encoding="utf-8")


class ShuffledEmbedder:
    """Gives some passages the vectors of other texts.

    Args:
        right: the embedder as it should be.
        share: of the passages that it gets wrong.
    """

    def __init__(self, right: Embedder, share: float) -> None:
        self.right = right
        self._share = share
        self.name, self.dimension = right.name, right.dimension
        self.fingerprint = shuffled_name(right.fingerprint, share)
        self.window, self.passage_limit, self.tokens = right.window, right.passage_limit, right.tokens

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        found = self.right.embed_passages(texts)
        wrong = [at for at, text in enumerate(texts) if zlib.crc32(text.encode()) % 1000 < 1000 * self._share]
        found[wrong] = np.roll(found[wrong], 1, axis=0)
        return found

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`."""
        return self.right.embed_query(text)


def shuffled_name(fingerprint: str, share: float) -> str:
    """Fingerprint of an embedder that gets a share of the passages wrong."""
    return f"{fingerprint[:40]}-shuffled-{round(1000 * share)}"


class DamagedGenerator:
    """Answers as a model does that was told the wrong things.

    Args:
        inner: answers rightly.
        fault: ``refuses`` to answer, ``rambles`` on, leaves its answers ``uncited``, or ``invents`` them.
        share: of the questions in which it does.
        seed: which those are.
    """

    def __init__(self, inner: Generator, fault: str, share: float, seed: int) -> None:
        self._inner = inner
        self._fault = fault
        self._share = share
        self._seed = seed

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return GeneratorName(self._inner.name.kind, f"{self._fault} {self._share} {self._seed}")

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str | Usage]:
        """See :class:`serving.types.Generator`."""
        drawn = zlib.crc32(f"{self._seed} {request.question}".encode()) % 1000
        pieces = [event async for event in self._inner.stream(request) if isinstance(event, str)]
        for piece in self._spoilt(pieces, request) if drawn < 1000 * self._share else pieces:
            yield piece

    def _spoilt(self, pieces: list[str], request: GenerationRequest) -> list[str]:
        prompt, language = request.prompt.prompt, "zh" if request.language.startswith("zh") else "en"
        if self._fault == "refuses":
            return [prompt.in_language(prompt.abstain, request.language)]
        if self._fault == "invents":
            return [_INVENTED[language]]
        if self._fault == "rambles":
            return [_FILLER[language], *pieces, _FILLER[language]]
        return [piece[: piece.rindex("[")] if "[" in piece else piece for piece in pieces]

    async def aclose(self) -> None:
        """See :class:`serving.types.Generator`."""
        await self._inner.aclose()


def _damaged(subject: Subject, fault: str, share: float, seed: int) -> Subject:
    parts = subject.answerer.parts
    generator = DamagedGenerator(parts.generator, fault, share, seed)
    answerer = type(subject.answerer)(msgspec.structs.replace(parts, generator=generator))
    return msgspec.structs.replace(subject, answerer=answerer)


def _shuffled(environment: Environment, share: float) -> Environment:
    source = environment.embedders

    def load(settings: EmbedSettings) -> Embedder:
        return ShuffledEmbedder(source.load(settings), share)

    def identify(settings: EmbedSettings) -> EmbedderIdentity:
        found = source.identify(settings)
        return msgspec.structs.replace(found, fingerprint=shuffled_name(found.fingerprint, share))

    return msgspec.structs.replace(environment, embedders=EmbedderSource(load, identify))


def _set(environment: Environment, sections: dict[str, dict[str, Any]]) -> Environment:
    settings = environment.workspace.collection("default")
    changed = {name: msgspec.structs.replace(getattr(settings, name), **values) for name, values in sections.items()}
    collections: dict[str, CollectionSettings] = {"default": msgspec.structs.replace(settings, **changed)}
    workspace = msgspec.structs.replace(environment.workspace, collections=collections)
    return msgspec.structs.replace(environment, workspace=workspace)


def _outcome(pool: str, change: Change, pair: Pair) -> Outcome:
    old, new = pair.baseline.results, pair.candidate.results
    measured = {name for result in (*old, *new) for name in result.scores}
    names = tuple(sorted(measured.intersection(KEPT)))
    return Outcome(
        pool=pool,
        change=change.name,
        kind=change.kind,
        harmless=change.harmless,
        metrics=names,
        before=tuple(tuple(result.scores.get(name) for name in names) for result in old),
        after=tuple(tuple(result.scores.get(name) for name in names) for result in new),
        review=tuple(bool(result.review) for result in new),
        failed=tuple(result.error is not None for result in new),
        must_abstain=tuple(case.must_abstain for case in pair.cases),
    )
