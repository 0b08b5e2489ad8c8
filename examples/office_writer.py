"""Writers of DOCX, XLSX, PPTX and EPUB for the sample; the same bytes every time.

Archives are stored uncompressed with one fixed date, because compressed bytes differ between
versions of zlib. DOCX and XLSX hold the least that ECMA-376 asks for.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

from pptx import Presentation
from pptx.slide import Slide
from pptx.util import Cm

from examples.markup import Block, sections

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CONTAINER = "urn:oasis:names:tc:opendocument:xmlns:container"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """Store files in a ZIP archive, in the order given."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


def write_docx(blocks: list[Block]) -> bytes:
    """A Word document with heading styles and real tables."""
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    body = "".join(_word_block(block) for block in blocks)
    return pack(
        {
            "[Content_Types].xml": _content_types(
                {"/word/document.xml": f"{main}.document.main+xml", "/word/styles.xml": f"{main}.styles+xml"}
            ),
            "_rels/.rels": _relations({"rId1": ("officeDocument", "word/document.xml")}),
            "word/_rels/document.xml.rels": _relations({"rId1": ("styles", "styles.xml")}),
            "word/styles.xml": _word_styles(),
            "word/document.xml": f'{XML}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def write_xlsx(blocks: list[Block]) -> bytes:
    """A workbook with one sheet per title of the source."""
    sheets = sections(blocks)
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    names = [f"worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
    listed = "".join(
        f'<sheet name="{escape(title)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, (title, _) in enumerate(sheets, start=1)
    )
    files = {
        "[Content_Types].xml": _content_types(
            {"/xl/workbook.xml": f"{main}.sheet.main+xml", **{f"/xl/{name}": f"{main}.worksheet+xml" for name in names}}
        ),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{number}": ("worksheet", name) for number, name in enumerate(names, start=1)}
        ),
        "xl/workbook.xml": f'{XML}<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
    }
    for name, (_, content) in zip(names, sheets, strict=True):
        files[f"xl/{name}"] = _sheet(content)
    return pack(files)


def write_pptx(blocks: list[Block]) -> bytes:
    """A presentation with one slide per title of the source."""
    deck = Presentation()
    for title, content in sections(blocks):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        texts = [block.text for block in content if block.kind == "paragraph"]
        texts += [row[0] for block in content if block.kind == "list" for row in block.rows]
        slide.placeholders[1].text = "\n".join(texts)
        for block in (block for block in content if block.kind == "table"):
            _slide_table(slide, block.rows)
    raw = io.BytesIO()
    deck.save(raw)
    with zipfile.ZipFile(raw) as archive:
        return pack(
            {name: archive.read(name) for name in sorted(archive.namelist()) if name != "docProps/thumbnail.jpeg"}
        )


def write_epub(blocks: list[Block], title: str, author: str) -> bytes:
    """An EPUB 3 book with one chapter per title of the source."""
    chapters = sections(blocks)
    names = [f"chapter{number}.xhtml" for number in range(1, len(chapters) + 1)]
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(names)))
    links = "".join(
        f'<li><a href="{name}">{escape(heading)}</a></li>' for name, (heading, _) in zip(names, chapters, strict=True)
    )
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": (
            f'{XML}<container version="1.0" xmlns="{CONTAINER}"><rootfiles>'
            '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
        ),
        "book.opf": (
            f'{XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
            f"{_book_metadata(title, author)}<manifest>"
            '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
            f"{items}</manifest><spine>{spine}</spine></package>"
        ),
        "nav.xhtml": _page("Contents", f'<nav epub:type="toc"><ol>{links}</ol></nav>'),
    }
    for name, (heading, content) in zip(names, chapters, strict=True):
        text = "".join(f"<p>{escape(block.text)}</p>" for block in content)
        files[name] = _page(heading, f"<h1>{escape(heading)}</h1>{text}")
    return pack(files)


def _book_metadata(title: str, author: str) -> str:
    return (
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<dc:identifier id="id">tq-installation-guide-2</dc:identifier><dc:language>en</dc:language>'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator>"
        '<meta property="dcterms:modified">2026-01-15T00:00:00Z</meta></metadata>'
    )


def _page(title: str, body: str) -> str:
    return (
        f'{XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>{escape(title)}</title></head><body>{body}</body></html>"
    )


def _content_types(parts: Mapping[str, str]) -> str:
    overrides = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in parts.items())
    return (
        f'{XML}<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{overrides}</Types>"
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    body = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'{XML}<Relationships xmlns="{RELATIONS}">{body}</Relationships>'


def _word_styles() -> str:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/><w:pPr><w:outlineLvl w:val="{level}"/>'
        "</w:pPr></w:style>"
        for key, name, level in (("Heading1", "heading 1", 0), ("Heading2", "heading 2", 1))
    )
    return f'{XML}<w:styles xmlns:w="{WORD}">{styles}</w:styles>'


def _word_block(block: Block) -> str:
    if block.kind == "table":
        rows = "".join(f"<w:tr>{''.join(_word_cell(cell) for cell in row)}</w:tr>" for row in block.rows)
        grid = "<w:gridCol/>" * len(block.rows[0])
        return f"<w:tbl><w:tblPr/><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>"
    style = {"title": "Heading1", "heading": "Heading2"}.get(block.kind, "")
    return "".join(_word_paragraph(text, style) for text in [row[0] for row in block.rows] or [block.text])


def _word_cell(text: str) -> str:
    return f"<w:tc>{_word_paragraph(text, '')}</w:tc>"


def _word_paragraph(text: str, style: str) -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _sheet(content: list[Block]) -> str:
    rows = [row for block in content for row in block.rows]
    body = "".join(
        f'<row r="{number}">{"".join(_sheet_cell(number, column, cell) for column, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
    )
    return f'{XML}<worksheet xmlns="{SHEET}"><sheetData>{body}</sheetData></worksheet>'


def _sheet_cell(row: int, column: int, text: str) -> str:
    place = f"{chr(ord('A') + column)}{row}"
    if text.isdigit():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def _slide_table(slide: Slide, rows: tuple[tuple[str, ...], ...]) -> None:
    frame = slide.shapes.add_table(len(rows), len(rows[0]), Cm(2), Cm(5), Cm(21), Cm(1.2 * len(rows)))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            frame.table.cell(number, column).text = text
