"""Assembles a ``ParsedDocument``: text pieces in order, their offsets and the headings above them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ragpress.errors import TooLargeError
from ragpress.types import Element, ElementKind, ParsedDocument

SEPARATOR = "\n\n"
HEADING_CHARACTERS = 200
TABLE_ELEMENT_CHARACTERS = 20_000

_SPACE = re.compile(r"\s+")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n+")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a parser knows about a document beside its text. Fields as in ``ParsedDocument``."""

    media_type: str
    parser: str
    title: str = ""
    pages: int | None = None
    metadata: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class DocumentBuilder:
    """Collects elements in reading order.

    Args:
        max_characters: more text than this is too large.
    """

    def __init__(self, max_characters: int) -> None:
        self._parts: list[str] = []
        self._elements: list[Element] = []
        self._length = 0
        self._most = max_characters
        self._levels: list[int] = []
        self._path: tuple[str, ...] = ()
        self.first_heading = ""

    def __len__(self) -> int:
        return self._length

    def add(self, kind: ElementKind, text: str, page: int | None = None) -> None:
        """Append a piece under the current headings; white space at its ends is dropped, as is an empty piece."""
        self._append(kind, text, page, self._path)

    def paragraphs(self, text: str, page: int | None = None) -> None:
        """Append each run of lines between blank lines as a paragraph."""
        for block in _BLANK_LINES.split(text):
            self._append(ElementKind.PARAGRAPH, block, page, self._path)

    def heading(self, level: int, name: str, page: int | None = None, text: str | None = None) -> None:
        """Append a title and make it the heading of what follows.

        Args:
            level: 1 is outermost.
            name: the heading as it stands in heading paths.
            page: where it stands.
            text: its element's text, when that is not the name (Markdown keeps its marker).
        """
        path = self.enter(level, name)
        self._append(ElementKind.TITLE, text if text is not None else name, page, path)

    def enter(self, level: int, name: str) -> tuple[str, ...]:
        """Make a name the heading of what follows without a title element, for example a function's name."""
        name = _SPACE.sub(" ", name).strip()[:HEADING_CHARACTERS]
        keep = 0
        while keep < len(self._levels) and self._levels[keep] < level:
            keep += 1
        self._levels = [*self._levels[:keep], level]
        self._path = (*self._path[:keep], name or "…")
        self.first_heading = self.first_heading or name
        return self._path

    def leave(self, level: int) -> None:
        """Close every heading of this level and deeper."""
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
        self._path = self._path[: len(self._levels)]

    def table(self, rows: Sequence[Sequence[str]], page: int | None = None) -> None:
        """Append a table as pipe rows, the first row as its header; a long one becomes several elements."""
        width = max((len(row) for row in rows), default=0)
        if not width:
            return
        lines = [pipe_row(row, width) for row in rows]
        lines.insert(1, "| " + " | ".join(["---"] * width) + " |")
        self.table_lines(lines, page)

    def table_lines(self, lines: list[str], page: int | None = None) -> None:
        """Append finished table lines, cut between rows where the table is long."""
        block: list[str] = []
        size = 0
        for line in lines:
            if size + len(line) > TABLE_ELEMENT_CHARACTERS and len(block) > 2:
                self.add(ElementKind.TABLE, "\n".join(block), page)
                block, size = [], 0
            block.append(line)
            size += len(line) + 1
        self.add(ElementKind.TABLE, "\n".join(block), page)

    def build(self, facts: Facts) -> ParsedDocument:
        """The finished document."""
        return ParsedDocument(
            text=SEPARATOR.join(self._parts),
            elements=tuple(self._elements),
            title=facts.title,
            media_type=facts.media_type,
            parser=facts.parser,
            pages=facts.pages,
            metadata=facts.metadata,
            notes=facts.notes,
        )

    def _append(self, kind: ElementKind, text: str, page: int | None, path: tuple[str, ...]) -> None:
        text = text.rstrip().lstrip("\n") if kind is ElementKind.CODE else text.strip()
        if not text:
            return
        text = drop_surrogates(text)
        start = self._length + (len(SEPARATOR) if self._parts else 0)
        self._length = start + len(text)
        if self._length > self._most:
            raise TooLargeError(
                f"The document holds more than {self._most:,} characters of text. "
                "Split it, or raise max_characters under [parse]."
            )
        self._parts.append(text)
        self._elements.append(Element(kind, start, self._length, page, path))


def pipe_row(cells: Sequence[str], width: int) -> str:
    """One row of a pipe table; line breaks inside cells become spaces and pipes are escaped."""
    padded = [*cells, *([""] * (width - len(cells)))]
    return "| " + " | ".join([cell_text(cell) for cell in padded]) + " |"


def cell_text(cell: str) -> str:
    """A table cell on one line."""
    if "|" in cell:
        cell = cell.replace("|", "\\|")
    if "\n" in cell or "\r" in cell or "\t" in cell:
        cell = _SPACE.sub(" ", cell)
    return cell.strip()


def drop_surrogates(text: str) -> str:
    """Replace lone surrogates, which no encoding can write, by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
