"""A question as it is searched for: whole characters, and a vector also where it is longer than the embedder reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ragpress.errors import ModelError
from ragpress.types import Embedder

# No tokenizer here has tokens that are longer on average; what lies behind so many characters is never read.
_CHARACTERS_PER_TOKEN = 32
_SHRINK = 0.9


class QueryVector(NamedTuple):
    """A question's vector.

    Attributes:
        vector: float32 of shape (dimension,), length 1.
        read: how many characters of the question it stands for.
    """

    vector: npt.NDArray[np.float32]
    read: int


def query_vector(embedder: Embedder, query: str) -> QueryVector:
    """Embed a question; of one that is longer than the window, the beginning that fits.

    Raises:
        ModelError: the embedder cannot be loaded.
    """
    head = query[: embedder.window * _CHARACTERS_PER_TOKEN]
    try:
        return QueryVector(embedder.embed_query(head), len(head))
    except ModelError:
        starts = embedder.tokens.token_starts(head)
        # The prefix of a question and the special tokens take a few tokens more than those of the text.
        if len(starts) <= embedder.passage_limit * _SHRINK:
            raise
    return _cut(embedder, head, starts.tolist())


def _cut(embedder: Embedder, query: str, starts: list[int]) -> QueryVector:
    limit = min(embedder.passage_limit, len(starts) - 1)
    while True:
        text = query[: starts[limit]].rstrip()
        try:
            return QueryVector(embedder.embed_query(text), len(text))
        except ModelError:
            if limit <= 1:
                raise
            limit = int(limit * _SHRINK)


def whole_characters(text: str) -> str:
    """A text that can be written as UTF-8: halves of surrogate pairs are joined, lone ones become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
