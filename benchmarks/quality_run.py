"""Workspaces of the quality benchmark, and the measuring of one search mode on one group of questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.quality_metrics import Span, hit, mean, ndcg, overlap, recall, reciprocal_rank
from benchmarks.quality_report import GroupResult
from benchmarks.quality_sets import Corpus, Group, Question
from index.environment import Environment, open_release
from index.opened import OpenRelease
from index.pipeline import IngestRequest, ingest
from ragpress.settings import RetrievalSettings
from ragpress.types import Embedder, Float32Matrix, TokenCounter
from ragpress.wiring import open_environment
from retrieval.hits import Hit
from retrieval.search import Searcher

# The clock runs ahead of the files, so that a scan takes them for settled at once.
_AHEAD = timedelta(seconds=10)
_SPAN_HITS = 5
# Several chunks of one document may stand before the tenth document.
_RANKING_HITS = 20

MODES: dict[str, dict[str, float]] = {
    "hybrid": {},
    "dense": {"lexical_weight": 0.0},
    "lexical": {"dense_weight": 0.0},
}


class KeptQueries:
    """An embedder that embeds every question once, whichever corpus and mode asks it, and keeps the CPU time.

    Attributes:
        seconds: CPU-seconds inside the model so far.
        cost: CPU-seconds of each question.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, npt.NDArray[np.float32]] = {}
        self.cost: dict[str, float] = {}
        self.seconds = 0.0
        self.name = embedder.name
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.window = embedder.window
        self.passage_limit = embedder.passage_limit
        self.tokens: TokenCounter = embedder.tokens

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See ``ragpress.types.Embedder``."""
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See ``ragpress.types.Embedder``."""
        if text not in self._vectors:
            before = time.process_time()
            self._vectors[text] = self._embedder.embed_query(text)
            self.cost[text] = time.process_time() - before
            self.seconds += self.cost[text]
        return self._vectors[text]


class Offsets:
    """Maps spans of a version's text to the file it was read from, by counting what is not white space.

    Args:
        original: the file's text.
        text: the version's text; differs from it by white space only.

    Raises:
        ValueError: the two differ by more than that, so that no span could be trusted.
    """

    def __init__(self, original: str, text: str) -> None:
        if "".join(original.split()) != "".join(text.split()):
            raise ValueError("Parsing and cleaning changed more than white space: spans cannot be compared.")
        self._places = [at for at, character in enumerate(original) if not character.isspace()]
        self._before = list(accumulate((not character.isspace() for character in text), initial=0))

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the file that holds the same characters; the span begins and ends with a visible one."""
        return self._places[self._before[start]], self._places[self._before[end] - 1] + 1


class QualityWorkspace:
    """One corpus as a real workspace.

    Args:
        root: its folder; files and index that are there already are used again.
        corpus: what to ingest.
        model: embedding model.
        size: most tokens of a chunk.

    Attributes:
        quarantined: documents that the last ingest refused.
    """

    def __init__(self, root: Path, corpus: Corpus, model: str, size: int) -> None:
        self.corpus = corpus
        self.size = size
        self.quarantined = 0
        self._root = root
        self._model = model

    def ingest(self) -> int:
        """Write and ingest the files; returns the number of chunks."""
        folder = self._root / "docs"
        if not folder.exists():
            self.corpus.write(folder)
        settings = (
            f'[sources]\nfolders = ["docs"]\n[embed]\nmodel = "{self._model}"\n[chunk]\nmax_tokens = {self.size}\n'
        )
        (self._root / "ragpress.toml").write_text(settings, encoding="utf-8")
        report = ingest(IngestRequest(), self.environment)
        self.quarantined = len(report.quarantined)
        return report.chunks.total

    @cached_property
    def environment(self) -> Environment:
        """The real environment."""
        return msgspec.structs.replace(open_environment(self._root), now=lambda: datetime.now(UTC) + _AHEAD)

    @cached_property
    def release(self) -> OpenRelease:
        """What is live."""
        opened = open_release(self.environment, "default", None)
        opened.load()
        return opened

    @cached_property
    def offsets(self) -> dict[str, Offsets]:
        """By source: where the spans of its text lie in the file."""
        return {row["source"]: self._offsets(row) for row in self.release.documents.to_pylist()}

    def _offsets(self, row: dict[str, str]) -> Offsets:
        document = self.release.document(row["document_id"])
        segment = self.release.segments[document.segment]
        text = segment.versions["text"][segment.version_positions[document.document_id]].as_py()
        return Offsets((self._root / document.source).read_bytes().decode(), text)

    def searcher(self, embedder: Embedder, settings: RetrievalSettings) -> Searcher:
        """A searcher of the live release with other settings."""
        return Searcher(self.release, lambda: embedder, settings)


def query_embedder(workspace: QualityWorkspace) -> KeptQueries:
    """The embedder of a workspace's release."""
    return KeptQueries(workspace.environment.embedders.load(workspace.release.manifest.embed))


