"""What the Office parsers leave out of OOXML containers: the data of charts, and comments on cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingest.parse.builder import DocumentBuilder
from ingest.parse.limits import open_zip, read_member
from ingest.parse.xml_tree import load
from ragpress.errors import TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    import zipfile

_CHART = re.compile(r"(?:word|xl)/charts/chart\d*\.xml\Z")
_COMMENTS = re.compile(r"xl/(?:comments\d*|comments/comment\d*|threadedComments/threadedComment\d*)\.xml\Z")
_NUMBER = re.compile(r"(\d+)\.xml\Z")
_FLOAT = re.compile(r"-?\d{1,15}\.\d{6,30}\Z")
_LEGACY_COMMENT = "[Threaded comment]"  # what Excel leaves for old versions beside each threaded comment
_MOST_PARTS = 500
_MOST_POINTS = 10_000


def add_extras(builder: DocumentBuilder, data: bytes) -> None:
    """Append the charts of a DOCX or XLSX file as tables, and the comments on its cells.

    Raises:
        ParseError: the container or one of these parts is damaged.
    """
    with open_zip(data) as archive:
        for name in _parts(archive, _CHART):
            title, rows = chart_table(load(read_member(archive, name)))
            builder.add(ElementKind.PARAGRAPH, title)
            builder.table(rows)
        lines: dict[str, None] = {}
        for name in _parts(archive, _COMMENTS):
            lines.update(dict.fromkeys(comment_lines(load(read_member(archive, name)))))
    builder.add(ElementKind.LIST, "\n".join(lines))


def _parts(archive: zipfile.ZipFile, pattern: re.Pattern[str]) -> list[str]:
    names = [name for name in archive.namelist() if pattern.match(name)]
    return sorted(names, key=lambda name: (name.rsplit("/", 1)[0], _number(name)))[:_MOST_PARTS]


def _number(name: str) -> int:
    found = _NUMBER.search(name)
    return int(found[1][:9]) if found else 0


def chart_table(root: Any) -> tuple[str, list[list[str]]]:
    """A chart part's title, and its cached data: one row for each category, one column for each series.

    Raises:
        TooLargeError: the cache has more points than a chart can show.
    """
    series = [node for node in root.iter() if _local(node) == "ser"]
    columns = [_column(node) for node in series]
    labels = next((labels for _, labels, _ in columns if labels), [])
    height = max((len(values) for _, _, values in columns), default=0)
    if height * max(len(columns), 1) > _MOST_POINTS:
        raise TooLargeError(f"A chart has more than {_MOST_POINTS:,} points.")
    rows = [["", *(name for name, _, _ in columns)]] if height else []
    for index in range(height):
        label = labels[index] if index < len(labels) else str(index + 1)
        rows.append([label, *(values[index] if index < len(values) else "" for _, _, values in columns)])
    titles = [node for node in root.iter() if _local(node) == "title"]
    return " ".join(text for node in titles for text in _texts(node, "t")), rows


def _column(series: Any) -> tuple[str, list[str], list[str]]:
    """Name, category labels and values of one series."""
    parts = {_local(node): _texts(node, "v") for node in series}
    values = parts.get("val") or parts.get("yVal") or []
    return " ".join(parts.get("tx", [])), parts.get("cat") or parts.get("xVal") or [], values


def _texts(node: Any, local: str) -> list[str]:
    return [_number_text((found.text or "").strip()) for found in node.iter() if _local(found) == local]


def _number_text(text: str) -> str:
    """A cached number without the noise of its binary form: 4.4000000000000004 is 4.4."""
    return f"{float(text):.15g}" if _FLOAT.match(text) else text


def _local(node: Any) -> str:
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def comment_lines(root: Any) -> list[str]:
    """One list item for each comment of a comments part, with its cell."""
    lines = []
    for node in root.iter():
        if _local(node) in ("comment", "threadedComment"):
            text = " ".join(" ".join(_texts(node, "t") or _texts(node, "text")).split())
            if text and not text.startswith(_LEGACY_COMMENT):
                lines.append(f"- {node.get('ref', '')}: {text}")
    return lines
