"""A small Markdown reader and a token counter for the tests of clean, audit and chunk."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ragpress.types import CleanedDocument, Element, ElementKind, ParsedDocument

_TOKEN = re.compile(r"[\u4e00-\u9fff\u3040-\u30ff]|[^\W_]{1,6}|[^\w\s]|_")
_LIST = re.compile(r"(?:[-*+]|\d+[.)]) ")


class RegexTokens:
    """Words of at most six characters, single Han characters, punctuation."""

    fingerprint = "regex"

    def token_starts(self, text: str) -> npt.NDArray[np.int64]:
        """Offset of each token."""
        return np.fromiter((match.start() for match in _TOKEN.finditer(text)), dtype=np.int64)


def blocks(markdown: str) -> list[str]:
    """Blocks between blank lines; a fenced code block is one block."""
    found: list[list[str]] = [[]]
    fence = False
    for line in markdown.split("\n"):
        if line.lstrip().startswith("```"):
            fence = not fence
        if line.strip() or fence:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines).rstrip() for lines in found if "\n".join(lines).strip()]


def markdown_document(markdown: str) -> ParsedDocument:
    """Read Markdown roughly: titles, lists, tables, fenced code, paragraphs."""
    path: list[str] = []
    levels: list[int] = []
    parts: list[tuple[str, ElementKind, tuple[str, ...]]] = []
    for block in blocks(markdown):
        title = re.match(r"(#{1,6}) (.*)", block)
        if not title:
            parts.append((block, _kind(block), tuple(path)))
            continue
        head, _, rest = block.partition("\n")
        level = len(title[1])
        while levels and levels[-1] >= level:
            levels.pop()
            path.pop()
        levels.append(level)
        path.append(title[2].strip() or "Untitled")
        parts.append((head.lstrip("# ") or "Untitled", ElementKind.TITLE, tuple(path)))
        if rest.strip():
            parts.append((rest, ElementKind.PARAGRAPH, tuple(path)))
    return document(parts)


def document(
    parts: Sequence[tuple[str, ElementKind, tuple[str, ...]]], pages: list[int] | None = None
) -> ParsedDocument:
    """A parsed document of (text, kind, heading) elements, each on its page if pages are given."""
    elements = []
    at = 0
    for number, (text, kind, heading) in enumerate(parts):
        elements.append(Element(kind, at, at + len(text), pages[number] if pages else None, heading))
        at += len(text) + 2
    text = "\n\n".join(text for text, _, _ in parts)
    return ParsedDocument(text, tuple(elements), pages=max(pages) if pages else None)


def cleaned(parsed: ParsedDocument) -> CleanedDocument:
    """The document as if nothing had to be cleaned."""
    return CleanedDocument(parsed.text, parsed.elements)


def _kind(block: str) -> ElementKind:
    if block.lstrip().startswith("```"):
        return ElementKind.CODE
    if _LIST.match(block.lstrip()):
        return ElementKind.LIST
    return ElementKind.TABLE if block.startswith("|") else ElementKind.PARAGRAPH
