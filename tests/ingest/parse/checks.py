"""What holds for every parsed document."""

from __future__ import annotations

from ingest.parse.registry import parse_bytes
from ragpress.settings import ParseSettings
from ragpress.types import Element, ElementKind, ParsedDocument


def read(data: bytes | str, name: str, settings: ParseSettings | None = None) -> ParsedDocument:
    """Parse in this process and check the invariants."""
    body = data.encode() if isinstance(data, str) else data
    document = parse_bytes(body, name, settings or ParseSettings())
    check_invariants(document)
    return document


def check_invariants(document: ParsedDocument) -> None:
    """Elements ascend, lie within the text, do not overlap, and only white space lies between them."""
    last = 0
    for element in document.elements:
        assert last <= element.start < element.end <= len(document.text)
        assert not document.text[last : element.start].strip()
        if last:
            assert document.text[last : element.start] == "\n\n"
        assert document.text[element.start : element.end].strip()
        if element.kind is ElementKind.TITLE:
            assert element.heading
        last = element.end
    assert not document.text[last:].strip()
    document.text.encode()


def texts(document: ParsedDocument, kind: ElementKind | None = None) -> list[str]:
    """The texts of the elements, or of those of one kind."""
    return [document.text[e.start : e.end] for e in document.elements if kind is None or e.kind is kind]


def element_of(document: ParsedDocument, words: str) -> Element:
    """The element that holds these words."""
    return next(e for e in document.elements if words in document.text[e.start : e.end])
