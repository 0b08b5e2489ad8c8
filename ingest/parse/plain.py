"""Plain text, subtitles, reStructuredText and AsciiDoc: light markup whose source text is kept as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.encoding import decode, printable_share
from ingest.parse.limits import check_lines
from ragpress.errors import ParseError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "ragpress-text"
_ADORNMENT = re.compile(r"([=\-`:'\"~^_*+#<>.])\1{2,}\s*\Z")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)]|#\.|\(\d+\))\s+\S")
_DIRECTIVE = re.compile(r"\s*\.\. ([\w:.-]+)::\s*(.*)")
_CODE_DIRECTIVES = {"code", "code-block", "sourcecode", "literalinclude", "parsed-literal", "highlight", "doctest"}
_RST_TABLE = re.compile(r"\+[-=+]{3,}\+\s*\Z|=+(?: +=+)+\s*\Z")
_ADOC_HEADING = re.compile(r"(={1,6}) (\S.*)\Z")
_ADOC_FENCES = {
    "----": ElementKind.CODE,
    "....": ElementKind.CODE,
    "____": ElementKind.QUOTE,
    "|===": ElementKind.TABLE,
}
_CUE_TIME = re.compile(r"(?:\d{1,4}:)?\d\d:\d\d[.,]\d{3}\s+-->\s")


def parse_text(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read plain text in any encoding; runs of lines between blank lines are elements.

    Raises:
        ParseError: it is not text.
        TooLargeError: a line or the text is too long.
    """
    text = decode_text(data)
    builder = DocumentBuilder(settings.max_characters)
    for block in re.split(r"\n[^\S\n]*\n+", text.replace("\f", "\n\n")):
        builder.add(_block_kind(block), block)
    return builder.build(Facts(media_type="text/plain", parser=PARSER))


def decode_text(data: bytes) -> str:
    """Decode and refuse what is not text although some encoding accepts its bytes.

    Raises:
        ParseError: more than a tenth of it are control or replacement characters.
        TooLargeError: a line is too long.
    """
    text = decode(data)
    if printable_share(text) < 0.9:
        raise ParseError("The file looks like binary data, not text: its type is unknown. Convert or exclude it.")
    check_lines(text)
    return text


def _block_kind(block: str) -> ElementKind:
    if not _LIST_ITEM.match(block):
        return ElementKind.PARAGRAPH
    lines = block.split("\n")
    items = sum(1 for line in lines if _LIST_ITEM.match(line))
    return ElementKind.LIST if 2 * items >= len(lines) else ElementKind.PARAGRAPH


def parse_subtitles(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape
    """Read WebVTT or SubRip: the spoken text of each cue, without its number and times."""
    builder = DocumentBuilder(settings.max_characters)
    for block in re.split(r"\n[^\S\n]*\n+", decode_text(data)):
        lines = block.strip().split("\n")
        times = next((i for i, line in enumerate(lines) if _CUE_TIME.match(line)), None)
        if times is not None:
            builder.add(ElementKind.PARAGRAPH, re.sub(r"</?[a-zA-Z][^<>]*>", "", "\n".join(lines[times + 1 :])))
        elif not block.lstrip("\ufeff").startswith(("WEBVTT", "STYLE", "REGION")):
            builder.add(ElementKind.PARAGRAPH, block.strip().removeprefix("NOTE"))
    return builder.build(Facts(media_type="text/vtt", parser=PARSER))


def parse_rst(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read reStructuredText: titles by their adornment, code directives, tables, lists; source text is kept."""
    builder = DocumentBuilder(settings.max_characters)
    styles: list[str] = []
    for block in _rst_blocks(decode_text(data).expandtabs(4).split("\n")):
        rest = _rst_title(builder, block, styles)
        if rest:
            builder.add(_rst_kind(rest), "\n".join(rest))
    return builder.build(Facts(media_type="text/x-rst", parser=PARSER, title=builder.first_heading))


def _rst_blocks(lines: list[str]) -> list[list[str]]:
    """Runs of lines; an indented run stays with the directive or literal marker above it."""
    blocks: list[list[str]] = []
    current: list[str] = []
    open_directive = False
    gap = 0
    for line in lines:
        if not line.strip():
            gap += bool(current)
            continue
        indented = line[0] == " "
        if gap and not (open_directive and indented):
            blocks.append(current)
            current = []
        elif gap:
            current.extend([""] * gap)
        gap = 0
        if not current:
            open_directive = bool(_DIRECTIVE.match(line))
        open_directive = open_directive or line.rstrip().endswith("::")
        current.append(line.rstrip())
    return [*blocks, current] if current else blocks


def _rst_title(builder: DocumentBuilder, block: list[str], styles: list[str]) -> list[str]:
    """Take a title off the front of a block; gives the lines that are left."""
    over = len(block) >= 3 and bool(_ADORNMENT.match(block[0])) and block[2][:1] == block[0][0]
    at = 1 if over else 0
    if len(block) < at + 2 or not _ADORNMENT.match(block[at + 1]) or _ADORNMENT.match(block[at]):
        return block
    if len(block[at + 1]) < len(block[at].strip()) // 2:
        return block
    style = ("over" if over else "under") + block[at + 1][0]
    if style not in styles:
        styles.append(style)
    builder.heading(styles.index(style) + 1, block[at])
    return block[at + 2 :]


def _rst_kind(block: list[str]) -> ElementKind:
    directive = _DIRECTIVE.match(block[0])
    if directive:
        return ElementKind.CODE if directive[1] in _CODE_DIRECTIVES else ElementKind.PARAGRAPH
    if _RST_TABLE.match(block[0]):
        return ElementKind.TABLE
    if block[0].startswith((">>> ", "    ")) and len(block) > 1:
        return ElementKind.CODE
    return _block_kind("\n".join(block))


def parse_asciidoc(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape
    """Read AsciiDoc: titles, delimited blocks, lists; source text is kept."""
    builder = DocumentBuilder(settings.max_characters)
    block: list[str] = []
    fence = ""
    for line in [*decode_text(data).split("\n"), ""]:
        mark = line.strip()
        heading = None if fence else _ADOC_HEADING.match(line)
        if fence or (mark in _ADOC_FENCES and not block):
            block.append(line)
            if fence == mark:
                builder.add(_ADOC_FENCES[fence], "\n".join(block))
                block, fence = [], ""
            fence = fence or (mark if len(block) == 1 else "")
        elif heading or not mark or mark in _ADOC_FENCES:
            builder.add(_block_kind("\n".join(block)), "\n".join(block))
            block = [line] if mark in _ADOC_FENCES else []
            fence = mark if block else ""
            if heading:
                builder.heading(len(heading[1]), heading[2])
        else:
            block.append(line)
    builder.add(ElementKind.PARAGRAPH, "\n".join(block))
    return builder.build(Facts(media_type="text/asciidoc", parser=PARSER, title=builder.first_heading))
