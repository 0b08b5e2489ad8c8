"""An embedder without a model: signed feature hashing of words and Han characters.

For pipelines under test and for measuring what a pipeline costs beside its model. Nearby texts share
words and so get nearby vectors, in any language; nothing about meaning is known. Method: Weinberger et
al., "Feature hashing for large scale multitask learning", ICML 2009. The hash of every feature of a whole
batch comes from one running sum: with C[i] the sum of byte[j] * R**j (modulo 2**64), the bytes of
[start, end) hash to (C[end] - C[start]) * R**-start, wherever they stand.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from ingest.embed.counting import check_window
from ragpress.fingerprint import hexdigest
from ragpress.types import Float32Matrix, TokenCounter

DIMENSION = 384
WINDOW = 8192
VERSION = 1

_U64 = np.uint64
_BLOCK_BYTES = 1 << 16
_BASE = 0x9E3779B97F4A7C15 | 1
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = _U64(0xBF58476D1CE4E5B9)
_STEM_BYTES = 5
_HAN_BYTES = 3

_SPACE, _WORD, _SINGLE = 0, 1, 2
_FIRST_SINGLE = 0x3001


def _character_classes() -> npt.NDArray[np.uint8]:
    """Class of each code point up to the ideographic space; everything above is a token of its own."""
    classes = [_SINGLE] * (_FIRST_SINGLE + 1)
    for code in range(_FIRST_SINGLE):
        if chr(code).isspace():
            classes[code] = _SPACE
        elif chr(code).isalnum() or chr(code) == "_":
            classes[code] = _WORD
    return np.array(classes, dtype=np.uint8)


_CLASSES = _character_classes()
_WORD_BYTE = np.zeros(256, dtype=bool)
_WORD_BYTE[[*b"0123456789abcdefghijklmnopqrstuvwxyz_", *range(0xC0, 0xE0)]] = True
_CONTINUATION = np.zeros(256, dtype=bool)
_CONTINUATION[0x80:0xC0] = True


class WordCounter:
    """Counts words, and every other visible character (Han characters, punctuation) by itself.

    Attributes:
        fingerprint: decides where every token starts.
    """

    fingerprint = hexdigest("words and characters", VERSION)

    def token_starts(self, text: str) -> npt.NDArray[np.int64]:
        """Code-point offset of each token, ascending, shape (tokens,)."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        classes = _CLASSES[np.minimum(codes, np.uint32(_FIRST_SINGLE))]
        starts = classes != _SPACE
        word = classes == _WORD
        starts[1:] &= ~(word[1:] & word[:-1])
        return np.flatnonzero(starts).astype(np.int64, copy=False)

    def token_starts_many(self, texts: list[str]) -> list[npt.NDArray[np.int64]]:
        """:meth:`token_starts` of each text."""
        return [self.token_starts(text) for text in texts]


class HashingEmbedder:
    """The embedder named ``hashing``: 384 dimensions, deterministic, no model to load."""

    name = "hashing"
    dimension = DIMENSION
    window = WINDOW
    passage_limit = WINDOW

    def __init__(self) -> None:
        self.fingerprint = fingerprint()
        self.tokens: TokenCounter = WordCounter()

    def embed_passages(self, texts: list[str]) -> Float32Matrix:
        """Embed texts. Returns float32 of shape (len(texts), 384), rows of length 1.

        Raises:
            ModelError: a text is longer than the window.
        """
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for first, block in _blocks(texts):
            for text in block:
                if len(text) > WINDOW:
                    check_window(self.name, text, len(self.tokens.token_starts(text)), WINDOW)
            vectors[first : first + len(block)] = _embed_block(block)
        return vectors

    def embed_query(self, text: str) -> npt.NDArray[np.float32]:
        """Embed a question as a passage is. Returns float32 of shape (384,), length 1."""
        vector: npt.NDArray[np.float32] = _embed_block([text])[0]
        return vector


def fingerprint() -> str:
    """What decides every vector of this embedder."""
    return hexdigest("hashing", VERSION, DIMENSION)


