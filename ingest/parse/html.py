"""HTML: lxml for the structure, trafilatura to tell the page's content from its navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.encoding import decode
from ragpress.errors import ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "lxml, trafilatura"
MEDIA_TYPE = "text/html"

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_LETTERS = re.compile(r"[\W_]+")
_SKIPPED = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "svg",
        "head",
        "iframe",
        "object",
        "embed",
        "canvas",
        "audio",
        "video",
        "select",
        "datalist",
        "dialog",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "ul",
        "tbody",
        "thead",
        "tfoot",
        "tr",
        "td",
        "th",
        "caption",
    ]
)
_REGIONS = {
    "nav": ElementKind.NAVIGATION,
    "aside": ElementKind.NAVIGATION,
    "header": ElementKind.HEADER,
    "footer": ElementKind.FOOTER,
}
_ROLES = {
    "navigation": ElementKind.NAVIGATION,
    "search": ElementKind.NAVIGATION,
    "complementary": ElementKind.NAVIGATION,
    "banner": ElementKind.HEADER,
    "contentinfo": ElementKind.FOOTER,
}
_META = {"author": "author", "description": "description", "date": "date", "article:published_time": "date"}
_MOST_DEPTH = 200
_MOST_REPEATED = 200
_MOST_LIST_DEPTH = 40
_SHORT = 120


class HtmlWalker:
    """Walks a page's body and appends its blocks.

    Args:
        builder: receives them.
        most_cells: cells of one table that are too many.
        content: letters of the page's main content; short or link-heavy blocks outside it become navigation.
    """

    def __init__(self, builder: DocumentBuilder, most_cells: int, content: str = "") -> None:
        self._builder = builder
        self._most_cells = most_cells
        self._content = content
        self._region: ElementKind | None = None

    def walk(self, node: Any, depth: int = 0) -> None:
        """Append all blocks below a container node; loose text between blocks becomes paragraphs."""
        if depth > _MOST_DEPTH:
            self._emit(ElementKind.PARAGRAPH, inline_text(node), node)
            return
        loose: list[str] = [node.text or ""]
        for child in node:
            tag = tag_of(child)
            if tag in _BLOCKS or (tag and tag not in _SKIPPED and _holds_block(child)):
                self._flush(loose, node)
                if not _hidden(child):
                    self._block(child, tag, depth + 1)
                loose = [child.tail or ""]
                continue
            if tag == "br":
                loose.append("\n")
            elif tag and tag not in _SKIPPED and not _hidden(child):
                loose.append(inline_text(child))
            loose.append(child.tail or "")
        self._flush(loose, node)

    def _flush(self, loose: list[str], node: Any) -> None:
        self._emit(ElementKind.PARAGRAPH, tidy("".join(loose)), node)

    def _block(self, node: Any, tag: str, depth: int) -> None:
        region = self._region_of(node, tag)
        outer, self._region = self._region, region or self._region
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._heading(node, int(tag[1]))
        elif tag in ("ul", "ol", "menu"):
            self._emit(ElementKind.LIST, "\n".join(_items(node, tag, 0)), node)
        elif tag == "table":
            self._table(node, depth)
        elif tag == "pre":
            self._emit(ElementKind.CODE, node.text_content(), node)
        elif tag == "blockquote":
            self._emit(ElementKind.QUOTE, "\n".join(_block_lines(node)), node)
        elif tag == "p" and not _holds_block(node):
            self._emit(ElementKind.PARAGRAPH, inline_text(node), node)
        else:
            self.walk(node, depth)
        self._region = outer

    def _region_of(self, node: Any, tag: str) -> ElementKind | None:
        region = _ROLES.get(node.get("role", "")) or _REGIONS.get(tag)
        if region in (ElementKind.HEADER, ElementKind.FOOTER) and tag in _REGIONS:
            within = {tag_of(parent) for parent in node.iterancestors()}
            if within & {"article", "main", "section"} or node.find(".//h1") is not None:
                return None
        return region

    def _heading(self, node: Any, level: int) -> None:
        text = inline_text(node)
        if self._region is not None:
            self._builder.add(self._region, text)
        elif text:
            self._builder.heading(level, text)

    def _table(self, node: Any, depth: int) -> None:
        rows = [row for row in node.iter("tr") if _closest_table(row) is node]
        nested = node.find(".//table") is not None
        widest = max((len(row) for row in rows), default=0)
        if nested or widest <= 1:
            for cell in rows if rows else [node]:
                self.walk(cell, depth)
            return
        for caption in node.findall("caption"):
            self._emit(ElementKind.PARAGRAPH, inline_text(caption), node)
        grid = table_grid(rows, self._most_cells)
        if self._region is not None:
            self._builder.add(self._region, "\n".join(" ".join(row) for row in grid))
        else:
            self._builder.table(grid)

    def _emit(self, kind: ElementKind, text: str, node: Any) -> None:
        if self._region is None and self._content and text and self._outside(text, node):
            kind = ElementKind.NAVIGATION
        self._builder.add(self._region or kind, text)

    def _outside(self, text: str, node: Any) -> bool:
        """Whether a block is no part of the main content, and looks like navigation rather than prose."""
        letters = _LETTERS.sub("", text).casefold()
        if not letters or letters[:400] in self._content:
            return False
        return len(text) < _SHORT or _link_share(node) > 0.5


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read a web page: headings, paragraphs, lists, tables, code; navigation keeps its own kind.

    Raises:
        ParseError: it is no HTML.
        TooLargeError: a table or the text exceeds a limit.
    """
    source = decode_html(data)
    root, complete = load(source)
    builder = DocumentBuilder(settings.max_characters)
    if not complete:
        add_flat(builder, source)
        note = "partial: tags are nested too deeply, the page was read without its structure"
        return builder.build(Facts(media_type=MEDIA_TYPE, parser=PARSER, notes=(note,)))
    facts = _facts(root, builder)
    body = root.find(".//body")
    HtmlWalker(builder, settings.max_table_cells, _main_content(source, root)).walk(root if body is None else body)
    if not len(builder):
        for frame in root.iter("noscript"):
            builder.paragraphs(inline_text(frame))
    title = facts.title or builder.first_heading
    return builder.build(msgspec.structs.replace(facts, title=title))


