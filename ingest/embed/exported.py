"""A model as this package keeps it in the cache: a graph, a table of word vectors, a tokenizer, a card.

The table of word vectors stands outside the graph: it is memory-mapped, so that embedding one question
reads a few rows of it instead of compiling all of it (multilingual-e5-small: 250,037 rows, 82 % of the model).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from ragpress.errors import ModelError

CARD = "card.json"
GRAPH = "model.onnx"
INT8_FOLDER = "int8"
TOKENIZER = "tokenizer.json"
WORDS = "words.npy"

GRAPH_INPUTS = ("word_vectors", "attention_mask")
GRAPH_OUTPUT = "sentence_embedding"

Ids = npt.NDArray[np.int64]


class ModelCard(msgspec.Struct, frozen=True):
    """What there is to know about an exported model.

    Attributes:
        dimension: length of a vector.
        window: the most tokens the model reads at once, special tokens and prefix included.
        passage_limit: the most tokens of a passage, special tokens and prefix not included.
        tokenizer: digest of the tokenizer's file: it decides where tokens start.
        pad_id: token that fills up a batch.
        query_prefix: put before a question.
        passage_prefix: put before a passage.
    """

    dimension: int
    window: int
    passage_limit: int
    tokenizer: str
    pad_id: int
    query_prefix: str
    passage_prefix: str


def read_card(folder: Path) -> ModelCard:
    """Read the card of an exported model.

    Raises:
        ModelError: the folder is damaged.
    """
    path = folder / CARD
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelCard)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise ModelError(
            f"Expected the card of an exported model in {path}, found: {error}. "
            f"Remove the folder {folder}; it is built again on the next run."
        ) from error


class WordTable:
    """The memory-mapped word vectors of an exported model."""

    def __init__(self, folder: Path) -> None:
        self._rows: npt.NDArray[np.float16] = np.load(folder / WORDS, mmap_mode="r", allow_pickle=False)

    def look_up(self, ids: Ids) -> npt.NDArray[np.float32]:
        """Word vectors of a batch: ids of shape (batch, length) to float32 (batch, length, hidden)."""
        return self._rows[ids].astype(np.float32)
