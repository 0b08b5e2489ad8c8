"""The type of a file, from its content; its name only decides between kinds of text."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath

from ingest.parse.code import language_of

ZIP = "application/zip"
ARCHIVE = "application/x-archive"
BINARY = "application/octet-stream"
OLE = "application/x-ole-storage"
ENCRYPTED_OLE = "application/x-ole-encrypted"

_OOXML = "application/vnd.openxmlformats-officedocument."
_HEAD = 4096
# every control but white space and the escape of ISO 2022; text in any encoding has next to none
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ\0", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", ARCHIVE),
    (b"Rar!\x1a\x07", ARCHIVE),
    (b"\x7fELF", BINARY),
    (b"SQLite format 3\0", BINARY),
    (b"PAR1", BINARY),
    (b"\0asm", BINARY),
    (b"OggS", BINARY),
    (b"fLaC", BINARY),
    (b"ID3", BINARY),
    (b"\xca\xfe\xba\xbe", BINARY),
)
_BY_EXTENSION = {
    "md": "text/markdown",
    "markdown": "text/markdown",
    "mdown": "text/markdown",
    "mkd": "text/markdown",
    "mdx": "text/markdown",
    "qmd": "text/markdown",
    "rmd": "text/markdown",
    "rst": "text/x-rst",
    "rest": "text/x-rst",
    "adoc": "text/asciidoc",
    "asciidoc": "text/asciidoc",
    "csv": "text/csv",
    "tsv": "text/csv",
    "tab": "text/csv",
    "jsonl": "application/jsonl",
    "ndjson": "application/jsonl",
    "ipynb": "application/x-ipynb+json",
    "json": "application/json",
    "html": "text/html",
    "htm": "text/html",
    "xhtml": "text/html",
    "xml": "application/xml",
    "rss": "application/xml",
    "atom": "application/xml",
    "svg": "application/xml",
    "vtt": "text/vtt",
    "srt": "text/vtt",
    "eml": "message/rfc822",
}
_ZIP_PARTS = (
    ("word/", _OOXML + "wordprocessingml.document"),
    ("xl/", _OOXML + "spreadsheetml.sheet"),
    ("ppt/", _OOXML + "presentationml.presentation"),
)
_OLE_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OLE),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__substg1.0_", "application/vnd.ms-outlook"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
)
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|div|p|h[1-6]|table|ul|ol)\b", re.I | re.S)
_ANY_TAG = re.compile(r"<(?:[a-z][a-z0-9]{0,15})(?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
_XML = re.compile(r"\s*<\?xml\s", re.IGNORECASE)
_XHTML = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_MAIL_HEADER = re.compile(r"(?:from|to|subject|date|received|return-path|message-id|mime-version):\s", re.IGNORECASE)


def detect(data: bytes, name: str) -> str:
    """Tell the media type of a file.

    Args:
        data: its bytes (the start decides for most types; containers are read from their directory).
        name: its name; the extension decides only between kinds of text.

    Returns:
        A media type; ``application/octet-stream`` for binary data of no known type.
    """
    extension = PurePath(name).suffix.lower().lstrip(".")
    return _binary_type(data) or _text_type(data, extension, name)


def _binary_type(data: bytes) -> str:
    head = data[:16]
    kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    if not kind and head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        kind = _zip_type(data)
    elif not kind and head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        kind = _ole_type(data)
    return kind or _structured_binary(data)


def _structured_binary(data: bytes) -> str:
    """Binary types that more than their first bytes give away; "" when it is none."""
    head = data[:16]
    if head[:4] == b"RIFF":
        return "image/webp" if head[8:12] == b"WEBP" else BINARY
    if head[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if data[257:262] == b"ustar":
        return ARCHIVE
    if head[:2] == b"MZ" and b"\0" in data[:64]:
        return BINARY
    return "application/pdf" if b"%PDF-" in data[:1024] and _pdf_start(data) else ""


def _pdf_start(data: bytes) -> bool:
    """A PDF may have junk before its header, but text that mentions one is still text."""
    at = data.index(b"%PDF-")
    return at == 0 or b"endobj" in data or b"\0" in data[:_HEAD]


def _zip_type(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            kind = archive.open("mimetype").read(200) if "mimetype" in names else b""
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, RuntimeError, KeyError):
        # damaged: local headers still name the parts
        names = [part for part, _ in _ZIP_PARTS if part.encode() in data]
        kind = data[38:100] if data[30:38] == b"mimetype" else b""
    if kind.startswith((b"application/epub+zip", b"application/vnd.oasis.opendocument")):
        return re.split(rb"[^\w.+/-]|PK", kind, maxsplit=1)[0].decode("ascii")
    office = "[Content_Types].xml" in names or b"[Content_Types].xml" in data[:_HEAD]
    for prefix, media_type in _ZIP_PARTS:
        if office and any(part.startswith(prefix) for part in names):
            return media_type
    return ZIP


def _ole_type(data: bytes) -> str:
    for stream, media_type in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            return media_type
    return OLE


def _text_type(data: bytes, extension: str, name: str) -> str:
    head = data[:_HEAD]
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > 8 + len(head) // 20 and not _wide_text(head):
        return BINARY
    by_name = _BY_EXTENSION.get(extension, "")
    if by_name in ("text/markdown", "text/x-rst", "text/csv", "text/asciidoc"):
        return by_name
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", "replace").lstrip("ï»¿\ufeff")
    return _marked_type(text, by_name) or _named_type(text, data, by_name, name)


def _wide_text(head: bytes) -> bool:
    """Whether NUL bytes are those of UTF-16 or UTF-32."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return max(even, odd) > 0.35 * len(head) and min(even, odd) < 0.05 * len(head)


