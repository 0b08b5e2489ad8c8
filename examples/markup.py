"""The small markup in which the text of the sample's binary documents is kept (``examples/sources``).

Blocks are separated by blank lines: ``# `` a title, ``## `` a heading, lines that start with ``| `` a
table (its first row is the head), lines that start with ``- `` a list, anything else a paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

BlockKind = Literal["title", "heading", "paragraph", "list", "table"]


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        kind: what it is.
        text: its text; "" for lists and tables.
        rows: table rows, or one cell per list item.
    """

    kind: BlockKind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


def read_blocks(path: Path) -> list[Block]:
    """Read a source file into blocks."""
    parts = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [_block(part.strip()) for part in parts]


def sections(blocks: list[Block]) -> list[tuple[str, list[Block]]]:
    """Group blocks under their titles, as (title, blocks) pairs in order."""
    found: list[tuple[str, list[Block]]] = []
    for block in blocks:
        if block.kind == "title":
            found.append((block.text, []))
        else:
            found[-1][1].append(block)
    return found


def _block(part: str) -> Block:
    lines = part.splitlines()
    if part.startswith("## "):
        return Block("heading", part[3:])
    if part.startswith("# "):
        return Block("title", part[2:])
    if part.startswith("| "):
        return Block(
            "table", rows=tuple(tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines)
        )
    if part.startswith("- "):
        return Block("list", rows=tuple((line[2:],) for line in lines))
    return Block("paragraph", " ".join(lines))
