"""ZIP archives: every readable member becomes a part of the document, under its name as the heading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.detect import ZIP, detect
from ingest.parse.limits import open_zip, read_member
from ragpress.errors import ParseError, TooLargeError

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "zipfile"
MOST_MEMBERS = 1_000

Parser = Callable[[bytes, str, "ParseSettings"], "ParsedDocument"]


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read a ZIP archive's members in the order of their names; archives inside it are not opened.

    Nothing is written, so a member's name can do no harm wherever it points.

    Raises:
        TooLargeError: it unpacks to too much.
        EncryptedError: it is encrypted.
        ParseError: it is damaged, or no member can be read.
    """
    from ingest.parse.registry import parse_bytes  # noqa: PLC0415 - the registry lists this module

    with open_zip(data) as archive:
        names = sorted(member.filename for member in archive.infolist() if not member.is_dir())
        if len(names) > MOST_MEMBERS:
            raise TooLargeError(f"The archive has {len(names):,} files; at most {MOST_MEMBERS:,} are read. Unpack it.")
        builder = DocumentBuilder(settings.max_characters)
        notes = []
        for member in names:
            try:
                part = read_member(archive, member)
                _refuse_archive(part, member)
                _append(builder, member, parse_bytes(part, member, settings))
            except TooLargeError:
                raise
            except ParseError as error:
                notes.append(f"partial: {member[:100]!r} was not read: {error}")
    if notes and len(notes) == len(names):
        raise ParseError(f"No file in the archive can be read. Unpack it. First reason: {notes[0]}")
    return builder.build(Facts(media_type=ZIP, parser=PARSER, notes=tuple(notes[:20])))


def _refuse_archive(part: bytes, member: str) -> None:
    if detect(part, member) == ZIP:
        raise ParseError("an archive inside an archive is not opened. Unpack it.")


def _append(builder: DocumentBuilder, member: str, part: ParsedDocument) -> None:
    builder.leave(1)
    builder.heading(1, member)
    for element in part.elements:
        builder.leave(2)
        for level, heading in enumerate(element.heading, 2):
            builder.enter(level, heading)
        builder.add(element.kind, part.text[element.start : element.end])
