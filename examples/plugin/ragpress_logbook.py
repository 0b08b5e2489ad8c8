"""An example of a plugin package: a parser for log files, and a chunker that never cuts an entry.

Use it with these lines in ``ragpress.toml``::

    [parse]
    plugins = { ".log" = "logbook" }

    [chunk]
    chunker = "entries"
"""

from __future__ import annotations

import re

from ingest.parse.builder import DocumentBuilder, Facts
from ragpress.errors import ParseError
from ragpress.settings import ChunkSettings, ParseSettings
from ragpress.types import ChunkSpan, CleanedDocument, ElementKind, ParsedDocument, TokenCounter

_ENTRY = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)[T ]")


def read(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read a log: each day is a heading, each entry with the lines that follow it a paragraph.

    Args:
        data: the whole file.
        name: its source name.
        settings: the ``[parse]`` section.

    Raises:
        ParseError: no line starts with a date. The message is what a person reads in the quarantine.
    """
    builder = DocumentBuilder(settings.max_characters)
    entry: list[str] = []
    day = ""
    for line in [*data.decode("utf-8", "replace").splitlines(), "9999-12-31 end"]:
        match = _ENTRY.match(line)
        if match is None:
            entry.append(line)
            continue
        builder.add(ElementKind.PARAGRAPH, "\n".join(entry))
        entry = [line]
        if match["day"] != day and line != "9999-12-31 end":
            day = match["day"]
            builder.heading(1, day)
    if not day:
        raise ParseError(f"No line of {name} starts with a date like 2026-01-31: it is no log that this plugin reads.")
    return builder.build(Facts(media_type="text/x-log", parser=""))


def cut(
    cleaned: CleanedDocument,
    settings: ChunkSettings,  # noqa: ARG001 - every chunker has these arguments
    tokens: TokenCounter,  # noqa: ARG001
    limit: int,  # noqa: ARG001
) -> list[ChunkSpan]:
    """One chunk for each entry.

    Args:
        cleaned: the document.
        settings: the ``[chunk]`` section.
        tokens: the embedder's token counter.
        limit: the most tokens that the embedder reads; ragpress refuses a longer chunk with a reason.
    """
    return [
        ChunkSpan(element.start, element.end, element.page, element.heading, element.kind, tokens=0)
        for element in cleaned.elements
        if element.kind is not ElementKind.TITLE
    ]


read.fingerprint = "1"  # type: ignore[attr-defined] # raise it when the output changes between two releases
