"""The type comes from the content; the extension only decides between kinds of text."""

from __future__ import annotations

import pytest

from ingest.parse.detect import BINARY, ZIP, detect
from tests.ingest.parse.containers import (
    docx_body,
    docx_of,
    docx_paragraph,
    epub_of,
    opendocument,
    pdf_pages,
    xhtml,
    xlsx_of,
    xlsx_sheet,
    zipped,
)

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (docx_of(docx_body(docx_paragraph("x"))), DOCX),
        (docx_of(docx_body(docx_paragraph("x")))[:-40], DOCX),
        (xlsx_of(xlsx_sheet([["x"]])), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (epub_of(xhtml("x")), "application/epub+zip"),
        (opendocument("text", "<x/>"), "application/vnd.oasis.opendocument.text"),
        (zipped({"a.txt": "x"}), ZIP),
        (pdf_pages([b""]), "application/pdf"),
        (b"junk\n" + pdf_pages([b""]), "application/pdf"),
        (rb"{\rtf1 x}", "application/rtf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x7fELF\0\0", BINARY),
        (bytes(range(256)) * 20, BINARY),
        (b"<!DOCTYPE html><p>x", "text/html"),
        (b"\xef\xbb\xbf<html><body>x", "text/html"),
        ("<html><body>x</body></html>".encode("utf-16"), "text/html"),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        (b"From: a@b\nTo: c@d\nSubject: x\n\nbody", "message/rfc822"),
        (b"WEBVTT\n\n", "text/vtt"),
        (b'{"cells": [], "nbformat": 4}', "application/x-ipynb+json"),
        (b"Plain words that mention %PDF-1.4 and stay text", "text/plain"),
        (b"", "text/plain"),
    ],
)
@pytest.mark.parametrize("name", ["file", "file.dat", "file.pdf"])
def test_content_decides(data: bytes, kind: str, name: str) -> None:
    assert detect(data, name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.md", "text/markdown"),
        ("A.MD", "text/markdown"),
        ("a.rst", "text/x-rst"),
        ("a.csv", "text/csv"),
        ("a.py", "text/x-source"),
        ("Makefile", "text/x-source"),
        ("a.txt", "text/plain"),
        ("a.json", "text/plain"),  # what follows is no JSON
        ("a.html", "text/plain"),
        ("a.docx", "text/plain"),
    ],
)
def test_the_name_decides_between_kinds_of_text(name: str, kind: str) -> None:
    assert detect(b"Words, just words", name) == kind
