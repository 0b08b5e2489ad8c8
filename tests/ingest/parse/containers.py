"""Small Office, e-book and PDF files written by hand, so that a test decides every byte of them."""

from __future__ import annotations

import io
import zipfile
import zlib

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def zipped(members: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP container of these members, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else method
            archive.writestr(info, data)
    return buffer.getvalue()


def _relations(kind: str, target: str) -> str:
    return (
        f'<?xml version="1.0"?><Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def _types(part: str, kind: str) -> str:
    return (
        f'<?xml version="1.0"?><Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/></Types>'
    )


def docx_of(document: bytes | str, **extra: bytes | str) -> bytes:
    """A DOCX with this document part; ``extra`` adds members by name."""
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": _types("/word/document.xml", "wordprocessingml.document.main"),
        "_rels/.rels": _relations("officeDocument", "word/document.xml"),
        "word/document.xml": document,
        **extra,
    }
    return zipped(members)


def docx_body(body: str, head: str = "") -> str:
    """A DOCX document part around this body."""
    return f'<?xml version="1.0"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'


def docx_paragraph(text: str, style: str = "") -> str:
    """One paragraph of a DOCX body."""
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def docx_table(rows: list[list[str]]) -> str:
    """A table of a DOCX body."""
    cells = ["".join(f"<w:tc>{docx_paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def xlsx_of(sheet: bytes | str, shared: str = "") -> bytes:
    """An XLSX workbook with one sheet part."""
    workbook = (
        f'<?xml version="1.0"?><workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Stock" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": _types("/xl/workbook.xml", "spreadsheetml.sheet.main"),
        "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": workbook,
        "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": sheet,
    }
    if shared:
        members["xl/sharedStrings.xml"] = shared
    return zipped(members)


def xlsx_sheet(rows: list[list[str]], head: str = "") -> str:
    """A sheet part with inline strings."""
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for column, cell in enumerate(row)
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    body = "".join(lines)
    return f'<?xml version="1.0"?>{head}<worksheet xmlns="{SHEET}"><sheetData>{body}</sheetData></worksheet>'


def epub_of(chapter: bytes | str, opf: str = "", **extra: bytes | str) -> bytes:
    """An EPUB with one chapter."""
    package = opf or (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">x</dc:identifier>'
        "<dc:title>Small book</dc:title><dc:language>en</dc:language></metadata>"
        '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    members: dict[str, bytes | str] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "p.opf": package,
        "c.xhtml": chapter,
        **extra,
    }
    return zipped(members)


def xhtml(body: str, head: str = "") -> str:
    """An XHTML page around this body."""
    return f'<?xml version="1.0"?>{head}<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'


def opendocument(kind: str, content: bytes | str, **extra: bytes | str) -> bytes:
    """An OpenDocument file of a kind such as ``text`` with this content part."""
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{media_type}"/></manifest:manifest>'
    )
    return zipped({"mimetype": media_type, "content.xml": content, "META-INF/manifest.xml": manifest, **extra})


def pdf_of(objects: list[bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """A PDF with these objects, numbered from 1, and a correct cross-reference table."""
    body = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer\n<< /Size %d /Root %d 0 R %s >>\n" % (len(objects) + 1, root, trailer)
    return bytes(body + b"startxref\n%d\n%%%%EOF\n" % start)


def pdf_stream(data: bytes, entries: bytes = b"") -> bytes:
    """A compressed stream object."""
    packed = zlib.compress(data, 9)
    head = b"<< /Length %d /Filter /FlateDecode %s >>" % (len(packed), entries)
    return head + b"\nstream\n" + packed + b"\nendstream"


def pdf_pages(contents: list[bytes], resources: bytes = b"", extra: tuple[bytes, ...] = ()) -> bytes:
    """A PDF with a page for each content stream; ``extra`` objects follow the font, whose number is 3."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    first = 4 + len(extra)
    kids = b" ".join(b"%d 0 R" % (first + 2 * i) for i in range(len(contents)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    objects.append(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)))
    objects += [font, *extra]
    for index, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> %s >> >>" % (first + 2 * index + 1, resources)
        )
        objects.append(pdf_stream(content))
    return pdf_of(objects)


def pdf_text(lines: list[tuple[int, int, str]]) -> bytes:
    """A content stream that shows lines of (font size, y, text)."""
    shown = [f"BT /F1 {size} Tf 72 {y} Td ({text}) Tj ET" for size, y, text in lines]
    return "\n".join(shown).encode("latin-1")
