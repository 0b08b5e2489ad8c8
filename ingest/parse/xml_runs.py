"""Office documents by the text runs of their XML parts: plain, without layout, and hard to lead astray."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.limits import open_zip, read_member
from ingest.parse.xml_tree import load
from ragpress.errors import ParseError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "lxml-runs"
_PART = re.compile(
    r"word/(?:document|footnotes|endnotes|comments)\.xml|ppt/slides/slide\d+\.xml|ppt/notesSlides/notesSlide\d+\.xml"
    r"|xl/sharedStrings\.xml|content\.xml"
)
_NUMBER = re.compile(r"(\d+)\.xml\Z")
_ROWS = frozenset({"tr", "table-row"})
_CELLS = frozenset({"tc", "table-cell"})
_PARAGRAPHS = frozenset({"p", "h", "si"})
_TABS = frozenset({"tab", "s"})
_MOST_DEPTH = 200


def parse(data: bytes, media_type: str, settings: ParseSettings) -> ParsedDocument:
    """Read every paragraph and table row of an OOXML or OpenDocument file, in the order of its parts.

    Raises:
        TooLargeError: it exceeds a limit.
        ParseError: it is damaged, or no known part holds text.
    """
    builder = DocumentBuilder(settings.max_characters)
    with open_zip(data) as archive:
        names = sorted((name for name in archive.namelist() if _PART.fullmatch(name)), key=_place)
        for name in names:
            _add(builder, load(read_member(archive, name)), 0)
    if not len(builder):
        raise ParseError("None of the document's parts holds text runs. Take the repair back, or name another parser.")
    return builder.build(Facts(media_type=media_type, parser=PARSER))


def _place(name: str) -> tuple[str, int]:
    found = _NUMBER.search(name)
    return name.rsplit("/", 1)[0], int(found[1][:9]) if found else 0


def _add(builder: DocumentBuilder, node: Any, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise ParseError("The document is nested too deeply to be read.")
    for child in node:
        kind = _local(child)
        if kind in _ROWS:
            cells = [_text(cell) for cell in child if _local(cell) in _CELLS]
            builder.add(ElementKind.TABLE, "| " + " | ".join(cells) + " |" if any(cells) else "")
        elif kind in _PARAGRAPHS:
            builder.add(ElementKind.PARAGRAPH, _text(child))
        else:
            _add(builder, child, depth + 1)


def _text(node: Any) -> str:
    """The text of a node's runs, on one line. OOXML keeps text in ``t`` alone, OpenDocument between all tags."""
    runs = [_run(item) for item in node.iter() if _local(item) == "t" or _local(item) in _TABS]
    whole = "".join(runs) if any(run.strip() for run in runs) else "".join(node.itertext())
    return " ".join(whole.split())


def _run(item: Any) -> str:
    return " " if _local(item) in _TABS else item.text or ""


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""