def _marked_type(text: str, by_name: str) -> str:
    """A type that the first characters give away."""
    start = text.lstrip()
    if _XML.match(text):
        return "text/html" if by_name == "text/html" or _XHTML.search(text) else "application/xml"
    if start.startswith("WEBVTT"):
        return "text/vtt"
    if start.startswith("<") and _HTML.match(text):
        return "text/html"
    lines = start.split("\n", 12)[:12]
    headers = sum(1 for line in lines if _MAIL_HEADER.match(line))
    if headers >= 3 or (headers and by_name == "message/rfc822"):
        return "message/rfc822"
    return ""


def _named_type(text: str, data: bytes, by_name: str, name: str) -> str:
    """What the extension says, where the content agrees; plain text otherwise."""
    start = text.lstrip()[:1]
    if by_name:
        return by_name if _agrees(by_name, text, start) else "text/plain"
    if language_of(name):
        return "text/x-source"
    if start == "{" and b'"nbformat"' in data and b'"cells"' in data:
        return "application/x-ipynb+json"
    return "text/plain"


def _agrees(by_name: str, text: str, start: str) -> bool:
    """Whether a text can be what its extension says."""
    if by_name in ("application/json", "application/x-ipynb+json", "application/jsonl"):
        return start in set('{["-0123456789tfn')
    if by_name == "text/html":
        return bool(_ANY_TAG.search(text))
    if by_name == "application/xml":
        return start == "<"
    return by_name == "text/vtt" and "-->" in text


def name_binary(data: bytes) -> str:
    """What unknown binary data seems to be, in words, for the reason in the quarantine."""
    try:
        from magika import Magika  # noqa: PLC0415 - loads a model; only unknown binary files need it

        output = Magika().identify_bytes(data[:100_000]).output
    except (ImportError, OSError, RuntimeError, MemoryError, ValueError):
        return "binary data of an unknown type"
    if output.label in ("unknown", "empty", "undefined"):
        return "binary data of an unknown type"
    return f"{output.description} ({output.mime_type})"
