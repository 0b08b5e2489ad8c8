"""Which parser reads which media type, and reading one document in this process."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from ingest.parse import alternatives
from ingest.parse.code import language_of
from ingest.parse.detect import ARCHIVE, BINARY, ENCRYPTED_OLE, OLE, ZIP, detect, name_binary
from ingest.parse.plugins import parse_with, plugin_for
from ragpress.errors import EncryptedError, ParseError, TooLargeError
from ragpress.fingerprint import digest, hexdigest, step_fingerprint
from ragpress.plugins import PARSERS, load_plugin

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

Parser = Callable[[bytes, str, "ParseSettings"], "ParsedDocument"]

CODE_VERSION = 1
"""Raise it whenever any parser's output for some input changes, an upgrade of a parsing library included.

The libraries' versions are not read at run time: importlib.metadata takes milliseconds each, on every run.
``tests/ingest/parse/test_registry.py`` fails when an installed version is not the one written below.
"""

LIBRARIES = {
    "chardet": "7.7.0",
    "lxml": "6.1.3",
    "pypdfium2": "5.15.2",
    "pyromark": "0.10.3",
    "python-pptx": "1.0.2",
    "trafilatura": "2.3.1",
    "xberg": "1.3.9",
}

_OFFICE = "ingest.parse.office:parse"
_PARSERS = {
    "application/pdf": "ingest.parse.pdf:parse",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "ingest.parse.slides:parse",
    "application/vnd.oasis.opendocument.presentation": "ingest.parse.odp:parse",
    "application/rtf": _OFFICE,
    "application/msword": _OFFICE,
    "application/epub+zip": _OFFICE,
    "application/xml": "ingest.parse.xml:parse",
    "application/json": "ingest.parse.structured:parse_json",
    "application/jsonl": "ingest.parse.structured:parse_jsonl",
    "application/x-ipynb+json": "ingest.parse.structured:parse_notebook",
    "message/rfc822": "ingest.parse.mail:parse",
    "text/html": "ingest.parse.html:parse",
    "text/markdown": "ingest.parse.markdown:parse",
    "text/x-rst": "ingest.parse.plain:parse_rst",
    "text/asciidoc": "ingest.parse.plain:parse_asciidoc",
    "text/vtt": "ingest.parse.plain:parse_subtitles",
    "text/csv": "ingest.parse.delimited:parse",
    "text/x-source": "ingest.parse.code:parse",
    "text/plain": "ingest.parse.plain:parse_text",
    ZIP: "ingest.parse.archive:parse",
}
_FAMILIES = (
    ("application/vnd.openxmlformats-officedocument.", _OFFICE),
    ("application/vnd.oasis.opendocument.", _OFFICE),
    ("application/vnd.ms-", _OFFICE),
    ("image/", "ingest.parse.images:parse"),
)


def parse_bytes(data: bytes, name: str, settings: ParseSettings, path: str = "", parser: str = "") -> ParsedDocument:
    """Read one document in this process, without the limits of time and memory that the pool sets.

    Args:
        data: the whole file.
        name: its name; only the extension matters.
        settings: how to read it.
        path: where the file is, for plugins that only read files; "" when there is none.
        parser: another parser than that of its type, see :mod:`ingest.parse.alternatives`; "" for none.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: it exceeds a limit.
        ParseError: it cannot be read, for any other reason.
    """
    if parser:
        return alternatives.parse_with(parser, data, name, settings)
    try:
        plugin = plugin_for(name, settings)
        if plugin:
            return parse_with(plugin, data, name, settings, path)
        return _parser(detect(data, name), data)(data, name, settings)
    except MemoryError as error:
        raise TooLargeError("The document needs more memory than one parser may use. Split it.") from error
    except RecursionError as error:
        raise ParseError("The document is nested too deeply to be read.") from error
    except ParseError:
        raise
    except Exception as error:
        raise ParseError(
            f"Its parser failed ({type(error).__name__}: {str(error)[:200]}). Save it again with its own program."
        ) from error


def _parser(media_type: str, data: bytes) -> Parser:
    refusal = {
        ARCHIVE: "The file is a packed archive. Unpack it, and ingest what is inside.",
        ENCRYPTED_OLE: "The Office document is encrypted. Save it without a password.",
        OLE: "The file is an OLE container without a document that can be read. Save it in a newer format.",
    }.get(media_type)
    if media_type == ENCRYPTED_OLE:
        raise EncryptedError(str(refusal))
    if refusal:
        raise ParseError(refusal)
    if media_type == BINARY:
        raise ParseError(f"The file is {name_binary(data)}, not a document. Exclude it from the sources.")
    return _load(media_type)


@cache
def _load(media_type: str) -> Parser:
    path = _PARSERS.get(media_type)
    path = path or next((family for prefix, family in _FAMILIES if media_type.startswith(prefix)), None)
    if path is None:
        raise ParseError(f"No parser reads {media_type}. Convert the file, or exclude it from the sources.")
    module, _, function = path.partition(":")
    parser: Parser = getattr(importlib.import_module(module), function)
    return parser


class ParseKeys:
    """What the parse step is remembered by. A plugin decides only the keys of the files that it reads.

    Args:
        settings: the ``[parse]`` section.

    Attributes:
        fingerprint: of the step: its code, its settings, the libraries and plugins it was made with.

    Raises:
        SettingsError: a plugin is not installed or cannot be imported.
    """

    def __init__(self, settings: ParseSettings) -> None:
        versions = tuple(f"{name} {version}" for name, version in sorted(LIBRARIES.items()))
        builtin = msgspec.structs.replace(settings, plugins={})
        chosen = sorted(settings.plugins.items())
        self._builtin = step_fingerprint("parse", CODE_VERSION, builtin, versions)
        self._plugins = {
            extension: hexdigest(self._builtin, load_plugin(PARSERS, name).fingerprint) for extension, name in chosen
        }
        self.fingerprint = hexdigest(self._builtin, list(self._plugins.items())) if chosen else self._builtin

    def of(self, version: bytes, name: str, parser: str = "") -> bytes:
        """The key of one document: 16 bytes.

        Args:
            version: SHA-256 of its bytes.
            name: its source name.
            parser: another parser than that of its type; "" for none.
        """
        own = hint(name)
        if parser:
            return digest("parse", self.fingerprint, version, own, parser, alternatives.CODE_VERSION)
        return digest("parse", self._plugins.get(own, self._builtin), version, own)


def parse_fingerprint(settings: ParseSettings) -> str:
    """Fingerprint of the parse step; see :class:`ParseKeys`."""
    return ParseKeys(settings).fingerprint


def hint(name: str) -> str:
    """The part of a file's name that can change its parse, so that renaming a file parses nothing again.

    Returns:
        The extension in lower case; for the few names that say a language without one (``Makefile``), the name.
    """
    path = PurePath(name.lower())
    return path.suffix or (path.name if language_of(name) else "")
