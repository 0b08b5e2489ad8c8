"""Office, OpenDocument, e-book and mail files through xberg: its tree of nodes becomes elements."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.parse import ooxml
from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.limits import ZIP_BYTES, ZIP_MEMBERS, open_zip, refuse_entities
from ragpress.errors import EncryptedError, ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "xberg 1.3.9"
_LAYERS = {"header": ElementKind.HEADER, "footer": ElementKind.FOOTER}
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_ENCRYPTED = re.compile(r"encrypt|password", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too large|exceed|limit|bomb|ratio", re.IGNORECASE)


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read a file whose type its name tells xberg.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: it exceeds a limit.
        ParseError: it is damaged.
    """
    from ingest.parse.detect import detect  # noqa: PLC0415 - the registry has asked already; this is for direct use

    return parse_as(data, name, settings, detect(data, name))


def parse_as(data: bytes, name: str, settings: ParseSettings, media_type: str) -> ParsedDocument:
    """The same, with its media type known. Errors as in :func:`parse`."""
    if data.startswith(b"PK"):
        with open_zip(data) as archive:
            refuse_entities(archive)
    found = _extract(data, name, media_type)
    builder = DocumentBuilder(settings.max_characters)
    nodes = found.document.nodes if found.document else []
    if nodes:
        _Walker(builder, nodes, settings.max_table_cells).walk()
    else:
        builder.paragraphs(found.content)
    if data.startswith(b"PK") and "openxmlformats" in media_type:
        ooxml.add_extras(builder, data)
    metadata = _metadata(found.metadata)
    title = metadata.pop("title", "") or _own_title(builder, media_type)
    pages = len(found.pages) if found.pages else None
    facts = Facts(media_type=media_type, parser=PARSER, title=title, pages=pages, metadata=metadata)
    return builder.build(facts)


def _own_title(builder: DocumentBuilder, media_type: str) -> str:
    return "" if "sheet" in media_type or "excel" in media_type else builder.first_heading


@cache
def _config() -> Any:
    import xberg  # noqa: PLC0415 - a fifth of a second that text files never pay

    return xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        escape_markdown=False,
        pages=xberg.PageConfig(extract_pages=True),
        max_archive_depth=0,
        include_document_structure=True,
        security_limits=xberg.SecurityLimits(
            max_archive_size=ZIP_BYTES, max_files_in_archive=ZIP_MEMBERS, max_nesting_depth=256
        ),
    )


def _extract(data: bytes, name: str, media_type: str) -> Any:
    import xberg  # noqa: PLC0415

    source = xberg.ExtractInput(kind="bytes", bytes=data, filename=name, mime_type=media_type)

    async def extract() -> Any:
        return await xberg.extract(source, _config())

    try:
        result = asyncio.run(extract())
    except (xberg.XbergError, ValueError, RuntimeError, OSError) as error:
        raise _explained(str(error)) from error
    if not result.results:
        raise _explained("; ".join(str(getattr(error, "message", error)) for error in result.errors or []))
    return result.results[0]


def _explained(message: str) -> ParseError:
    """xberg's message as the error a person can act on."""
    message = " ".join(message.split())[:300] or "no reason given"
    if _ENCRYPTED.search(message):
        return EncryptedError(f"The document is encrypted. Save it without a password. ({message})")
    if _TOO_LARGE.search(message):
        return TooLargeError(f"The document exceeds a limit of its parser ({message}). Split it.")
    return ParseError(f"The document cannot be read ({message}). Open and save it again with its own program.")