def _blocks(texts: list[str]) -> list[tuple[int, list[str]]]:
    """Cut a batch so that the arrays of one block stay in the processor's cache."""
    blocks: list[tuple[int, list[str]]] = []
    first = size = 0
    for position, text in enumerate(texts):
        if size and size + len(text) > _BLOCK_BYTES:
            blocks.append((first, texts[first:position]))
            first, size = position, 0
        size += len(text)
    if first < len(texts):
        blocks.append((first, texts[first:]))
    return blocks


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    steps = np.full(count, base, dtype=np.uint64)
    steps[0] = 1
    return np.cumprod(steps, dtype=np.uint64)


class _PowerTable:
    """Powers of the base and of its inverse, grown on demand."""

    def __init__(self) -> None:
        self.up = _powers(_BASE, 1)
        self.down = _powers(_BASE_INVERSE, 1)
        self._growing = threading.Lock()

    def grow(self, count: int) -> None:
        if len(self.up) >= count:
            return
        with self._growing:
            # Another thread may have grown it meanwhile, and further: it never shrinks.
            if len(self.up) < count:
                self.down, self.up = _powers(_BASE_INVERSE, 2 * count), _powers(_BASE, 2 * count)


_POWERS = _PowerTable()


def _embed_block(texts: list[str]) -> Float32Matrix:
    encoded = [text.lower().encode("utf-8", "surrogatepass") for text in texts]
    data = np.frombuffer(b"\0".join([*encoded, b""]), dtype=np.uint8)
    _POWERS.grow(len(data) + 1)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(data * _POWERS.up[: len(data)], out=sums[1:])
    starts, ends, weights = _features(data)
    rows = np.searchsorted(np.cumsum([len(body) + 1 for body in encoded]), starts, side="right")
    hashes = (sums[ends] - sums[starts]) * _POWERS.down[starts]
    return _unit_rows(_scatter(rows, hashes, weights, len(texts)))


def _features(
    data: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Byte spans and weights of the features: words, their stems, Han characters and pairs of them."""
    long_character = data >= 0xE0
    inside = _WORD_BYTE[data]
    inside[1:] |= _CONTINUATION[data[1:]] & inside[:-1]
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    start, end = edges[0::2], edges[1::2]
    length = end - start
    stem = length > _STEM_BYTES
    single = np.flatnonzero(long_character)
    pair = single[np.flatnonzero(long_character[np.minimum(single + _HAN_BYTES, len(data) - 1)])]
    starts = np.concatenate([start, start[stem], single, pair])
    ends = np.concatenate([end, start[stem] + _STEM_BYTES, single + _HAN_BYTES, pair + 2 * _HAN_BYTES])
    # short words and single Han characters are mostly function words: they say little of the topic
    weights = np.concatenate(
        [np.minimum(length, 6) / 6.0, np.full(int(stem.sum()), 0.5), np.full(len(single), 0.4), np.ones(len(pair))]
    )
    return starts, np.minimum(ends, len(data)), weights


def _scatter(
    rows: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64], weights: npt.NDArray[np.float64], count: int
) -> npt.NDArray[np.float64]:
    mixed = (hashes ^ (hashes >> _U64(31))) * _MIX
    column = ((mixed >> _U64(40)) * _U64(DIMENSION)) >> _U64(24)
    signed = np.where(mixed & _U64(1 << 20), weights, -weights)
    cells = rows * DIMENSION + column.astype(np.int64)
    # a batch without features has integer zeros
    sums = np.bincount(cells, weights=signed, minlength=count * DIMENSION).astype(np.float64, copy=False)
    return sums.reshape(count, DIMENSION)


def _unit_rows(matrix: npt.NDArray[np.float64]) -> Float32Matrix:
    """Scale rows to length 1; a text without any feature gets the first axis, so that it has a vector too."""
    norms = np.linalg.norm(matrix, axis=1)
    empty = norms < 1e-12
    matrix[empty] = 0.0
    matrix[empty, 0] = norms[empty] = 1.0
    scaled: Float32Matrix = (matrix / norms[:, None]).astype(np.float32)
    return scaled
