"""JSON, JSON lines and Jupyter notebooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.encoding import decode
from ingest.parse.limits import NESTING_DEPTH
from ingest.parse.markdown import add_markdown
from ragpress.errors import ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "json"
_ELEMENT_CHARACTERS = 2_000
_OUTPUT_CHARACTERS = 20_000


def parse_json(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read JSON as indented ``key: value`` lines; large values are cut, with their keys as headings.

    Raises:
        ParseError: it is not JSON, or nested deeper than the limit.
    """
    builder = DocumentBuilder(settings.max_characters)
    _add_value(builder, _load(decode(data), "The file"), 1)
    return builder.build(Facts(media_type="application/json", parser=PARSER))


def parse_jsonl(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read JSON lines: one element for each record.

    Raises:
        ParseError: a line is not JSON.
    """
    builder = DocumentBuilder(settings.max_characters)
    for number, line in enumerate(decode(data).split("\n"), 1):
        if line.strip():
            value = _load(line, f"Line {number}")
            builder.add(ElementKind.PARAGRAPH, "\n".join(_lines(value, 0)))
    return builder.build(Facts(media_type="application/jsonl", parser=PARSER))


def _load(text: str, what: str) -> Any:
    try:
        # numbers stay as they are written: 1.10 is not 1.1, and an account number is no float
        return json.loads(text, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise ParseError(f"{what} is nested too deeply to read (over {NESTING_DEPTH} levels).") from error
    except ValueError as error:
        raise ParseError(f"{what} is no valid JSON: {error}.") from error


def _add_value(builder: DocumentBuilder, value: Any, level: int) -> None:
    if level > NESTING_DEPTH:
        raise ParseError(f"The JSON is nested deeper than {NESTING_DEPTH} levels.")
    if not isinstance(value, (dict, list)):
        builder.add(ElementKind.PARAGRAPH, str(value))
        return
    entries = value.items() if isinstance(value, dict) else ((f"[{i}]", item) for i, item in enumerate(value))
    block: list[str] = []
    size = 0
    for key, item in entries:
        lines = list(_lines({key: item} if isinstance(value, dict) else [item], 0))
        length = sum(map(len, lines))
        if size + length > _ELEMENT_CHARACTERS or isinstance(item, (dict, list)):
            builder.add(ElementKind.PARAGRAPH, "\n".join(block))
            block, size = [], 0
        if not isinstance(item, (dict, list)):
            block += lines
            size += length
        elif length <= _ELEMENT_CHARACTERS:
            builder.add(ElementKind.PARAGRAPH, "\n".join(lines))
        else:
            builder.heading(level, str(key))
            _add_value(builder, item, level + 1)
            builder.leave(level)
    builder.add(ElementKind.PARAGRAPH, "\n".join(block))


def _lines(value: Any, depth: int) -> Iterator[str]:
    """A value as indented lines, the way YAML would show it."""
    if depth > NESTING_DEPTH:
        raise ParseError(f"The JSON is nested deeper than {NESTING_DEPTH} levels.")
    pad = "  " * min(depth, 20)
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                yield f"{pad}{key}:"
                yield from _lines(item, depth + 1)
            else:
                yield f"{pad}{key}: {_scalar(item)}"
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)) and item:
                first, *rest = list(_lines(item, 0))
                yield f"{pad}- {first}"
                yield from (f"{pad}  {line}" for line in rest)
            else:
                yield f"{pad}- {_scalar(item)}"
    else:
        yield f"{pad}{_scalar(value)}"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parse_notebook(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape
    """Read a Jupyter notebook: Markdown cells, code cells, and text outputs (images and markup are left out).

    Raises:
        ParseError: it is no notebook.
    """
    notebook = _load(decode(data), "The notebook")
    cells = _cells(notebook)
    meta = notebook.get("metadata")
    metadata = meta if isinstance(meta, dict) else {}
    kernel = metadata.get("kernelspec")
    language = str(kernel.get("language", "")) if isinstance(kernel, dict) else ""
    builder = DocumentBuilder(settings.max_characters)
    for cell in cells:
        _add_cell(builder, cell, language)
    title = metadata.get("title")
    return builder.build(
        Facts(
            media_type="application/x-ipynb+json",
            parser=PARSER,
            title=title if isinstance(title, str) else builder.first_heading,
            metadata={"language": language} if language else {},
        )
    )


def _cells(notebook: Any) -> list[dict[str, Any]]:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    if not isinstance(cells, list):
        raise ParseError("The notebook has no list of cells. Save it again with Jupyter.")
    if len(cells) > 100_000:
        raise TooLargeError(f"The notebook has {len(cells):,} cells; at most 100,000 are read.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _add_cell(builder: DocumentBuilder, cell: dict[str, Any], language: str) -> None:
    source = _joined(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") == "markdown":
        add_markdown(builder, source)
    elif cell.get("cell_type") != "code":
        builder.paragraphs(source)
    elif source.strip():
        builder.add(ElementKind.CODE, f"```{language}\n{source.strip(chr(10))}\n```")
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict):
            builder.add(ElementKind.CODE, _output(output)[:_OUTPUT_CHARACTERS])


def _output(output: dict[str, Any]) -> str:
    if output.get("output_type") == "error":
        return f"{output.get('ename', '')}: {output.get('evalue', '')}"
    data = output.get("data")
    if isinstance(data, dict):
        return _joined(data.get("text/markdown", data.get("text/plain", "")))
    return _joined(output.get("text", ""))


def _joined(value: Any) -> str:
    return "".join(str(line) for line in value) if isinstance(value, list) else str(value)