class _Walker:
    """Turns xberg's nodes into elements.

    Args:
        builder: receives them.
        nodes: xberg's nodes in reading order.
        most_cells: cells of one table that are too many.
    """

    def __init__(self, builder: DocumentBuilder, nodes: list[Any], most_cells: int) -> None:
        self._builder = builder
        self._pages = [node.page for node in nodes]
        self._contents = [msgspec.json.decode(str(node.content)) for node in nodes]
        self._children = [list(node.children) for node in nodes]
        self._layers = [str(node.content_layer).rsplit(".", 1)[-1].lower() for node in nodes]
        self._parents = [node.parent for node in nodes]
        self._most_cells = most_cells
        self._done: set[int] = set()

    def walk(self) -> None:
        """Append every node once, in order."""
        page: int | None = None
        for index, content in enumerate(self._contents):
            page = self._page(index, page)
            if index in self._done:
                continue
            layer = _LAYERS.get(self._layers[index])
            if layer is not None:
                self._builder.add(layer, "\n".join(self._texts(index)), page)
            else:
                self._add(index, content, page)

    def _page(self, index: int, last: int | None) -> int | None:
        """A node's page; a heading without one stands on the page of what follows."""
        own = self._pages[index]
        if own is not None:
            return int(own)
        if self._contents[index]["node_type"] in ("group", "heading", "list", "quote", "slide"):
            following = next((page for page in self._pages[index + 1 : index + 4] if page is not None), None)
            return int(following) if following is not None else last
        return last

    def _add(self, index: int, content: dict[str, Any], page: int | None) -> None:
        kind = content["node_type"]
        if kind == "title":
            self._builder.heading(1, content["text"], page)
        elif kind == "heading":
            self._builder.heading(int(content.get("level", 1)), plain(content["text"]), page)
        elif kind == "slide":
            self._builder.heading(1, content.get("title") or f"Slide {content.get('number', '')}", page)
        elif kind == "list":
            self._builder.add(ElementKind.LIST, "\n".join(self._items(index, content, 0)), page)
        elif kind == "table":
            self._table(content["grid"], page)
        elif kind == "quote":
            self._builder.add(ElementKind.QUOTE, "\n".join(self._texts(index)), page)
        elif kind == "code":
            self._builder.add(ElementKind.CODE, f"```{content.get('language') or ''}\n{content['text']}\n```", page)
        elif kind not in ("group", "page_break", "image"):
            self._builder.add(ElementKind.PARAGRAPH, _text(content), page)

    def _items(self, index: int, content: dict[str, Any], depth: int) -> Iterator[str]:
        mark = 1 if content.get("ordered") else 0
        for child in self._children[index]:
            self._done.add(child)
            item = self._contents[child]
            if item["node_type"] == "list":
                yield from self._items(child, item, min(depth + 1, 20))
                continue
            text = plain(_text(item)) or " ".join(self._texts(child))
            yield f"{'  ' * depth}{f'{mark}.' if mark else '-'} {text}"
            mark += bool(mark)
            for nested in self._children[child]:
                if nested not in self._done and self._contents[nested]["node_type"] == "list":
                    self._done.add(nested)
                    yield from self._items(nested, self._contents[nested], min(depth + 1, 20))

    def _texts(self, index: int) -> list[str]:
        """The texts of a node and all below it, which are then done."""
        self._done.add(index)
        texts = []
        pending = [index]
        while pending:
            at = pending.pop()
            text = plain(_text(self._contents[at]))
            if text:
                texts.append(text)
            fresh = [child for child in self._children[at] if child not in self._done]
            self._done.update(fresh)
            pending.extend(reversed(fresh))
        return texts

    def _table(self, grid: dict[str, Any], page: int | None) -> None:
        rows, columns = int(grid["rows"]), int(grid["cols"])
        if rows * columns > self._most_cells:
            raise TooLargeError(
                f"A table has {rows:,} × {columns:,} cells, more than {self._most_cells:,}. "
                "Split it, or raise max_table_cells under [parse]."
            )
        table = [[""] * columns for _ in range(rows)]
        for cell in grid["cells"]:
            if cell["row"] < rows and cell["col"] < columns:
                table[cell["row"]][cell["col"]] = plain(cell["content"])
        self._builder.table([row for row in table if any(cell.strip() for cell in row)], page)


def plain(text: str) -> str:
    """Text without the bold marks that xberg leaves in cells."""
    return _BOLD.sub(r"\2", text) if "**" in text or "__" in text else text


def _text(content: dict[str, Any]) -> str:
    if content["node_type"] == "metadata_block":
        return "\n".join(f"{entry['key']}: {entry['value']}" for entry in content.get("entries", []))
    if content["node_type"] == "table":
        return " | ".join(cell["content"] for cell in content["grid"]["cells"])
    return str(content.get("text") or content.get("content") or "")


def _metadata(found: Any) -> dict[str, str]:
    values = {
        "title": found.title,
        "author": ", ".join(found.authors or []),
        "subject": found.subject,
        "language": found.language,
        "created": found.created_at,
        "modified": found.modified_at,
    }
    description = (found.additional or {}).get("description")
    if description:
        values["description"] = str(description).strip('"')
    return {name: str(value).strip() for name, value in values.items() if value and str(value).strip()}
