"""OpenDocument presentations: the slides' own text, without the master pages that xberg repeats for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.limits import open_zip, read_member
from ingest.parse.xml_tree import load
from ragpress.errors import EncryptedError, ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "lxml-odp"
MEDIA_TYPE = "application/vnd.oasis.opendocument.presentation"
_MOST_DEPTH = 100
_FOOTERS = {"footer", "date-time", "page-number", "header"}


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read an ODP file slide by slide: titles, text, lists, tables, notes.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: it exceeds a limit.
        ParseError: it is damaged.
    """
    with open_zip(data) as archive:
        if "META-INF/manifest.xml" in archive.namelist():
            manifest = read_member(archive, "META-INF/manifest.xml")
            if b"encryption-data" in manifest:
                raise EncryptedError("The presentation is encrypted. Save it without a password.")
        root = load(read_member(archive, "content.xml"))
    builder = DocumentBuilder(settings.max_characters)
    slides = [node for node in root.iter() if _local(node) == "page"]
    for number, slide in enumerate(slides, 1):
        frames = [node for node in slide if _local(node) not in ("notes", "forms")]
        title = next((frame for frame in frames if _class(frame) == "title"), None)
        builder.heading(1, _line(title) if title is not None and _line(title) else f"Slide {number}", number)
        for frame in frames:
            if frame is not title:
                _add(builder, frame, number, settings, 0)
        for notes in (node for node in slide if _local(node) == "notes"):
            _add(builder, notes, number, settings, 0)
    title_text = builder.first_heading
    return builder.build(Facts(media_type=MEDIA_TYPE, parser=PARSER, title=title_text, pages=len(slides)))


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def _class(frame: Any) -> str:
    return next((value for key, value in frame.attrib.items() if key.endswith("presentation:1.0}class")), "")


def _line(node: Any) -> str:
    return " ".join("".join(_pieces(node)).split())


def _pieces(node: Any) -> Iterator[str]:
    """Text in document order; spaces, tabs and line breaks are elements in OpenDocument."""
    for event in node.iter():
        local = _local(event)
        if local in ("s", "tab", "line-break", "p", "h"):
            yield " "
        if local and event.text:
            yield event.text
        if event is not node and event.tail:
            yield event.tail


def _add(builder: DocumentBuilder, node: Any, page: int, settings: ParseSettings, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise ParseError(f"Slide {page} is nested deeper than {_MOST_DEPTH} levels.")
    local = _local(node)
    if _class(node) in _FOOTERS:
        builder.add(ElementKind.FOOTER, _line(node), page)
    elif local in ("p", "h"):
        builder.add(ElementKind.PARAGRAPH, _line(node), page)
    elif local == "list":
        builder.add(ElementKind.LIST, "\n".join(_items(node, 0)), page)
    elif local == "table":
        _add_table(builder, node, page, settings.max_table_cells)
    elif local not in ("settings", "styles", "image", "event-listeners"):
        for child in node:
            _add(builder, child, page, settings, depth + 1)


def _items(node: Any, depth: int) -> Iterator[str]:
    for item in node:
        for child in item:
            if _local(child) == "list":
                yield from _items(child, min(depth + 1, _MOST_DEPTH))
            elif _line(child):
                yield f"{'  ' * depth}- {_line(child)}"


def _add_table(builder: DocumentBuilder, table: Any, page: int, most: int) -> None:
    rows: list[list[str]] = []
    cells = 0
    for row in (node for node in table.iter() if _local(node) == "table-row"):
        rows.append([_line(cell) for cell in row if _local(cell) in ("table-cell", "covered-table-cell")])
        cells += len(rows[-1])
        if cells > most:
            raise TooLargeError(f"A table on slide {page} has more than {most:,} cells.")
    builder.table([row for row in rows if any(row)], page)
