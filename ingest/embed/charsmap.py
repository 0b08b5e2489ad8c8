"""Build the ``precompiled_charsmap`` of SentencePiece from a map of replaced characters.

The format: u32 size of a double array in bytes, the double array (Darts-clone units, u32), then the
replacements as NUL-terminated UTF-8. A unit holds its label in the low 8 bits, whether a value hangs below
it in bit 8, and the offset to its children from bit 10 on; a value unit holds the value with bit 31 set.
Source: https://github.com/s-yata/darts-clone, and ``spm_precompiled`` of Hugging Face, which reads it.
"""

from __future__ import annotations

import struct

_HAS_VALUE = 1 << 8
_IS_VALUE = 1 << 31
_OFFSET_SHIFT = 10
_ALIGNMENT = 256


class _Node:
    """A node of the byte trie; ``value`` is where its replacement starts."""

    def __init__(self) -> None:
        self.children: dict[int, _Node] = {}
        self.value: int | None = None

    def labels(self) -> list[int]:
        return [*([0] if self.value is not None else []), *self.children]


def build_charsmap(mapping: dict[str, str]) -> bytes:
    """Serialise a map from single characters to their replacements."""
    texts = bytearray()
    root = _Node()
    for character, replacement in sorted(mapping.items()):
        node = root
        for byte in character.encode("utf-8"):
            node = node.children.setdefault(byte, _Node())
        node.value = len(texts)
        texts += replacement.encode("utf-8") + b"\0"
    units = _DoubleArray().build(root)
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + bytes(texts)


class _DoubleArray:
    """Places the children of every node at base XOR label, where base = position XOR offset.

    A reader checks a child's label and not its parent, so no two nodes may have one base: else each would have the
    other's children as well.
    """

    def __init__(self) -> None:
        self._units: dict[int, int] = {0: 0}
        self._used = {0}
        self._bases: set[int] = set()
        self._first_free = 1

    def build(self, root: _Node) -> list[int]:
        waiting = [(0, root)]
        while waiting:
            position, node = waiting.pop()
            base = self._find_base(node.labels())
            self._units[position] |= (position ^ base) << _OFFSET_SHIFT
            if node.value is not None:
                self._units[position] |= _HAS_VALUE
                self._place(base, node.value | _IS_VALUE)
            for label, child in node.children.items():
                self._place(base ^ label, label)
                waiting.append((base ^ label, child))
        size = -(-(max(self._units) + 1) // _ALIGNMENT) * _ALIGNMENT
        return [self._units.get(position, 0) for position in range(size)]

    def _place(self, position: int, unit: int) -> None:
        self._units[position] = unit
        self._used.add(position)

    def _find_base(self, labels: list[int]) -> int:
        while self._first_free in self._used:
            self._first_free += 1
        place = self._first_free
        while True:
            base = place ^ labels[0]
            free = base and base not in self._bases
            if free and not any((base ^ label) in self._used for label in labels):
                self._bases.add(base)
                return base
            place += 1
