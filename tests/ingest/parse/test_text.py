"""Text formats: Markdown, plain text, tables, JSON, notebooks, mail, code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragpress.errors import ParseError, TooLargeError
from ragpress.settings import ParseSettings
from ragpress.types import ElementKind
from tests.ingest.parse.checks import check_invariants, element_of, read, texts

MARKDOWN = """---
title: "Warranty"
date: 2026-01-02
tags:
  - legal
  - 中文
---

# Warranty *terms* {#terms}

The pump is covered for **3 years**.
See [the manual](http://example.com/m).

## 保修 `期限`

- one
  - nested

> quoted

```python
x = 1

y = 2
```

| a | b |
| --- | --- |
| 1 | 2 |

<!-- a comment -->

[ref]: http://example.com

Setext heading
--------------

Last paragraph.
"""


def test_markdown_keeps_source_structure_and_front_matter() -> None:
    document = read(MARKDOWN, "w.md")
    assert document.media_type == "text/markdown"
    assert document.title == "Warranty"
    assert document.metadata == {"title": "Warranty", "date": "2026-01-02", "tags": "legal, 中文"}
    assert [str(e.kind) for e in document.elements] == [
        "title", "paragraph", "title", "list", "quote", "code", "table", "paragraph", "title", "paragraph",
    ]  # fmt: skip
    assert texts(document, ElementKind.CODE) == ["```python\nx = 1\n\ny = 2\n```"]
    assert texts(document, ElementKind.LIST) == ["- one\n  - nested"]
    assert "comment" not in document.text
    assert element_of(document, "3 years").heading == ("Warranty terms",)
    assert element_of(document, "- one").heading == ("Warranty terms", "保修 期限")
    assert element_of(document, "Setext").heading == ("Warranty terms", "Setext heading")
    assert element_of(document, "保修").kind is ElementKind.TITLE


def test_every_markdown_element_is_a_piece_of_the_source() -> None:
    document = read(MARKDOWN, "w.md")
    assert all(text in MARKDOWN for text in texts(document))


def test_a_heading_may_skip_levels_and_come_back() -> None:
    document = read("# A\n\n### B\n\nb\n\n## C\n\nc\n\n# D\n\nd\n", "x.md")
    assert [e.heading for e in document.elements if e.kind is ElementKind.PARAGRAPH] == [("A", "B"), ("A", "C"), ("D",)]


MARKS = st.sampled_from(
    ["# ", "## ", "- ", "> ", "```\n", "| a | b |\n|---|---|\n", "\n\n", "\n", "    ", "---\n", "é中\U0001f600"]
)


@given(st.lists(st.one_of(MARKS, st.text(max_size=20)), max_size=40))
def test_any_markdown_keeps_the_invariants(pieces: list[str]) -> None:
    source = "".join(pieces)
    try:
        document = read(source.encode("utf-8", "replace"), "x.md")
    except ParseError:
        assert any(character < " " or character == "\x7f" for character in source)
    else:
        assert len(document.text) <= len(source.replace("\r", "\n\n")) + 2 * len(document.elements)


@given(st.text(max_size=300))
def test_any_text_keeps_the_invariants_and_its_words(source: str) -> None:
    try:
        document = read(source.encode("utf-8", "replace"), "x.txt")
    except ParseError:
        return
    check_invariants(document)
    if "\0" not in source and source.isascii() and source.isprintable():
        assert document.text.split() == source.split() or document.media_type != "text/plain"


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=5), max_size=12))
def test_any_csv_keeps_the_invariants(rows: list[list[str]]) -> None:
    source = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    try:
        document = read(source.encode("utf-8", "replace"), "x.csv")
    except ParseError:
        return
    assert set(texts(document, ElementKind.TABLE)) == set(texts(document))


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "Das Gerät läuft."),
        ("utf-16", "The pump 水泵 runs."),
        ("utf-16-le", "The pump runs without a mark, a long enough line of text."),
        ("utf-32", "The pump 水泵 runs."),
        ("gb18030", "本产品自购买之日起享受三年保修服务，请妥善保管发票。"),
        ("big5", "本產品自購買之日起享受三年保固服務，請妥善保管發票。"),
        ("shift_jis", "この製品の保証期間は購入日から三年間です。領収書を保管してください。"),
        ("euc-kr", "이 제품의 보증 기간은 구입일로부터 3년입니다."),
        ("latin-1", "La pompe a été réparée à l'été, déjà très usée et bruyante."),
        ("cp1251", "Гарантия на насос действует три года со дня покупки."),
    ],
)
def test_text_in_any_encoding_is_read(encoding: str, text: str) -> None:
    assert read((text + "\r\n").encode(encoding), "a.txt").text == text


def test_damaged_utf8_stays_utf8() -> None:
    source = "# 保修\n\n本产品自购买之日起享受三年保修服务。".encode()
    assert read(source[:-1], "a.md").title == "保修"
    assert read(source.replace(b"\n\n", b"\n\n\xff"), "a.md").title == "保修"


def test_plain_text_tells_lists_from_paragraphs() -> None:
    document = read("Intro line\nsecond\n\n- a\n- b\n\n1. x\n2. y\n", "a.txt")
    assert [e.kind for e in document.elements] == [ElementKind.PARAGRAPH, ElementKind.LIST, ElementKind.LIST]


@pytest.mark.parametrize("name", ["empty.md", "empty.txt", "empty.csv", "empty.html", "empty.rst", "empty.py"])
def test_an_empty_document_is_no_error(name: str) -> None:
    document = read(b"", name)
    assert document.text == ""
    assert document.elements == ()


def test_csv_is_a_pipe_table_with_its_header() -> None:
    document = read('name,note\nAnn,"a, b|c"\nBob\n', "x.csv")
    assert document.text == "| name | note |\n| --- | --- |\n| Ann | a, b\\|c |\n| Bob |  |"


@pytest.mark.parametrize(("delimiter", "name"), [(";", "x.csv"), ("\t", "x.tsv"), ("|", "x.csv"), ("\t", "x.csv")])
def test_other_delimiters_are_recognised(delimiter: str, name: str) -> None:
    rows = [["name", "city"], ["Ann", "Bonn"], ["Bob", "Rom"]]
    document = read("\n".join(delimiter.join(row) for row in rows), name)
    assert document.text.endswith("| Bob | Rom |")


def test_a_long_table_is_cut_between_rows() -> None:
    document = read("a,b\n" + "x" * 50 + ",y\n" * 2 + "".join(f"row {i},value {i}\n" for i in range(3000)), "x.csv")
    assert len(document.elements) > 1
    assert all(text.startswith("| ") and text.endswith(" |") for text in texts(document))


def test_too_many_cells_are_too_large() -> None:
    with pytest.raises(TooLargeError, match="max_table_cells"):
        read("a,b\n" * 100, "x.csv", ParseSettings(max_table_cells=50))


def test_too_many_characters_are_too_large() -> None:
    with pytest.raises(TooLargeError, match="max_characters"):
        read("word " * 100, "x.md", ParseSettings(max_characters=50))


def test_json_reads_as_lines_of_keys() -> None:
    document = read('{"name": "Pump", "price": 1.10, "tags": ["a", "b"], "on": true, "none": null}', "x.json")
    assert document.text == "name: Pump\nprice: 1.10\n\ntags:\n  - a\n  - b\n\non: true\nnone: null"


def test_a_large_json_value_gets_headings() -> None:
    value = {"parts": {f"p{i}": {"text": "word " * 30} for i in range(30)}}
    document = read(json.dumps(value), "x.json")
    assert element_of(document, "p7:").heading == ("parts",)


def test_json_lines_are_one_element_a_record() -> None:
    document = read('{"q": "Why?"}\n\n{"q": "How?"}\n', "x.jsonl")
    assert texts(document) == ["q: Why?", "q: How?"]


def test_broken_json_names_the_place() -> None:
    with pytest.raises(ParseError, match="line 1 column"):
        read('{"a": ', "x.json")


def test_a_notebook_has_markdown_code_and_outputs() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "Why."]},
        {
            "cell_type": "code",
            "source": "1 + 1",
            "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["2"]}}],
        },
        {"cell_type": "code", "source": "boom", "outputs": [{"output_type": "error", "ename": "E", "evalue": "bad"}]},
    ]
    document = read(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}), "x.ipynb")
    assert document.title == "Study"
    assert texts(document, ElementKind.CODE) == ["```\n1 + 1\n```", "2", "```\nboom\n```", "E: bad"]


def test_rst_titles_code_and_lists() -> None:
    source = (
        "=====\nGuide\n=====\n\nIntro.\n\nInstall\n-------\n\n.. code-block:: bash\n\n   pip install x\n\n- a\n- b\n"
    )
    document = read(source, "x.rst")
    assert document.title == "Guide"
    assert element_of(document, "pip install").kind is ElementKind.CODE
    assert element_of(document, "- a").heading == ("Guide", "Install")


def test_asciidoc_titles_and_tables() -> None:
    document = read("= Guide\n\nIntro.\n\n== Data\n\n|===\n|a |b\n|===\n\n* x\n* y\n", "x.adoc")
    assert element_of(document, "|a |b").kind is ElementKind.TABLE
    assert element_of(document, "* x").heading == ("Guide", "Data")


def test_subtitles_keep_what_is_said() -> None:
    document = read("WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\n<v Ann>Hello there\n", "x.vtt")
    assert document.text == "Hello there"


def test_code_has_definitions_as_headings() -> None:
    source = '"""Doc."""\nimport os\n\n\n@cache\ndef load(path):\n    return 1\n\n\n'
    source += "class Pump:\n    def start(self):\n        pass\n"
    document = read(source, "x.py")
    assert document.metadata == {"language": "python"}
    assert element_of(document, "return 1").heading == ("load",)
    assert document.text[element_of(document, "return 1").start :].startswith("@cache")
    assert element_of(document, "start").heading == ("Pump",)
    assert element_of(document, "import os").heading == ()


@pytest.mark.parametrize(
    ("name", "source", "heading"),
    [
        ("x.go", "package a\n\nfunc (p *Pump) Start() {\n}\n", "Start"),
        ("x.rs", "pub(crate) fn start() {}\n", "start"),
        ("x.ts", "export default class Pump {}\n", "Pump"),
        ("x.c", "int\nstart_pump(int a, char *b)\n{\n}\n", "start_pump"),
        ("x.sql", "CREATE TABLE pumps (id int);\n", "pumps"),
    ],
)
def test_definitions_of_other_languages(name: str, source: str, heading: str) -> None:
    assert read(source, name).elements[-1].heading == (heading,)


def test_mail_has_headers_body_and_names_attachments() -> None:
    source = (
        "From: Ann <ann@example.com>\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Pumpe_l=C3=A4uft?=\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n'
        'Content-Type: multipart/alternative; boundary="y"\r\n\r\n--y\r\n'
        "Content-Type: text/plain\r\n\r\nPlain body.\r\n"
        "--y\r\nContent-Type: text/html\r\n\r\n<p>HTML body.</p>\r\n--y--\r\n--x\r\nContent-Type: application/pdf\r\n"
        'Content-Disposition: attachment; filename="m.pdf"\r\n\r\nx\r\n--x--\r\n'
    )
    document = read(source, "x.eml")
    assert document.title == "Pumpe läuft"
    assert texts(document)[1:] == ["Plain body."]
    assert document.notes == ("1 attachments were not read: m.pdf",)


def test_a_mail_in_html_only_is_read() -> None:
    head = "From: a@example.com\nTo: b@example.com\nSubject: s\nContent-Type: text/html; charset=utf-8\n\n"
    document = read(head + "<h1>Offer</h1><p>Three pumps.</p>", "x.eml")
    assert element_of(document, "Three pumps").heading == ("Offer",)
