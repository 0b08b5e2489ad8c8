"""What embedding costs and what it keeps: ``python -m benchmarks.embedding --model all-MiniLM-L6-v2``.

On real text, in one run: chunks per CPU-second (user and system time of the whole process) of sentence-transformers
fp32 and of ragpress, slice by slice in turn; cosine of the two vectors of each chunk; overlap of the top ten of up to
500 questions, by exact search; and the CPU time of a question from a cold process, imports included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from ingest.embed import load_embedder
from ingest.embed.export import quiet_libraries
from ingest.embed.model import ModelEmbedder
from ragpress.settings import EmbedSettings
from ragpress.types import Embedder, Float32Matrix

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY.parent / "shared" / "data"
CHUNK_TOKENS = 230
TOP = 10
COLD_RUNS = 5
_ENGLISH = {"all-MiniLM-L6-v2"}
_QUESTIONS_EN = ("chroma_chunking/questions.jsonl", "xquad_en_zh/questions.en.jsonl")
_QUESTIONS_ZH = ("xquad_en_zh/questions.zh.jsonl", "cmrc2018_zh/questions.jsonl")
_COLD = """
import sys, time
from pathlib import Path
from ingest.embed import load_embedder
from ragpress.settings import EmbedSettings
load_embedder(EmbedSettings(model=sys.argv[1]), Path(sys.argv[2])).embed_query(sys.argv[3])
print(time.process_time())
"""

Encode = Callable[[list[str]], Float32Matrix]


class Report(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        model: the model's name.
        runtime: what ragpress ran it on.
        chunks: number of chunks embedded by both.
        mean_tokens: their mean length in tokens.
        reference_rate: chunks per CPU-second of sentence-transformers fp32, median over slices.
        rate: chunks per CPU-second of ragpress, median over slices.
        ratio: the second over the first.
        wall_rate: chunks per second of ragpress, median over slices.
        cosine_mean: mean cosine of the two vectors of a chunk.
        cosine_min: the lowest.
        questions: number of questions searched.
        overlap: mean share of the reference's top ten that ragpress's vectors give too.
        cold_query_seconds: CPU time of one question from a cold process, median.
    """

    model: str
    runtime: str
    chunks: int
    mean_tokens: float
    reference_rate: float
    rate: float
    ratio: float
    wall_rate: float
    cosine_mean: float
    cosine_min: float
    questions: int
    overlap: float
    cold_query_seconds: float


class Slices(msgspec.Struct):
    """Vectors and costs of one side, slice by slice."""

    vectors: list[Float32Matrix] = msgspec.field(default_factory=list)
    rates: list[float] = msgspec.field(default_factory=list)
    wall_rates: list[float] = msgspec.field(default_factory=list)

    def measure(self, encode: Encode, texts: list[str]) -> None:
        """Embed one slice and keep what it cost."""
        wall, spent = time.perf_counter(), _cpu_seconds()
        self.vectors.append(encode(texts))
        self.rates.append(len(texts) / (_cpu_seconds() - spent))
        self.wall_rates.append(len(texts) / (time.perf_counter() - wall))

    def matrix(self) -> Float32Matrix:
        """All vectors, in the order of the texts."""
        return np.concatenate(self.vectors)