def add_html(builder: DocumentBuilder, source: str, settings: ParseSettings) -> None:
    """Append an HTML fragment, for example an e-mail's body, to a document."""
    if source.strip():
        root, complete = load(source)
        if not complete:
            add_flat(builder, source)
            return
        body = root.find(".//body")
        HtmlWalker(builder, settings.max_table_cells).walk(root if body is None else body)


def add_flat(builder: DocumentBuilder, source: str) -> None:
    """Append the text between tags, for pages whose tree no parser can hold."""
    skipping = ""
    pieces: list[str] = []
    for part in source.split("<"):
        tag, _, text = part.rpartition(">")
        name = tag.split(maxsplit=1)[0].lower() if tag.strip() else ""
        if skipping:
            skipping = "" if name == f"/{skipping}" else skipping
        elif name in ("script", "style"):
            skipping = name
        if name.lstrip("/") in _BLOCKS:
            pieces.append("\n\n")
        pieces.append("" if skipping else text)
    builder.paragraphs(unescape("".join(pieces)))


def load(source: str) -> tuple[Any, bool]:
    """Parse HTML without network, entities or scripts.

    Returns:
        The root element, and whether the tree is complete: parts nested too deeply are left out of it.

    Raises:
        ParseError: nothing in it can be read.
    """
    from lxml import etree, html  # noqa: PLC0415 - only HTML needs it

    if source.lstrip().startswith("<?xml"):
        source = re.sub(r"\A\s*<\?xml[^>]*\?>", "", source)
    source = source.replace("\0", "")
    if not source.strip():
        source = "<html></html>"
    try:
        parser = html.HTMLParser(no_network=True, remove_comments=True, huge_tree=True)
        root = html.document_fromstring(source, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"The HTML cannot be read ({error}).") from error
    return root, not any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log)


def decode_html(data: bytes) -> str:
    """Decode a page: UTF-8 when it is, else the charset that it declares, else detection."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        found = _CHARSET.search(data[:4096])
        try:
            text = data.decode(found[1].decode("ascii"), "replace") if found else decode(data)
        except LookupError:
            text = decode(data)
    if "\0" in text[:4096]:
        text = decode(data)
    return text


def _facts(root: Any, builder: DocumentBuilder) -> Facts:  # noqa: ARG001
    metadata: dict[str, str] = {}
    for meta in root.iter("meta"):
        key = _META.get((meta.get("name") or meta.get("property") or "").lower())
        if key and meta.get("content"):
            metadata.setdefault(key, meta.get("content").strip())
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang")
    if language:
        metadata["language"] = language
    title = root.find(".//title")
    text = tidy(title.text_content()) if title is not None else ""
    return Facts(media_type=MEDIA_TYPE, parser=PARSER, title=text, metadata=metadata)


def _main_content(source: str, root: Any) -> str:
    """Letters of what trafilatura takes for the content; "" when the page is too small to hold navigation."""
    if sum(1 for _ in root.iter("a")) < 15:
        return ""
    import trafilatura  # noqa: PLC0415 - heavy; only full pages need it

    found = trafilatura.extract(source, favor_recall=True, include_comments=False, include_tables=True) or ""
    letters = _LETTERS.sub("", found).casefold()
    body = _LETTERS.sub("", root.text_content()).casefold()
    return letters if len(letters) > max(200, 0.05 * len(body)) else ""


def tag_of(node: Any) -> str:
    """A node's tag in lower case; "" for comments and processing instructions."""
    return node.tag.lower() if isinstance(node.tag, str) else ""


