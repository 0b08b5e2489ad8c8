"""Hostile files of the fault list (S2): bombs, cycles, deep nesting, wrong types, things that are no files.

``hostile(name)`` makes the file of that name. ``READABLE`` names those whose content can rightly be read, ``EMPTY``
those that are read and hold nothing; every other one must be refused.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable

from tests.ingest.parse.containers import (
    SHEET,
    docx_body,
    docx_of,
    docx_paragraph,
    epub_of,
    opendocument,
    pdf_of,
    pdf_pages,
    pdf_stream,
    pdf_text,
    xhtml,
    xlsx_of,
    xlsx_sheet,
    zipped,
)

Maker = Callable[[], bytes | str]

LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(12))
    + "]>"
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY n SYSTEM "http://127.0.0.1:9/x">]>'
QUADRATIC = '<!DOCTYPE x [<!ENTITY a "' + "A" * 100_000 + '">]>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'
MEGABYTE = b"\0" * (1 << 20)


def _laugh(name: str = "m") -> str:
    return f"&{name};"


def _packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(MEGABYTE) for _ in range(megabytes)), packer.flush()])


def _bomb(name: str, megabytes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(megabytes):
            member.write(MEGABYTE)
    return buffer.getvalue()


def _lying_bomb() -> bytes:
    """A member that says it unpacks to 10 bytes and unpacks to 200 MB."""
    data = bytearray(_bomb("[Content_Types].xml", 200))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    return bytes(data)


def _nested_zip(depth: int) -> bytes:
    data = zipped({"a.txt": "bottom"})
    for _ in range(depth):
        data = zipped({"inner.zip": data})
    return data


def _many_members(count: int) -> bytes:
    return zipped({f"f{i}.txt": "" for i in range(count)}, zipfile.ZIP_STORED)


def _overlapping() -> bytes:
    """A quine-like directory: many entries that share one packed body."""
    data = zipped({"a.txt": b"0" * 2_000_000})
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    count = 500
    tail = bytearray(data[end:])
    tail[8:10] = tail[10:12] = count.to_bytes(2, "little")
    tail[12:16] = (len(entry) * count).to_bytes(4, "little")
    return data[:start] + entry * count + bytes(tail)


def _encrypted_zip() -> bytes:
    data = bytearray(zipped({"word/document.xml": docx_body(docx_paragraph("secret")), "[Content_Types].xml": "<x/>"}))
    at = -1
    while (at := data.find(b"PK", at + 1)) >= 0:
        if data[at + 2 : at + 4] == b"\x03\x04":
            data[at + 6] |= 1
        elif data[at + 2 : at + 4] == b"\x01\x02":
            data[at + 8] |= 1
    return bytes(data)


def _encrypted_ole() -> bytes:
    body = "EncryptedPackage".encode("utf-16-le") + "EncryptionInfo".encode("utf-16-le")
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + body.ljust(4096, b"\0")


def _encrypted_odf() -> bytes:
    manifest = '<m:manifest xmlns:m="urn:x"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    return opendocument("presentation", random.Random(1).randbytes(500), **{"META-INF/manifest.xml": manifest})


def _encrypted_pdf() -> bytes:
    secret = random.Random(2).randbytes(32).hex().encode()
    crypt = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -44 >>" % (secret, secret[::-1])
    content = pdf_stream(pdf_text([(12, 700, "secret")]))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R >>"
    pages = b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>"
    catalog = b"<< /Type /Catalog /Pages 2 0 R >>"
    trailer = b"/Encrypt 3 0 R /ID [<00> <00>]"
    return pdf_of([catalog, pages, crypt, page, content], trailer=trailer)


def _pdf_flate_bomb(megabytes: int) -> bytes:
    packed = _packed_zeros(megabytes)
    content = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, content])


def _pdf_double_flate() -> bytes:
    packed = zlib.compress(_packed_zeros(300), 9)
    head = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n" % len(packed)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, head + packed + b"\nendstream"])


def _pdf_form_recursion() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /A 4 0 R >> >>"
    return pdf_pages([b"/A Do"], b"/XObject << /A 4 0 R >>", (pdf_stream(b"/A Do /A Do", form),))


def _pdf_form_bomb() -> bytes:
    """Each form draws the next one ten times, twelve deep."""
    forms = []
    for level in range(12):
        form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 3 0 R >> "
        form += b"/XObject << /A %d 0 R >> >>" % (5 + level)
        forms.append(pdf_stream(b"/A Do " * 10, form))
    forms.append(pdf_stream(b"BT /F1 9 Tf (x) Tj ET", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"))
    return pdf_pages([b"/A Do"], b"/XObject << /A 4 0 R >>", tuple(forms))


def _pdf_page_cycle() -> bytes:
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2000000 >>"])


def _pdf_page_count() -> bytes:
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 2000000000 >>"])


def _pdf_xref_loop() -> bytes:
    data = pdf_pages([pdf_text([(12, 700, "loop")])])
    at = data.rindex(b"startxref")
    start = int(data[at:].split()[1])
    return data.replace(b"trailer\n<< ", b"trailer\n<< /Prev %d " % start)


def _pdf_deep_arrays() -> bytes:
    depth = 200_000
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R /X " + b"[" * depth + b"]" * depth + b" >>", b"<< /Type /Pages >>"])


def _pdf_script() -> bytes:
    action = b"<< /S /JavaScript /JS (app.launchURL\\(http://127.0.0.1:9\\)) >>"
    return pdf_pages([pdf_text([(12, 700, "Readable")])]).replace(
        b"/Type /Catalog", b"/Type /Catalog /OpenAction " + action
    )


def _deep(opening: str, closing: str, depth: int, inner: str = "x") -> str:
    return opening * depth + inner + closing * depth


def _docx_deep() -> bytes:
    cell = _deep("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", 20_000, docx_paragraph("deep"))
    return docx_of(docx_body(cell))


def _docx_traversal() -> bytes:
    names = {"../../ragpress-slip.txt": "slip", "/ragpress-slip.txt": "slip", "C:\\slip.txt": "slip"}
    return docx_of(docx_body(docx_paragraph("fine")), **names)


def _docx_link() -> bytes:
    """A member that says it is a symbolic link out of the archive."""
    buffer = io.BytesIO(docx_of(docx_body(docx_paragraph("fine"))))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("word/link.xml")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def _docx_remote() -> bytes:
    relations = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'attachedTemplate" Target="http://127.0.0.1:9/t.dotm" TargetMode="External"/></Relationships>'
    )
    return docx_of(docx_body(docx_paragraph("fine")), **{"word/_rels/document.xml.rels": relations})


def _xlsx_range(cells: str, dimension: str) -> bytes:
    body = f'<dimension ref="{dimension}"/><sheetData>{cells}</sheetData>'
    return xlsx_of(f'<?xml version="1.0"?><worksheet xmlns="{SHEET}">{body}</worksheet>')


def _xlsx_corner() -> bytes:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    return _xlsx_range(cells, "A1:XFD1048576")


def _xlsx_merged() -> bytes:
    merged = "".join(f'<mergeCell ref="A{i}:XFD{i + 1000}"/>' for i in range(1, 2_000))
    body = f'<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData><mergeCells>{merged}</mergeCells>'
    return xlsx_of(f'<?xml version="1.0"?><worksheet xmlns="{SHEET}">{body}</worksheet>')


def _ods_repeated() -> bytes:
    spaces = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    )
    cell = '<table:table-cell table:number-columns-repeated="2000000000" office:value-type="string"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="2000000000">{cell}</table:table-cell></table:table-row>'
    table = f'<table:table table:name="t">{row}</table:table>'
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    content = f'<?xml version="1.0"?><office:document-content {spaces}>{body}</office:document-content>'
    return opendocument("spreadsheet", content)


def _notebook(outputs: list[dict[str, object]]) -> bytes:
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": outputs}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()


def _notebook_outputs() -> bytes:
    return _notebook([{"output_type": "stream", "text": ["line\n"] * 200_000} for _ in range(5)])


def _mail_nesting(depth: int) -> bytes:
    lines = ["From: a@example.com", "To: b@example.com", "Subject: deep"]
    for level in range(depth):
        lines += [f'Content-Type: multipart/mixed; boundary="b{level}"', "", f"--b{level}"]
    return "\r\n".join([*lines, "Content-Type: text/plain", "", "bottom"]).encode()


def _mail_forwarded(depth: int) -> bytes:
    head = "From: a@example.com\r\nTo: b@example.com\r\nSubject: s\r\nContent-Type: message/rfc822\r\n\r\n"
    return (head * depth + "From: a@example.com\r\n\r\nbottom").encode()


def _mail_headers() -> bytes:
    encoded = "=?utf-8?q?" + "=41" * 30_000 + "?="
    return f"From: {'(' * 50_000}\r\nTo: b@example.com\r\nSubject: {encoded}\r\nDate: x\r\n\r\nbody".encode()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("../../slip")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"slip"))
    return buffer.getvalue()


def _polyglot() -> bytes:
    """A PDF that is a ZIP as well."""
    return pdf_pages([pdf_text([(12, 700, "Readable")])]) + zipped({"word/document.xml": "<x/>"})


def _surrogates() -> bytes:
    return b'{"a": "\\ud800", "b": "\\udfff\\ud800 text"}'


def _wide_columns() -> bytes:
    return b"a," * 1_000_000 + b"b\n1,2\n"


def _ragged() -> bytes:
    return b"a,b\n" * 2_000 + b"x," * 30_000 + b"\n"


def _html_wide_table() -> bytes:
    row = "<tr><td colspan=100000 rowspan=65000>x</td>" + "<td colspan=1000 rowspan=1000>y</td>" * 40 + "</tr>"
    return f"<html><body><table>{row * 200}</table></body></html>".encode()


def _jpeg() -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + random.Random(3).randbytes(500)


def _png_bomb() -> bytes:
    head = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    chunk = len(head).to_bytes(4, "big") + b"IHDR" + head + zlib.crc32(b"IHDR" + head).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk


def _svg(head: str, reference: str) -> bytes:
    picture = f'<svg xmlns="http://www.w3.org/2000/svg"><text>{reference}</text></svg>'
    return f'<?xml version="1.0"?>{head}{picture}'.encode()


def _opf(head: str, reference: str) -> str:
    return (
        f'<?xml version="1.0"?>{head}<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{reference}</dc:title></metadata><manifest>'
        '<item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/>'
        "</spine></package>"
    )


def _epub_cycle() -> bytes:
    refs = '<itemref idref="c"/>' * 100_000
    opf = _opf("", "t").replace('<itemref idref="c"/>', refs)
    return epub_of(xhtml("<p>again</p>" * 200), opf)


def _truncated(whole: bytes) -> bytes:
    return whole[: len(whole) * 2 // 3]


def _random(seed: int, start: bytes = b"", size: int = 50_000) -> bytes:
    return start + random.Random(seed).randbytes(size)


def _rtf_deep() -> bytes:
    return b"{\\rtf1 " + b"{" * 300_000 + b"x" + b"}" * 300_000 + b"}"


def _rtf_binary() -> bytes:
    return b"{\\rtf1 text \\bin999999999 " + b"A" * 100 + b"}"


_MAKERS: dict[str, Maker] = {
    "zip_bomb.zip": lambda: _bomb("zeros.txt", 600),
    "zip_bomb.docx": lambda: zipped({"[Content_Types].xml": "<x/>", "word/document.xml": MEGABYTE * 150}),
    "zip_bomb.xlsx": lambda: zipped({"[Content_Types].xml": "<x/>", "xl/sharedStrings.xml": MEGABYTE * 150}),
    "lying_bomb.docx": _lying_bomb,
    "nested.zip": lambda: _nested_zip(60),
    "members.zip": lambda: _many_members(20_000),
    "overlapping.zip": _overlapping,
    "traversal.zip": lambda: zipped({"../../ragpress-slip.md": "# slip", "/ragpress-slip.md": "# slip"}),
    "traversal.docx": _docx_traversal,
    "link_member.docx": _docx_link,
    "remote_template.docx": _docx_remote,
    "encrypted.zip": _encrypted_zip,
    "encrypted.docx": _encrypted_ole,
    "encrypted.odp": _encrypted_odf,
    "encrypted.pdf": _encrypted_pdf,
    "flate_bomb.pdf": lambda: _pdf_flate_bomb(300),
    "double_flate.pdf": _pdf_double_flate,
    "form_recursion.pdf": _pdf_form_recursion,
    "form_bomb.pdf": _pdf_form_bomb,
    "page_cycle.pdf": _pdf_page_cycle,
    "page_count.pdf": _pdf_page_count,
    "xref_loop.pdf": _pdf_xref_loop,
    "deep_arrays.pdf": _pdf_deep_arrays,
    "script.pdf": _pdf_script,
    "truncated.pdf": lambda: _truncated(pdf_pages([pdf_text([(12, 700, "Page")])] * 20)),
    "junk.pdf": lambda: _random(4, b"%PDF-1.7\n"),
    "laughs.docx": lambda: docx_of(docx_body(docx_paragraph(_laugh()), LAUGHS)),
    "laughs.xlsx": lambda: xlsx_of(xlsx_sheet([[_laugh()]], LAUGHS)),
    "laughs.epub": lambda: epub_of(xhtml(f"<p>{_laugh()}</p>", LAUGHS)),
    "laughs_opf.epub": lambda: epub_of(xhtml("<p>x</p>"), _opf(LAUGHS, _laugh())),
    "laughs.xml": lambda: f'<?xml version="1.0"?>{LAUGHS}<x>{_laugh()}</x>',
    "laughs.html": lambda: f"{LAUGHS}<html><body><p>{_laugh()}</p></body></html>",
    "laughs.svg": lambda: _svg(LAUGHS, _laugh()),
    "quadratic.xml": lambda: f'<?xml version="1.0"?>{QUADRATIC}<x>{"&a;" * 50_000}</x>',
    "external.docx": lambda: docx_of(docx_body(docx_paragraph("&e;&n;"), EXTERNAL)),
    "external.xlsx": lambda: xlsx_of(xlsx_sheet([["&e;&n;"]], EXTERNAL)),
    "external.epub": lambda: epub_of(xhtml("<p>&e;&n;</p>", EXTERNAL)),
    "external_opf.epub": lambda: epub_of(xhtml("<p>x</p>"), _opf(EXTERNAL, "&e;")),
    "external.xml": lambda: f'<?xml version="1.0"?>{EXTERNAL}<x>&e;&n;</x>',
    "external.svg": lambda: _svg(EXTERNAL, "&e;&n;"),
    "parameter.xml": lambda: f'<?xml version="1.0"?>{PARAMETER}<x>y</x>',
    "deep.docx": _docx_deep,
    "deep.html": lambda: "<html><body>" + _deep("<div>", "</div>", 100_000),
    "deep_lists.html": lambda: "<html><body>" + _deep("<ul><li>", "</li></ul>", 30_000),
    "deep_tables.html": lambda: "<html><body>" + _deep("<table><tr><td>", "</td></tr></table>", 5_000),
    "deep_inline.html": lambda: "<html><body><p>" + _deep("<b><i>", "</i></b>", 50_000),
    "unclosed.html": lambda: b"<html><body>" + b"<p><a href=x>" * 50_000,
    "wide_table.html": _html_wide_table,
    "attributes.html": lambda: b"<p " + b"a=1 " * 300_000 + b">text</p>",
    "comments.html": lambda: b"<!-- " * 200_000,
    "deep.xml": lambda: '<?xml version="1.0"?>' + _deep("<a>", "</a>", 100_000),
    "deep.json": lambda: _deep("[", "]", 200_000, "1"),
    "deep_objects.json": lambda: _deep('{"a":', "}", 50_000, "1"),
    "numbers.json": lambda: b"[" + b"9" * 300_000 + b"]",
    "surrogates.json": _surrogates,
    "truncated.json": lambda: b'{"a": [1, 2, {"b": "c',
    "deep_quotes.md": lambda: b">" * 100_000 + b" x",
    "deep_lists.md": lambda: b"".join(b"  " * i + b"- x\n" for i in range(1_500)),
    "brackets.md": lambda: b"[" * 100_000 + b"a" + b"](" * 50_000,
    "emphasis.md": lambda: b"*a _b " * 60_000,
    "backticks.md": lambda: b" ".join(b"`" * i for i in range(1, 1_000)),
    "tables.md": lambda: b"|" * 20_000 + b"\n" + b"|-" * 20_000 + b"\n" + b"|" * 20_000 + b"\n",
    "front_matter.md": lambda: b"---\n" + b"a: b\n" * 200_000,
    "headings.md": lambda: b"#" * 500_000 + b" x\n" + b"# x\n" * 50_000,
    "long_line.txt": lambda: b"x" * 5_000_000,
    "long_line.csv": lambda: b"x" * 5_000_000,
    "wide.csv": _wide_columns,
    "ragged.csv": _ragged,
    "quotes.csv": lambda: b'"' * 500_001,
    "adornments.rst": lambda: b"=" * 500_000 + b"\nx\n" + b"=" * 10 + b"\n" + b".. a::\n" * 20_000,
    "definitions.c": lambda: b"a " * 200_000 + b"(\n" * 100_000,
    "definitions.py": lambda: b"class A:\n" + b"    def f(self): pass\n" * 30_000 + b"@x\n" * 50_000,
    "corner.xlsx": _xlsx_corner,
    "merged.xlsx": _xlsx_merged,
    "repeated.ods": _ods_repeated,
    "outputs.ipynb": _notebook_outputs,
    "deep.ipynb": lambda: b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "wrong_shape.ipynb": lambda: b'{"nbformat": 4, "cells": {"a": 1}}',
    "deep_parts.eml": lambda: _mail_nesting(3_000),
    "forwarded.eml": lambda: _mail_forwarded(2_000),
    "headers.eml": _mail_headers,
    "cycle.epub": _epub_cycle,
    "deep.rtf": _rtf_deep,
    "binary.rtf": _rtf_binary,
    "text_named.pdf": lambda: b"This is plain text that somebody named a PDF.\n" * 3,
    "html_named.docx": lambda: b"<html><body><p>A page named DOCX.</p></body></html>",
    "pdf_named.txt": lambda: pdf_pages([pdf_text([(12, 700, "Readable")])]),
    "docx_named.md": lambda: docx_of(docx_body(docx_paragraph("Readable"))),
    "polyglot.pdf": _polyglot,
    "program.txt": lambda: _random(5, b"\x7fELF\x02\x01\x01"),
    "archive.md": _tar,
    "sqlite.csv": lambda: _random(6, b"SQLite format 3\0"),
    "photo.jpg": _jpeg,
    "pixels.png": _png_bomb,
    "random.doc": lambda: _random(7, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    "random.xls": lambda: _random(8, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le")),
    "random.msg": lambda: _random(9, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__substg1.0_".encode("utf-16-le")),
    "random.bin": lambda: _random(10),
    "nul.txt": lambda: bytes(100_000),
    "nul.md": lambda: b"# Title\n\n" + b"a\0b " * 20_000,
    "invalid_utf8.md": lambda: b"# Caf\xc3\xa9\n\n" + b"\xff\xfe\xfd" * 20_000,
    "truncated.docx": lambda: _truncated(docx_of(docx_body(docx_paragraph("x" * 50)))),
    "truncated.xlsx": lambda: _truncated(xlsx_of(xlsx_sheet([["a", "b"]]))),
    "truncated.epub": lambda: _truncated(epub_of(xhtml("<p>x</p>"))),
    "truncated.pptx": lambda: _truncated(zipped({"[Content_Types].xml": "<x/>", "ppt/presentation.xml": "<x/>"})),
    "report\u202efdp.txt": lambda: b"The name is turned around by a control character.",
}

# No text in them, but nothing in them that a parser must refuse either; the audit of empty pages sees the PDFs.
EMPTY = frozenset({"flate_bomb.pdf", "double_flate.pdf", "unclosed.html"})

READABLE = frozenset(
    [
        "traversal.zip",
        "traversal.docx",
        "link_member.docx",
        "remote_template.docx",
        "xref_loop.pdf",
        "script.pdf",
        "laughs.html",
        "deep.html",
        "deep_lists.html",
        "deep_tables.html",
        "deep_inline.html",
        "attributes.html",
        "comments.html",
        "numbers.json",
        "surrogates.json",
        "deep_quotes.md",
        "deep_lists.md",
        "brackets.md",
        "emphasis.md",
        "backticks.md",
        "tables.md",
        "front_matter.md",
        "headings.md",
        "quotes.csv",
        "adornments.rst",
        "definitions.c",
        "definitions.py",
        "corner.xlsx",
        "merged.xlsx",
        "outputs.ipynb",
        "headers.eml",
        "deep.rtf",
        "binary.rtf",
        "text_named.pdf",
        "html_named.docx",
        "pdf_named.txt",
        "docx_named.md",
        "polyglot.pdf",
        "invalid_utf8.md",
        "report\u202efdp.txt",
    ]
)

_CAMPAIGN: dict[str, Maker] = {
    "flate_bomb_1g.pdf": lambda: _pdf_flate_bomb(1024),
    "zip_bomb_2g.docx": lambda: _bomb("[Content_Types].xml", 2000),
    "line_100mb.txt": lambda: b"x" * 100_000_000,
    "line_100mb.md": lambda: b"# x " * 25_000_000,
    "line_100mb.json": lambda: b'"' + b"x" * 100_000_000 + b'"',
    "line_100mb.html": lambda: b"<p>" + b"x" * 100_000_000,
    "line_100mb.csv": lambda: b"x," * 50_000_000,
    "line_100mb.xml": lambda: b"<?xml version='1.0'?><a>" + b"x" * 100_000_000 + b"</a>",
    "rows.csv": lambda: b"a,b,c,d\n" * 10_000_000,
    "cells.html": lambda: b"<table>" + b"<tr><td>a<td>b" * 3_000_000,
}

NAMES = tuple(_MAKERS)
CAMPAIGN_NAMES = tuple(_CAMPAIGN)


def hostile(name: str) -> bytes:
    """The bytes of one hostile file."""
    made = (_MAKERS.get(name) or _CAMPAIGN[name])()
    return made.encode() if isinstance(made, str) else made
