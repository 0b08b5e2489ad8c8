"""XML of any vocabulary: feeds by item, scientific articles through xberg, anything else by its blocks of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingest.parse import html, office
from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.xml_tree import load
from ragpress.errors import ParseError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "lxml"
_TITLES = frozenset(
    ["title", "head", "heading", "article-title", "invention-title", "chapter-title", "caption", "label", "term"]
)
_INLINE = frozenset(
    [
        "a",
        "b",
        "i",
        "u",
        "em",
        "strong",
        "sub",
        "sup",
        "span",
        "code",
        "bold",
        "italic",
        "underline",
        "xref",
        "ref",
        "ext-link",
        "emph",
        "hi",
        "sc",
        "br",
        "o",
        "tt",
        "small",
    ]
)
_MOST_DEPTH = 200


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read XML; entities are never resolved and nothing is fetched.

    Raises:
        ParseError: it is not well-formed enough to give any text, or nested too deeply.
    """
    root = load(data)
    local = _local(root)
    if local == "html":
        return html.parse(data, name, settings)
    if local == "article" and b"JATS" in data[:2000]:
        return office.parse_as(data, name, settings, "application/x-jats+xml")
    builder = DocumentBuilder(settings.max_characters)
    if local in ("rss", "feed", "rdf"):
        _add_feed(builder, root, settings)
    else:
        _add_blocks(builder, root, 1, settings)
    return builder.build(Facts(media_type="application/xml", parser=PARSER, title=builder.first_heading))


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1].lower() if isinstance(node.tag, str) else ""


def _text(node: Any) -> str:
    if not isinstance(node.tag, str):
        return ""
    return " ".join(str(node.xpath("string()")).split())


def _add_feed(builder: DocumentBuilder, root: Any, settings: ParseSettings) -> None:
    for node in root.iter():
        local = _local(node)
        parent = _local(node.getparent()) if node.getparent() is not None else ""
        if local == "title" and parent in ("channel", "feed", "item", "entry"):
            builder.heading(1 if parent in ("channel", "feed") else 2, _text(node))
        elif local in ("description", "summary", "content", "encoded", "subtitle"):
            text = str(node.xpath("string()"))
            if re.search(r"<[a-zA-Z/]", text):
                html.add_html(builder, text, settings)
            else:
                builder.paragraphs(text)
        elif local in ("pubdate", "published", "creator", "category") and parent in ("item", "entry"):
            builder.add(ElementKind.PARAGRAPH, _text(node))


def _add_blocks(builder: DocumentBuilder, node: Any, depth: int, settings: ParseSettings) -> None:
    if depth > _MOST_DEPTH:
        raise ParseError(f"The XML is nested deeper than {_MOST_DEPTH} levels.")
    local = _local(node)
    if not local:
        return
    if local == "table":
        rows = [row for row in node.iter() if _local(row) in ("tr", "row")]
        cells = [[_text(cell) for cell in row if _local(cell) in ("td", "th", "entry", "cell")] for row in rows]
        builder.table([row for row in cells if any(row)])
    elif local in _TITLES and not any(_local(child) not in _INLINE for child in node):
        builder.heading(min(depth, 6), _text(node))
    elif (node.text and node.text.strip()) or all(_local(child) in _INLINE for child in node):
        builder.add(ElementKind.PARAGRAPH, _text(node))
    else:
        for child in node:
            _add_blocks(builder, child, depth + 1, settings)
            if child.tail and child.tail.strip():
                builder.add(ElementKind.PARAGRAPH, " ".join(child.tail.split()))
        builder.leave(min(depth + 1, 7))
