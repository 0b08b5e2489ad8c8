"""Other parsers than that of a document's type."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ingest.parse.alternatives import NAMES, alternatives, parse_with
from ingest.parse.detect import detect
from ingest.parse.pool import ParserPool
from ingest.parse.registry import ParseKeys, parse_bytes
from ragpress.errors import ParseError
from ragpress.settings import ParseSettings, WorkerSettings
from ragpress.types import ElementKind, ParsedDocument

SETTINGS = ParseSettings()
CHINESE = "# 报告\n\n春季销售额上升了百分之十二。\n"
PAGE = "<html><body><nav>Home About</nav><h1>Pump</h1><p>It gives 12 litres.</p><footer>Call 555</footer></body></html>"
DOCUMENT_XML = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>The pump</w:t></w:r><w:r><w:t xml:space='preserve'> gives</w:t><w:tab/><w:t>12 litres.</w:t></w:r>"
    "</w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>seal</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>7</w:t></w:r></w:p>"
    "</w:tc></w:tr></w:tbl></w:body></w:document>"
)


def read(name: str, data: bytes, source: str) -> ParsedDocument:
    """Read by a named parser."""
    return parse_with(name, data, source, SETTINGS)


def docx() -> bytes:
    """A small Word document."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", DOCUMENT_XML)
    return packed.getvalue()


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_is_named_is_not_guessed(encoding: str) -> None:
    found = read(f"encoding:{encoding}", CHINESE.encode(encoding), "a.md")

    assert "春季销售额上升了百分之十二。" in found.text
    assert found.elements[0].kind is ElementKind.TITLE
    assert found.parser.endswith(f"(encoding:{encoding})")


@pytest.mark.parametrize(("wrong", "right"), [("latin-1", "gb18030"), ("latin-1", "utf-8"), ("latin-1", "big5")])
def test_what_was_saved_after_a_wrong_reading_is_turned_back(wrong: str, right: str) -> None:
    text = CHINESE if right != "big5" else "# 報告\n\n春季銷售額上升。\n"
    saved = text.encode(right).decode(wrong).encode()

    found = read(f"recode:{wrong}:{right}", saved, "a.md")

    assert text.split("\n")[2] in found.text


def test_a_page_is_read_whole_and_a_page_in_another_charset_too() -> None:
    usual = parse_bytes(PAGE.encode(), "a.html", SETTINGS)
    whole = read("all-text", PAGE.encode(), "a.html")

    assert ElementKind.NAVIGATION in {element.kind for element in usual.elements}
    assert {element.kind for element in whole.elements} == {ElementKind.TITLE, ElementKind.PARAGRAPH}
    assert whole.text == usual.text
    declared = f'<html><head><meta charset="utf-8"></head><body><p>{CHINESE}</p></body></html>'.encode("gb18030")
    assert "春季销售额" in read("encoding:gb18030", declared, "a.html").text


def test_xml_whose_declaration_lies_is_read_in_the_encoding_that_is_named() -> None:
    data = '<?xml version="1.0" encoding="latin-1"?><a><p>春季销售额</p></a>'.encode("gb18030")

    assert "春季销售额" in read("encoding:gb18030", data, "a.xml").text


def test_text_keeps_every_line() -> None:
    found = read("text", b"name,price\nseal,7\n", "a.csv")

    assert found.text == "name,price\nseal,7"
    assert found.media_type == "text/csv"


def test_the_runs_of_a_word_document_are_read_with_its_tables() -> None:
    found = read("xml-text", docx(), "a.docx")

    assert found.text == "The pump gives 12 litres.\n\n| seal | 7 |"
    assert found.elements[1].kind is ElementKind.TABLE


@pytest.mark.parametrize(
    ("name", "data", "source", "said"),
    [
        ("magic", b"x", "a.md", "There is no parser 'magic'"),
        ("encoding:klingon", b"x", "a.md", "There is no parser 'encoding:klingon'"),
        ("xml-text", b"# A\n", "a.md", "does not read text/markdown"),
        ("all-text", b"# A\n", "a.md", "does not read text/markdown"),
        ("text", b"%PDF-1.4\n", "a.pdf", "does not read application/pdf"),
        ("ocr", b"# A\n", "a.md", "does not read text/markdown"),
        ("encoding:utf-8", b"\xff\xfe\xfd", "a.md", "not in utf-8: byte 0"),
        ("recode:latin-1:utf-8", "泵".encode(), "a.md", "never read as latin-1"),
        ("xml-text", docx()[:-40], "a.docx", "damaged"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(name: str, data: bytes, source: str, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        read(name, data, source)


def text_or_refusal(name: str, data: bytes, source: str) -> str:
    """What a parser reads; "" where it fails without telling a person what to do."""
    try:
        return read(name, data, source).text
    except ParseError as error:
        return str(error) if "Take the repair back" in str(error) else ""


@pytest.mark.parametrize(
    ("source", "data"),
    [("a.md", b"# A\n\nText.\n"), ("a.html", PAGE.encode()), ("a.csv", b"a,b\n1,2\n"), ("a.docx", docx())],
)
def test_what_is_offered_for_a_type_reads_it_or_says_why_not(source: str, data: bytes) -> None:
    offered = alternatives(source, detect(data, source))

    assert offered
    assert set(offered) <= set(NAMES)
    said = {name: text_or_refusal(name, data, source) for name in offered}
    assert {name: text for name, text in said.items() if not text} == {}


def test_nothing_is_offered_for_what_nothing_reads() -> None:
    assert alternatives("a.bin", "application/octet-stream") == ()


def test_the_key_of_a_parse_names_the_parser() -> None:
    keys, version = ParseKeys(SETTINGS), b"v" * 32

    found = {keys.of(version, "a.md", parser) for parser in ("", "text", "encoding:gb18030")}

    assert len(found) == 3
    assert keys.of(version, "a.md") == keys.of(version, "b.md")


@pytest.mark.process
def test_the_pool_reads_by_the_parser_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(CHINESE.encode("utf-16-be"))

    named_so: list[tuple[int, str, str] | tuple[int, str, str, str]] = [
        (1, str(path), "a.md", "encoding:utf-16-be"),
        (2, str(path), "a.md"),
        (3, str(path), "a.md", "magic"),
    ]

    with ParserPool(SETTINGS, WorkerSettings(processes=1)) as pool:
        named, plain, none = pool.parse_many(named_so)

    assert isinstance(named.outcome, ParsedDocument)
    assert "春季销售额" in named.outcome.text
    assert named.sha256 == plain.sha256
    assert isinstance(none.outcome, ParseError)
