"""Other ways to read a document than the one its type has: what a ``Reparse`` repair may name.

| name | reads | how |
| --- | --- | --- |
| ``text`` | text, markup, source code, tables in text | every line as it stands, as plain text |
| ``all-text`` | HTML | the whole page; nothing is taken for navigation |
| ``xberg`` | PDF, HTML, Office, mail, e-books | the xberg library |
| ``xml-text`` | DOCX, PPTX, XLSX, ODT, ODP, ODS | the text runs of its XML parts, by the standard library and lxml |
| ``ocr`` | PDF | every page recognised as a picture (extra ``ocr``) |
| ``encoding:NAME`` | text of any kind | its bytes are in this encoding |
| ``recode:WRONG:RIGHT`` | text of any kind | a program read RIGHT as WRONG and saved that; turned back |

They run where parsers run: in a worker process, within the limits of ``[workers]``.
"""

from __future__ import annotations

import codecs
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ingest.parse.detect import detect
from ragpress.errors import ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

CODE_VERSION = 1
"""Raise it whenever an alternative's output for some input changes."""

ENCODINGS = (
    "utf-8",
    "gb18030",
    "big5",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "latin-1",
    "shift_jis",
    "euc-kr",
    "cp1251",
)
RECODINGS = (
    ("cp1252", "utf-8"),
    ("latin-1", "utf-8"),
    ("latin-1", "gb18030"),
    ("cp1252", "gb18030"),
    ("gb18030", "utf-8"),
    ("latin-1", "big5"),
)
_TEXT = tuple(f"encoding:{name}" for name in ENCODINGS) + tuple(f"recode:{one}:{two}" for one, two in RECODINGS)
_DECLARED = re.compile(r"\A(\s*<\?xml[^>]{0,200}?)\s+encoding=[\"'][\w.-]{1,40}[\"']")
_PDF = "application/pdf"
_HTML = "text/html"
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_REGIONS = (ElementKind.NAVIGATION, ElementKind.HEADER, ElementKind.FOOTER)
_OWN_PARSERS = (_OOXML + "presentationml.presentation", _ODF + "presentation", "message/rfc822")
"""Types that xberg reads and that have another parser of their own."""

NAMES = ("text", "all-text", "xberg", "xml-text", "ocr", *_TEXT)
"""Every name, whatever it reads."""


def alternatives(source: str, media_type: str) -> tuple[str, ...]:
    """Names of the other parsers that can read a document.

    Args:
        source: its source path.
        media_type: its type, as its document row or ``ingest.parse.detect`` tells it.
    """
    if media_type == _PDF:
        return ("xberg", "ocr") if _has_ocr() else ("xberg",)
    if media_type == _HTML or source.lower().endswith((".html", ".htm", ".xhtml")):
        return ("all-text", "xberg", "text", *_TEXT)
    if media_type == "message/rfc822":
        return ("xberg", "text", *_TEXT)
    if media_type.startswith((_OOXML, _ODF)):
        return ("xberg", "xml-text") if media_type in _OWN_PARSERS else ("xml-text",)
    if media_type.startswith("text/") or media_type in _TEXTUAL:
        return ("text", *_TEXT)
    return ()


_TEXTUAL = frozenset({"application/json", "application/jsonl", "application/x-ipynb+json", "application/xml"})


def parse_with(name: str, path_or_bytes: Path | bytes, source: str, settings: ParseSettings) -> ParsedDocument:
    """Read a document with a named parser, in this process.

    Args:
        name: one of :data:`NAMES`.
        path_or_bytes: the file, or all of its bytes.
        source: its source path.
        settings: the ``[parse]`` section.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: it exceeds a limit.
        ParseError: there is no such parser, or it cannot read this document.
    """
    data = path_or_bytes if isinstance(path_or_bytes, bytes) else path_or_bytes.read_bytes()
    kind, _, rest = name.partition(":")
    reader = _READERS.get(kind)
    if reader is None or (name not in NAMES):
        raise ParseError(f"There is no parser {name!r} to read it with. Known: {', '.join(NAMES)}.")
    try:
        parsed = reader(data, rest, source, settings)
    except MemoryError as error:
        raise TooLargeError("The document needs more memory than one parser may use. Split it.") from error
    except RecursionError as error:
        raise ParseError("The document is nested too deeply to be read.") from error
    except ParseError:
        raise
    except Exception as error:
        raise ParseError(
            f"The parser {name!r} failed ({type(error).__name__}: {str(error)[:200]}). Take the repair back."
        ) from error
    return msgspec.structs.replace(parsed, parser=f"{parsed.parser} ({name})" if parsed.parser else name)


