"""Limits that hold for every parser, and the check of ZIP containers against them."""

from __future__ import annotations

import io
import zipfile
import zlib

from ragpress.errors import EncryptedError, ParseError, TooLargeError

LINE_CHARACTERS = 1_000_000
NESTING_DEPTH = 200
ZIP_BYTES = 400_000_000
ZIP_MEMBERS = 10_000
ZIP_RATIO = 300
ZIP_RATIO_FLOOR = 20_000_000  # a small blank image packs 1000:1 and harms nobody
ZIP_XML_BYTES = 100_000_000
_XML_PARTS = (".xml", ".rels", ".opf", ".xhtml", ".html", ".htm", ".ncx", ".svg")
_MOST_XML_PARTS = 1_000
_HEAD_BYTES = 8_192


def open_zip(data: bytes) -> zipfile.ZipFile:
    """Open a ZIP container after checking what it says it unpacks to.

    Args:
        data: the whole archive.

    Raises:
        TooLargeError: it declares too many members, bytes or too high a ratio.
        EncryptedError: a member is encrypted.
        ParseError: it is damaged.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise ParseError(f"The ZIP container is damaged ({error}). Restore the file from its origin.") from error
    _check_members(archive.infolist())
    return archive


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > ZIP_MEMBERS:
        raise TooLargeError(f"The ZIP container has {len(members):,} members; at most {ZIP_MEMBERS:,} are read.")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > ZIP_BYTES:
        raise TooLargeError(f"The ZIP container unpacks to {total:,} bytes; at most {ZIP_BYTES:,} are read.")
    if total > ZIP_RATIO_FLOOR and total > ZIP_RATIO * max(packed, 1):
        raise TooLargeError(
            f"The ZIP container unpacks to {total // max(packed, 1):,} times its size; {ZIP_RATIO} is the limit."
        )
    if any(member.flag_bits & 1 for member in members):
        raise EncryptedError("The ZIP container is encrypted. Save it without a password.")


def refuse_entities(archive: zipfile.ZipFile) -> None:
    """Refuse a container whose XML declares entities: no program writes such parts, and they can only do harm.

    Raises:
        ParseError: a part declares one.
    """
    names = [name for name in archive.namelist() if name.lower().endswith(_XML_PARTS)]
    for name in names[:_MOST_XML_PARTS]:
        try:
            with archive.open(name) as part:
                head = part.read(_HEAD_BYTES)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
            continue  # the parser decides whether it needs this part
        if b"<!ENTITY" in head:
            raise ParseError(
                f"Part {name!r} declares XML entities, which are never expanded: they can grow without bound or read "
                "other files. Save the document again with its own program."
            )


def read_member(archive: zipfile.ZipFile, name: str, most: int = ZIP_XML_BYTES) -> bytes:
    """Unpack one member, never more than it may hold whatever its header says.

    Raises:
        TooLargeError: it unpacks to more than ``most`` bytes.
        ParseError: it is missing or damaged.
    """
    try:
        with archive.open(name) as member:
            data = member.read(most + 1)
    except KeyError as error:
        raise ParseError(f"The container lacks its part {name!r}. Restore the file from its origin.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ParseError(f"Part {name!r} of the container is damaged ({error}).") from error
    if len(data) > most:
        raise TooLargeError(f"Part {name!r} of the container unpacks to more than {most:,} bytes.")
    return data


def check_lines(text: str) -> None:
    """Refuse text with a line too long to be prose, data or code.

    Raises:
        TooLargeError: a line exceeds the limit.
    """
    if len(text) <= LINE_CHARACTERS:
        return
    start = 0
    while start + LINE_CHARACTERS < len(text):
        end = text.rfind("\n", start, start + LINE_CHARACTERS + 1)
        if end < start:
            line = text.count("\n", 0, start) + 1
            raise TooLargeError(
                f"Line {line} is longer than {LINE_CHARACTERS:,} characters. Break the file into lines or leave it out."
            )
        start = end + 1