def _hidden(node: Any) -> bool:
    if node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return tag_of(node) not in ("body", "main", "article")
    style = node.get("style")
    return bool(style and _HIDDEN_STYLE.search(style))


def _holds_block(node: Any) -> bool:
    return any(tag_of(child) in _BLOCKS for child in node.iterdescendants())


def inline_text(node: Any) -> str:
    """A node's visible text on one line for each line break in it."""
    return tidy("".join(_visible(node)))


def _visible(node: Any) -> Iterator[str]:
    """Text in document order; an explicit stack, for pages nest deeper than Python's."""
    stack: list[tuple[Any, bool]] = [(node, False)]
    while stack:
        item, done = stack.pop()
        tag = tag_of(item)
        if done:
            if tag in _BLOCKS:
                yield "\n"
            yield (item.tail or "") if item is not node else ""
            continue
        stack.append((item, True))
        if not tag or tag in _SKIPPED or (item is not node and _hidden(item)):
            continue
        if tag == "br" or (tag in _BLOCKS and tag not in ("td", "th")):
            yield "\n"
        elif tag in ("td", "th"):
            yield " "
        elif tag == "img" and item.get("alt"):
            yield f" {item.get('alt')} "
        yield from _own_text(item)
        stack.extend((child, False) for child in reversed(item))


def _own_text(node: Any) -> Iterator[str]:
    if node.text:
        # a line end in the source is a space on the page; real breaks come from br and blocks
        yield node.text if tag_of(node) == "pre" else _SPACE.sub(" ", node.text)


def tidy(text: str) -> str:
    """Collapse white space inside lines and drop empty lines."""
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _items(node: Any, tag: str, depth: int) -> Iterator[str]:
    """The lines of a list; nested lists are indented."""
    number = 0
    for child in node:
        name = tag_of(child)
        if name in ("ul", "ol", "menu") and depth < _MOST_LIST_DEPTH:
            yield from _items(child, name, depth + 1)
            continue
        if not name or name in _SKIPPED or _hidden(child):
            continue
        number += 1
        nested = [inner for inner in child.iterchildren() if tag_of(inner) in ("ul", "ol", "menu")]
        nested = nested if depth < _MOST_LIST_DEPTH else []
        for inner in nested:
            child.remove(inner)
        text = inline_text(child).replace("\n", " ")
        if text:
            yield f"{'  ' * depth}{f'{number}.' if tag == 'ol' else '-'} {text}"
        for inner in nested:
            yield from _items(inner, tag_of(inner), depth + 1)


def _block_lines(node: Any) -> list[str]:
    return [line for line in inline_text(node).split("\n") if line]


def _closest_table(row: Any) -> Any:
    return next((parent for parent in row.iterancestors("table")), None)


def table_grid(rows: list[Any], most: int) -> list[list[str]]:
    """Cell texts by row and column; a short spanning cell stands in all it spans, so that each row reads alone.

    Raises:
        TooLargeError: more cells than ``most``.
    """
    grid: list[list[str]] = []
    pending: dict[int, tuple[int, str]] = {}
    cells = width = 0
    for row in rows:
        line: list[str] = []
        for cell in (child for child in row if tag_of(child) in ("td", "th")):
            _fill(line, pending)
            text = inline_text(cell).replace("\n", " ")
            again = text if len(text) <= _MOST_REPEATED else ""
            below = _span(cell, "rowspan") - 1
            for offset in range(_span(cell, "colspan")):
                if below:
                    pending[len(line)] = (below, again)
                line.append(again if offset else text)
        _fill(line, pending)
        width = max(width, len(line))
        cells += len(line)
        if max(cells, width * (len(grid) + 1)) > most:
            raise TooLargeError(f"A table has more than {most:,} cells. Raise max_table_cells under [parse].")
        if any(line):
            grid.append(line)
    return grid


def _fill(line: list[str], pending: dict[int, tuple[int, str]]) -> None:
    """Continue cells of rows above that reach down to this column."""
    while len(line) in pending:
        left, text = pending.pop(len(line))
        if left > 1:
            pending[len(line)] = (left - 1, text)
        line.append(text)


def _span(cell: Any, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    return min(max(int(value), 1), 1000) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _link_share(node: Any) -> float:
    whole = len(node.text_content())
    links = sum(len(link.text_content()) for link in node.iter("a"))
    return links / whole if whole else 0.0