def _has_ocr() -> bool:
    return importlib.util.find_spec("rapidocr") is not None


def _text(data: bytes, _rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.plain import parse_text  # noqa: PLC0415 - each reader loads only what it needs

    media_type = detect(data, source)
    if not media_type.startswith("text/") and media_type not in _TEXTUAL and media_type != "message/rfc822":
        raise _unsuitable("text", media_type)
    return msgspec.structs.replace(parse_text(data, source, settings), media_type=media_type)


def _all_text(data: bytes, _rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.html import parse  # noqa: PLC0415

    media_type = detect(data, source)
    if media_type != _HTML:
        raise _unsuitable("all-text", media_type)
    parsed = parse(data, source, settings)
    elements = tuple(
        msgspec.structs.replace(element, kind=ElementKind.PARAGRAPH) if element.kind in _REGIONS else element
        for element in parsed.elements
    )
    return msgspec.structs.replace(parsed, elements=elements)


def _xberg(data: bytes, _rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.office import parse_as  # noqa: PLC0415

    media_type = detect(data, source)
    if "xberg" not in alternatives(source, media_type) and not media_type.startswith("application/"):
        raise _unsuitable("xberg", media_type)
    return parse_as(data, source, settings, media_type)


def _xml_text(data: bytes, _rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.xml_runs import parse  # noqa: PLC0415

    media_type = detect(data, source)
    if not media_type.startswith((_OOXML, _ODF)):
        raise _unsuitable("xml-text", media_type)
    return parse(data, media_type, settings)


def _ocr(data: bytes, _rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.pdf import parse_pictures  # noqa: PLC0415

    media_type = detect(data, source)
    if media_type != _PDF:
        raise _unsuitable("ocr", media_type)
    return parse_pictures(data, settings)


def _encoding(data: bytes, rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    return _again(_decoded(data, rest), source, settings)


def _recode(data: bytes, rest: str, source: str, settings: ParseSettings) -> ParsedDocument:
    from ingest.parse.encoding import decode  # noqa: PLC0415

    wrong, _, right = rest.partition(":")
    try:
        inner = decode(data).lstrip("\ufeff").encode(wrong)
    except UnicodeEncodeError as error:
        raise ParseError(
            f"The text was never read as {wrong}: it holds {error.object[error.start]!r}, which {wrong} cannot write. "
            "Take the repair back, or name another parser."
        ) from error
    return _again(_decoded(inner, right), source, settings)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise ParseError(
            f"The text is not in {encoding}: byte {error.start} does not fit it. Take the repair back, or name another "
            "encoding."
        ) from error


def _again(text: str, source: str, settings: ParseSettings) -> ParsedDocument:
    """Read text of a known encoding by the parser of its type; the mark keeps anybody from guessing again."""
    from ingest.parse.registry import parse_bytes  # noqa: PLC0415 - the registry leads here

    text = _DECLARED.sub(r"\1", text, count=1)
    return parse_bytes(codecs.BOM_UTF8 + text.encode("utf-8", "replace"), source, settings)


def _unsuitable(name: str, media_type: str) -> ParseError:
    return ParseError(f"The parser {name!r} does not read {media_type}. Take the repair back, or name another parser.")


_READERS: dict[str, Callable[[bytes, str, str, ParseSettings], ParsedDocument]] = {
    "text": _text,
    "all-text": _all_text,
    "xberg": _xberg,
    "xml-text": _xml_text,
    "ocr": _ocr,
    "encoding": _encoding,
    "recode": _recode,
}
