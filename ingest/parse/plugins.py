"""Parsers of other packages: found by the settings, run where the built-in ones run, checked before they count.

A parser plugin is a function like every parser here: bytes, name and the ``[parse]`` settings to a
:class:`~ragpress.types.ParsedDocument`, or a :class:`~ragpress.errors.ParseError` that a person can act on. It runs
in a worker process without network, within the limits of ``[workers]``. One that can only read files has a method
``parse_file`` beside it and gets the path of the very file that was read.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from ragpress.errors import ParseError
from ragpress.plugins import PARSERS, Plugin, load_plugin
from ragpress.types import Element, ParsedDocument

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings


@runtime_checkable
class FileParser(Protocol):
    """A parser that needs a file and not only its bytes."""

    def parse_file(self, path: Path, data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
        """Read one document.

        Args:
            path: the file.
            data: its bytes.
            name: its source name.
            settings: the ``[parse]`` section.
        """
        ...


def plugin_for(name: str, settings: ParseSettings) -> Plugin | None:
    """The plugin that reads files of this name; None where a built-in parser does.

    Raises:
        SettingsError: the settings name one that is not installed or cannot be imported.
    """
    chosen = settings.plugins.get(PurePath(name.lower()).suffix)
    return load_plugin(PARSERS, chosen) if chosen else None


def parse_with(plugin: Plugin, data: bytes, name: str, settings: ParseSettings, path: str) -> ParsedDocument:
    """Read one document with a plugin.

    Args:
        plugin: the parser.
        data: the whole file.
        name: its source name.
        settings: how to read it.
        path: where the file is; "" when there is none.

    Raises:
        ParseError: it cannot be read, or what the plugin gave is no document.
    """
    parser = plugin.target
    if path and isinstance(parser, FileParser):
        document = parser.parse_file(Path(path), data, name, settings)
        if Path(path).read_bytes() != data:
            raise ParseError("The file changed while it was read. Run the ingestion again.")
    else:
        document = parser(data, name, settings)
    problem = _problem(document, settings.max_characters)
    if problem:
        raise ParseError(f"The parser plugin {plugin.name!r} ({plugin.version}) {problem} Report it to its authors.")
    return document if document.parser else msgspec.structs.replace(document, parser=plugin.version)


def _problem(document: object, most: int) -> str:
    """What makes a plugin's result unusable, as the end of a sentence; "" when nothing does."""
    if not isinstance(document, ParsedDocument):
        return f"gave a {type(document).__name__}: expected a ParsedDocument."
    if len(document.text) > most:
        return f"gave {len(document.text):,} characters: expected at most the {most:,} of [parse] max_characters."
    return _misplaced(document.text, document.elements)


def _misplaced(text: str, elements: tuple[Element, ...]) -> str:
    at = 0
    for element in elements:
        if not at <= element.start < element.end <= len(text):
            return f"gave an element at {element.start}:{element.end}: expected ascending spans inside the text."
        if text[at : element.start].strip():
            return f"left the text at {at}:{element.start} in no element: expected elements to cover all text."
        at = element.end
    return (
        f"left the text from {at} on in no element: expected elements to cover all text." if text[at:].strip() else ""
    )
