"""Reranking with a sentence-transformers CrossEncoder in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ingest.embed.export import quiet_libraries
from ingest.embed.resolve import find_model
from ragpress.errors import ModelError

_BATCH = 16


class CrossEncoderReranker:
    """A CrossEncoder with one output, loaded at first use.

    Its tokenizer keeps the padding of the batch it works on, so one thread asks it at a time.

    Args:
        model: folder or name, found as embedding models are (``ingest.embed.resolve``): a folder, the hub cache, an
            installed package, the hub unless it is switched off.
    """

    def __init__(self, model: str) -> None:
        self.name = f"cross_encoder {model}"
        self._model = model
        self._loaded: Any = None
        self._lock = threading.Lock()

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """A score for each text; texts beyond the model's window are cut by its tokenizer.

        Raises:
            ModelError: the model is not found, is no CrossEncoder or has more than one output.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._model)
            pairs = [(query, text) for text in texts]
            scores = self._loaded.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        if scores.ndim != 1:
            raise ModelError(
                f"The cross-encoder {self._model!r} gives {scores.shape[1]} values a text: expected one that ranks. "
                "Name a reranking model in [rerank] model."
            )
        return [float(score) for score in scores]


def _load(model: str) -> Any:
    source = find_model(model)
    with quiet_libraries():
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds of imports

        try:
            return CrossEncoder(str(source.path), device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ModelError(
                f"Expected a sentence-transformers CrossEncoder in {source.path} ({source.origin}), found something "
                f"that cannot be loaded as one: {error}"
            ) from error