def measure(
    workspace: QualityWorkspace,
    group: Group,
    mode: str,
    embedder: KeptQueries,
    retrieval: RetrievalSettings | None = None,
) -> GroupResult:
    """Ask every question in one mode.

    Args:
        workspace: ingested.
        group: at least one question.
        mode: a name of ``MODES``.
        embedder: of the release's model.
        retrieval: settings to try out; the release's own when None.
    """
    settings = msgspec.structs.replace(retrieval or workspace.release.manifest.retrieval, **MODES[mode])
    searcher = workspace.searcher(embedder, settings)
    score = _SCORES[workspace.corpus.unit]
    k = _SPAN_HITS if workspace.corpus.unit == "span" else _RANKING_HITS
    questions = group.questions
    searcher.search("warm", k)
    inside, before = embedder.seconds, time.process_time()
    found = [searcher.search(question.text, k) for question in questions]
    cpu = time.process_time() - before - (embedder.seconds - inside)
    scores = [score(workspace, question, hits) for question, hits in zip(questions, found, strict=True)]
    return GroupResult(
        group=group.name,
        size=workspace.size,
        mode=mode,
        halves=tuple(question.half for question in questions),
        values={name: tuple(values[name] for values in scores) for name in scores[0]},
        cpu_ms=1000 * cpu / len(questions),
        embed_ms=mean(1000 * embedder.cost[question.text] for question in questions if settings.dense_weight > 0),
    )


def _path(source: str) -> str:
    """Path of a source below the corpus folder."""
    return source.split("/", 1)[1]


def _documents(_workspace: QualityWorkspace, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    sources = (source for found in hits for source in (found.source, *(copy.source for copy in found.copies)))
    ranking = list(dict.fromkeys(_path(source) for source in sources))
    gold = {place.source for place in question.gold}
    return {
        "hit@1": hit(ranking, gold, 1),
        "hit@5": hit(ranking, gold, 5),
        "recall@5": recall(ranking, gold, 5),
        "mrr@10": reciprocal_rank(ranking, gold, 10),
        "ndcg@10": ndcg(ranking, gold, 10),
    }


def _pages(_workspace: QualityWorkspace, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    ranking = [(_path(found.source), found.page) for found in hits]
    gold = {(place.source, place.page) for place in question.gold}
    documents = [source for source, _ in ranking]
    return {
        "hit@1": hit(ranking, gold, 1),
        "hit@5": hit(ranking, gold, 5),
        "hit@10": hit(ranking, gold, 10),
        "mrr@10": reciprocal_rank(ranking, gold, 10),
        "document@5": hit(documents, {source for source, _ in gold}, 5),
    }


def _spans(workspace: QualityWorkspace, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    spans: list[Span] = []
    for found in hits:
        start, end = workspace.offsets[found.source].original(found.start, found.end)
        spans.append((_path(found.source), start, end))
    recalled, precision, iou = overlap(spans, [(place.source, place.start, place.end) for place in question.gold])
    return {"recall": recalled, "precision": precision, "iou": iou}


_SCORES: dict[str, Callable[[QualityWorkspace, Question, Sequence[Hit]], dict[str, float]]] = {
    "document": _documents,
    "page": _pages,
    "span": _spans,
}
