"""The embedder's own tokenizer, without its model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ingest.embed.exported import TOKENIZER
from ragpress.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


class ModelTokens:
    """Counts and makes tokens exactly as the model does; loads its tokenizer at first use.

    Args:
        folder: folder of the exported model.
        fingerprint: decides where every token starts.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._path = folder / TOKENIZER
        self._loaded: Tokenizer | None = None

    def token_starts(self, text: str) -> npt.NDArray[np.int64]:
        """Code-point offset of each token, ascending, shape (tokens,); no special tokens, no prefix."""
        return _starts(self._tokenizer.encode(text, add_special_tokens=False))

    def token_starts_many(self, texts: list[str]) -> list[npt.NDArray[np.int64]]:
        """:meth:`token_starts` of each text."""
        return [_starts(found) for found in self._tokenizer.encode_batch(texts, add_special_tokens=False)]

    def ids(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included; never cut."""
        return [found.ids for found in self._tokenizer.encode_batch_fast(texts)]

    @property
    def loaded(self) -> bool:
        """Whether the tokenizer is in memory already."""
        return self._loaded is not None

    @property
    def _tokenizer(self) -> Tokenizer:
        if self._loaded is None:
            self._loaded = _load(self._path)
        return self._loaded


def _load(path: Path) -> Tokenizer:
    # its threads would be inherited by forked workers, which it answers with a warning on stderr
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import tokenizers  # noqa: PLC0415 (keeps the command line's start short)

    if not path.is_file():
        raise ModelError(f"Expected the model's tokenizer in {path}, found nothing. Remove that folder and run again.")
    return tokenizers.Tokenizer.from_file(str(path))


def _starts(found: Encoding) -> npt.NDArray[np.int64]:
    return np.fromiter((start for start, _ in found.offsets), dtype=np.int64, count=len(found.offsets))
