"""The embedder that runs a sentence-transformers model; tokenizer and model load at first use."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.embed.batches import pad_batch, padded_length, plan_batches
from ingest.embed.counting import check_window
from ingest.embed.exported import GRAPH, INT8_FOLDER, Ids, WordTable, read_card
from ingest.embed.tokens import ModelTokens
from ragpress.types import Float32Matrix, TokenCounter

if TYPE_CHECKING:
    from ingest.embed.unigram import UnigramTokenizer


class Runtime(Protocol):
    """Runs a model on padded batches of token ids; rows of the result need not have length 1."""

    def infer(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Embed one batch: (batch, length) to (batch, dimension)."""
        ...

    def infer_all(self, batches: list[tuple[Ids, Ids]]) -> list[npt.NDArray[np.float32]]:
        """Embed batches, in order."""
        ...


class RuntimeChoice(msgspec.Struct, frozen=True):
    """What a model runs on.

    Attributes:
        runtime: ``openvino``, ``onnxruntime`` or ``torch``.
        precision: ``fp32``, ``bf16`` or ``int8``.
        threads: threads of the runtime; 0 means one per core.
        batch_tokens: padded tokens of one batch.
    """

    runtime: str
    precision: str
    threads: int
    batch_tokens: int


class ModelEmbedder:
    """An exported sentence-transformers model.

    In bf16 the vector of a text may differ in its last bits with the texts it shares a batch with
    (cosine above .9999); in fp32 the difference is of the order of rounding.

    Args:
        name: as written in the settings.
        fingerprint: decides every vector.
        folder: the exported model.
        source: its sentence-transformers folder, for the torch runtime.
        choice: what it runs on.

    """

    def __init__(self, name: str, fingerprint: str, folder: Path, source: Path, choice: RuntimeChoice) -> None:
        self._card = read_card(folder)
        self.folder, self.source, self._choice = folder, source, choice
        self.name = name
        self.fingerprint = fingerprint
        self.runtime = f"{choice.runtime} {choice.precision}"
        self.query_prefix = self._card.query_prefix
        self.passage_prefix = self._card.passage_prefix
        self.dimension = self._card.dimension
        self.window = self._card.window
        self.passage_limit = self._card.passage_limit
        self._tokens = ModelTokens(folder, self._card.tokenizer)
        self.tokens: TokenCounter = self._tokens

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """Embed texts as passages. Returns float32 of shape (len(texts), dimension), rows of length 1.

        Raises:
            ModelError: a text is longer than the window; nothing is ever cut.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        rows = self._tokens.ids([self.passage_prefix + text for text in texts])
        for text, row in zip(texts, rows, strict=True):
            check_window(self.name, text, len(row), self.window)
        plan = plan_batches([len(row) for row in rows], self._choice.batch_tokens)
        batches = [self._pad([rows[position] for position in batch]) for batch in plan]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for batch, found in zip(plan, self._runtime.infer_all(batches), strict=True):
            vectors[batch] = found
        return _unit_rows(vectors)

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question. Returns float32 of shape (dimension,), length 1.

        Raises:
            ModelError: the question is longer than the window.
        """
        prefixed = self.query_prefix + text
        found = self._quick_ids(prefixed)
        row = found if found is not None else self._tokens.ids([prefixed])[0]
        check_window(self.name, text, len(row), self.window)
        vector: npt.NDArray[np.float32] = _unit_rows(self._runtime.infer(*self._pad([row])))[0]
        return vector

    def _quick_ids(self, text: str) -> list[int] | None:
        if self._tokens.loaded or self._quick_tokens is None:
            return None
        return self._quick_tokens.ids(text)

    def _pad(self, rows: list[list[int]]) -> tuple[Ids, Ids]:
        return pad_batch(rows, self._card.pad_id, min(self.window, padded_length(max(len(row) for row in rows))))

    @cached_property
    def _quick_tokens(self) -> UnigramTokenizer | None:
        from ingest.embed.unigram import open_unigram  # noqa: PLC0415 (only questions need it)

        return open_unigram(self.folder)

    @cached_property
    def _runtime(self) -> Runtime:
        choice = self._choice
        if choice.runtime == "torch":
            from ingest.embed.torch_runtime import TorchRuntime  # noqa: PLC0415 (optional at run time)

            return TorchRuntime(self.source, choice.precision, choice.threads)
        words = WordTable(self.folder)
        if choice.runtime == "onnxruntime":
            from ingest.embed.onnx_runtime import OnnxRuntime  # noqa: PLC0415

            graphs = self.folder / INT8_FOLDER if choice.precision == "int8" else self.folder
            return OnnxRuntime(graphs / GRAPH, words, choice.threads)
        from ingest.embed.openvino_runtime import OpenVinoRuntime  # noqa: PLC0415

        return OpenVinoRuntime(self.folder / GRAPH, words, choice.precision, choice.threads)


def _unit_rows(vectors: Float32Matrix) -> Float32Matrix:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Float32Matrix = vectors / np.maximum(norms, np.float32(1e-12))
    return scaled