def main() -> None:
    """Run the benchmark and print its report."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        report = measure(EmbedSettings(model=options.model), cache, options)
    if options.out:
        options.out.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if options.json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(report)) + "\n")
        return
    table = Table("measure", "value", title="Embedding")
    for name, value in msgspec.to_builtins(report).items():
        table.add_row(name, f"{value:.5f}" if isinstance(value, float) else str(value))
    Console().print(table)


def measure(settings: EmbedSettings, cache: Path, options: argparse.Namespace) -> Report:
    """Compare one model in ragpress with sentence-transformers."""
    embedder = load_embedder(settings, cache)
    assert isinstance(embedder, ModelEmbedder)
    languages = ("en",) if settings.model in _ENGLISH else ("en", "zh")
    chunks = _chunks(embedder, languages, options.chunks)
    questions = _questions(languages, options.questions) or [chunk[:80] for chunk in chunks[: options.questions]]
    reference = _reference(embedder.source)
    theirs, ours = _race(reference, embedder, chunks, options.slices)
    expected, found = theirs.matrix(), ours.matrix()
    cosine = np.sum(expected * found, axis=1)
    asked = reference.encode(
        questions, prompt=embedder.query_prefix, normalize_embeddings=True, show_progress_bar=False
    )
    tops = _top(asked, expected), _top(np.stack([embedder.embed_query(text) for text in questions]), found)
    rates = statistics.median(theirs.rates), statistics.median(ours.rates)
    return Report(
        model=settings.model,
        runtime=embedder.runtime,
        chunks=len(chunks),
        mean_tokens=statistics.fmean(len(embedder.tokens.token_starts(chunk)) for chunk in chunks),
        reference_rate=rates[0],
        rate=rates[1],
        ratio=rates[1] / rates[0],
        wall_rate=statistics.median(ours.wall_rates),
        cosine_mean=float(cosine.mean()),
        cosine_min=float(cosine.min()),
        questions=len(questions),
        overlap=statistics.fmean(len({*a} & {*b}) / TOP for a, b in zip(*tops, strict=True)),
        cold_query_seconds=_cold_query(settings.model, cache, questions),
    )


def _race(reference: Any, embedder: ModelEmbedder, chunks: list[str], slices: int) -> tuple[Slices, Slices]:
    """Embed every slice with both, the first of a slice changing from slice to slice."""

    def encode(texts: list[str]) -> Float32Matrix:
        vectors: Float32Matrix = reference.encode(
            texts, prompt=embedder.passage_prefix, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    theirs, ours = Slices(), Slices()
    encode(chunks[:4])
    embedder.embed_passages(chunks[:4])
    for number in range(slices):
        texts = chunks[number * len(chunks) // slices : (number + 1) * len(chunks) // slices]
        sides = [(theirs, encode), (ours, embedder.embed_passages)]
        for side, run in sides if number % 2 else sides[::-1]:
            side.measure(run, texts)
    return theirs, ours


def _reference(source: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    with quiet_libraries():
        return SentenceTransformer(str(source), device="cpu", local_files_only=True)


def _top(queries: Float32Matrix, vectors: Float32Matrix) -> list[list[int]]:
    order = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :TOP]
    rows: list[list[int]] = order.tolist()
    return rows


def _cold_query(model: str, cache: Path, questions: list[str]) -> float:
    """Median CPU-seconds of one question from a cold process; a wordy one, in each language."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    spent = []
    for run in range(COLD_RUNS):
        command = [sys.executable, "-c", _COLD, model, str(cache), questions[run % len(questions)]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        spent.append(float(done.stdout))
    return statistics.median(spent)


def _chunks(embedder: Embedder, languages: tuple[str, ...], count: int) -> list[str]:
    """Real text in pieces of at most 230 tokens, the same number in each language."""
    share = count // len(languages)
    chunks = []
    for language in languages:
        pieces = _cut(embedder, _texts(language))
        chunks += [piece for _, piece in zip(range(share), pieces, strict=False)]
    return chunks


def _cut(embedder: Embedder, texts: Iterator[str]) -> Iterator[str]:
    """Whole paragraphs, joined while they fit; a longer one is cut at a token."""
    waiting = ""
    for paragraph in (part for text in texts for part in text.split("\n\n") if part.strip()):
        joined = f"{waiting}\n\n{paragraph}".strip()
        if waiting and len(embedder.tokens.token_starts(joined)) > CHUNK_TOKENS:
            yield waiting
            joined = paragraph
        starts = embedder.tokens.token_starts(joined)
        while len(starts) > CHUNK_TOKENS:
            yield joined[: starts[CHUNK_TOKENS]]
            joined = joined[starts[CHUNK_TOKENS] :]
            starts = embedder.tokens.token_starts(joined)
        waiting = joined


def _texts(language: str) -> Iterator[str]:
    folders = {"en": ("chroma_chunking/corpora", "xquad_en_zh/en"), "zh": ("xquad_en_zh/zh", "cmrc2018_zh/docs")}
    for folder in folders[language]:
        for path in sorted((DATA / folder).glob("*.[mt][dx]*")):
            yield path.read_text(encoding="utf-8")
    archive = DATA / "docs_history_fastapi" / "base.tar.xz"
    if language == "en" and archive.is_file():
        yield from _archived(archive, "/en/")
    for path in sorted(REPOSITORY.glob("**/*.zh*.md" if language == "zh" else "**/*.md")):
        yield path.read_text(encoding="utf-8")


def _archived(archive: Path, part: str) -> Iterator[str]:
    with tarfile.open(archive) as files:
        for member in files:
            body = files.extractfile(member) if part in member.name and member.name.endswith(".md") else None
            if body is not None:
                yield body.read().decode("utf-8")


def _questions(languages: tuple[str, ...], count: int) -> list[str]:
    found: list[str] = []
    for language in languages:
        names = _QUESTIONS_EN if language == "en" else _QUESTIONS_ZH
        paths = [DATA / name for name in names if (DATA / name).is_file()]
        rows = [row for path in paths for row in path.read_text(encoding="utf-8").splitlines()]
        step = max(1, len(rows) * len(languages) // count)
        found += [json.loads(row)["question"] for row in rows[::step][: count // len(languages)]]
    return found


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="a model's name or folder")
    parser.add_argument("--chunks", type=int, default=600, help="chunks that both sides embed")
    parser.add_argument("--questions", type=int, default=500, help="questions that are searched")
    parser.add_argument("--slices", type=int, default=6, help="alternating rounds")
    parser.add_argument("--cache", type=Path, help="folder of exported models (default: a temporary one)")
    parser.add_argument("--out", type=Path, help="write the report as JSON to this file")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
