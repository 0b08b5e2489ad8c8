"""E-mail (RFC 5322): headers, the readable body, forwarded messages; attachments are named, not read."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from ingest.parse.builder import DocumentBuilder, Facts, drop_surrogates
from ingest.parse.encoding import decode
from ingest.parse.html import add_html
from ragpress.errors import ParseError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "email"
MEDIA_TYPE = "message/rfc822"
_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_DEPTH = 20


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read a message: its headers as the first paragraph, then its text, preferring plain text to HTML.

    Raises:
        ParseError: its parts are nested too deeply.
    """
    try:
        message = message_from_bytes(data, policy=policy.default)
    except RecursionError as error:
        raise ParseError("The message nests its parts too deeply to be read.") from error
    builder = DocumentBuilder(settings.max_characters)
    attachments: list[str] = []
    headers = _add_message(builder, message, settings, attachments, 0)
    notes = (f"{len(attachments)} attachments were not read: {', '.join(attachments)[:300]}",) if attachments else ()
    facts = Facts(media_type=MEDIA_TYPE, parser=PARSER, title=headers.get("subject", ""), metadata=headers, notes=notes)
    return builder.build(facts)


def _add_message(
    builder: DocumentBuilder, message: EmailMessage, settings: ParseSettings, attachments: list[str], depth: int
) -> dict[str, str]:
    headers = {key: _header(message, key) for key in _HEADERS}
    shown = {key: value for key, value in headers.items() if value}
    builder.add(ElementKind.PARAGRAPH, "\n".join(f"{key}: {value}" for key, value in shown.items()))
    _add_part(builder, message, settings, attachments, depth)
    return {key.lower(): value for key, value in shown.items()}


def _header(message: EmailMessage, key: str) -> str:
    try:
        value = message.get(key)
    except (
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
        RecursionError,
    ):  # the standard library trips over odd headers
        value = dict(message.raw_items()).get(key)
    return drop_surrogates(" ".join(str(value or "").split()))


def _add_part(
    builder: DocumentBuilder, part: EmailMessage, settings: ParseSettings, attachments: list[str], depth: int
) -> None:
    if depth > _DEPTH:
        raise ParseError(f"The message nests its parts deeper than {_DEPTH} levels.")
    kind = part.get_content_type()
    if kind == "multipart/alternative":
        parts = _children(part)
        best = next((p for p in parts if p.get_content_type() == "text/plain" and _payload(p).strip()), None)
        for inner in [best] if best is not None else parts:
            _add_part(builder, inner, settings, attachments, depth + 1)
    elif kind == "message/rfc822":
        for inner in _children(part):
            _add_message(builder, inner, settings, attachments, depth + 1)
    elif part.is_multipart():
        for inner in _children(part):
            _add_part(builder, inner, settings, attachments, depth + 1)
    elif part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
        attachments.append(drop_surrogates(part.get_filename() or kind))
    elif kind == "text/html":
        add_html(builder, _text(part), settings)
    else:
        builder.paragraphs(_text(part))


def _children(part: EmailMessage) -> list[EmailMessage]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, EmailMessage)] if isinstance(payload, list) else []


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: EmailMessage) -> str:
    data = _payload(part)
    try:
        return data.decode(part.get_content_charset() or "utf-8").replace("\r\n", "\n")
    except (LookupError, UnicodeDecodeError):
        return decode(data)
