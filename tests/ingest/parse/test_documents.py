"""Office, PDF, web and archive formats, from small files that the tests write."""

from __future__ import annotations

import importlib.util
import io

import pytest

from ragpress.errors import EncryptedError, ParseError, TooLargeError
from ragpress.settings import ParseSettings
from ragpress.types import ElementKind
from tests.ingest.parse.checks import element_of, read, texts
from tests.ingest.parse.containers import (
    docx_body,
    docx_of,
    docx_paragraph,
    docx_table,
    epub_of,
    opendocument,
    pdf_pages,
    pdf_text,
    xhtml,
    xlsx_of,
    xlsx_sheet,
    zipped,
)


def test_pdf_has_pages_headings_and_paragraphs() -> None:
    pages = [
        pdf_text(
            [
                (24, 720, "Pump manual"),
                (11, 690, "First line of a long paragraph that goes"),
                (11, 677, "on here."),
                (11, 640, "Another paragraph stands apart from it."),
            ]
        ),
        pdf_text([(18, 720, "Warranty terms"), (11, 690, "Covered for three years and not a day more.")]),
    ]
    document = read(pdf_pages(pages), "m.pdf")
    assert document.pages == 2
    assert element_of(document, "Pump manual").kind is ElementKind.TITLE
    assert element_of(document, "goes\non here.").page == 1
    assert element_of(document, "Another").heading == ("Pump manual",)
    three = element_of(document, "three years")
    assert (three.page, three.heading) == (2, ("Pump manual", "Warranty terms"))


def test_a_pdf_page_without_text_is_noted() -> None:
    document = read(pdf_pages([pdf_text([(11, 700, "Text")]), b""]), "m.pdf")
    assert document.pages == 2
    assert "1 of 2 pages hold no text" in document.notes[0]
    assert "pip install 'ragpress[ocr]'" in document.notes[0]


def test_a_pdf_cut_short_is_marked_partial_or_refused() -> None:
    whole = pdf_pages([pdf_text([(11, 700, f"Page {i} of the book")]) for i in range(30)])
    tail = whole.rindex(b"%%EOF")
    document = read(whole[:tail], "m.pdf")
    assert any(note.startswith("partial:") for note in document.notes)
    with pytest.raises(ParseError, match="damaged"):
        read(whole[:200], "m.pdf")


def test_a_word_cut_at_a_line_end_keeps_its_hyphen() -> None:
    document = read(pdf_pages([pdf_text([(11, 700, "The war-"), (11, 687, "ranty lasts.")])]), "m.pdf")
    assert document.text == "The war-\nranty lasts."


def test_docx_has_headings_tables_and_lists() -> None:
    body = (
        docx_paragraph("Guide", "Heading1")
        + docx_paragraph("Intro text.")
        + docx_paragraph("Prices", "Heading2")
        + docx_table([["Item", "Price"], ["Pump", "10"]])
    )
    document = read(docx_of(docx_body(body)), "g.docx")
    assert texts(document, ElementKind.TITLE) == ["Guide", "Prices"]
    assert texts(document, ElementKind.TABLE) == ["| Item | Price |\n| --- | --- |\n| Pump | 10 |"]
    assert element_of(document, "| Pump").heading == ("Guide", "Prices")


def test_xlsx_is_tables_under_sheet_names() -> None:
    document = read(xlsx_of(xlsx_sheet([["Item", "Count"], ["Pump", "7"]])), "s.xlsx")
    assert texts(document) == ["Stock", "| Item | Count |\n| --- | --- |\n| Pump | 7 |"]
    assert document.elements[1].page == 1
    with pytest.raises(TooLargeError, match="max_table_cells"):
        read(xlsx_of(xlsx_sheet([["a", "b"]] * 20)), "s.xlsx", ParseSettings(max_table_cells=10))


def test_pptx_has_slides_tables_charts_and_notes() -> None:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Quarter"
    slide.placeholders[1].text_frame.text = "First point"
    slide.placeholders[1].text_frame.add_paragraph().text = "Second point"
    slide.notes_slide.notes_text_frame.text = "Say hello."
    size = (Inches(1), Inches(1), Inches(4), Inches(2))
    table = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_table(2, 2, *size).table
    for index, text in enumerate(["Item", "Count", "Pump", "7"]):
        table.cell(index // 2, index % 2).text = text
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["North"]
    data.add_series("Sales", (1.5,))  # type: ignore[no-untyped-call]
    deck.slides[1].shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *size, data)
    buffer = io.BytesIO()
    deck.save(buffer)
    document = read(buffer.getvalue(), "q.pptx")
    assert document.pages == 2
    assert texts(document, ElementKind.LIST) == ["- First point\n- Second point"]
    assert element_of(document, "Say hello").page == 1
    assert element_of(document, "| Pump | 7 |").page == 2
    assert element_of(document, "| North | 1.5 |").heading == ("Slide 2",)


PAGE = """<!doctype html><html lang="en"><head><title>Pump page</title><meta name="author" content="Ann">
<style>p {}</style><script>var secret = 1</script></head><body>
<nav><ul><li><a href="/">Home</a></li></ul></nav>
<main><h1>Pump</h1><p>The pump <b>runs</b> on<br>water.</p><div>Loose <i>text</i><p>Own paragraph</p></div>
<h2>Data</h2><table><tr><th>Item</th><th colspan=2>Price</th></tr><tr><td>Pump</td><td>10</td><td>EUR</td></tr></table>
<ol><li>one<ul><li>inner</li></ul></li><li>two</li></ol><pre>x = 1
  y = 2</pre><blockquote>Said so.</blockquote><p style="display: none">hidden</p></main>
<footer>Imprint</footer></body></html>"""


def test_html_keeps_structure_and_marks_navigation() -> None:
    document = read(PAGE, "p.html")
    assert document.title == "Pump page"
    assert document.metadata == {"author": "Ann", "language": "en"}
    assert "secret" not in document.text
    assert "hidden" not in document.text
    assert texts(document, ElementKind.NAVIGATION) == ["- Home"]
    assert texts(document, ElementKind.FOOTER) == ["Imprint"]
    assert texts(document, ElementKind.PARAGRAPH) == ["The pump runs on\nwater.", "Loose text", "Own paragraph"]
    assert texts(document, ElementKind.TABLE) == ["| Item | Price | Price |\n| --- | --- | --- |\n| Pump | 10 | EUR |"]
    assert texts(document, ElementKind.LIST) == ["1. one\n  - inner\n2. two"]
    assert texts(document, ElementKind.CODE) == ["x = 1\n  y = 2"]
    assert element_of(document, "Said so").heading == ("Pump", "Data")


def test_cells_that_span_rows_stand_in_each() -> None:
    rows = "<tr><td rowspan=2>Q1</td><td>a</td></tr><tr><td>b</td></tr><tr><td>Q2</td><td rowspan=3>c</td></tr>"
    document = read(f"<html><body><table>{rows}<tr><td>Q3</td></tr></table></body></html>", "p.html")
    assert document.text.split("\n") == ["| Q1 | a |", "| --- | --- |", "| Q1 | b |", "| Q2 | c |", "| Q3 | c |"]


def test_html_in_its_declared_charset() -> None:
    page = '<html><head><meta charset="shift_jis"></head><body><p>保証期間は三年</p></body></html>'
    assert read(page.encode("shift_jis"), "p.html").text == "保証期間は三年"


def test_links_around_a_long_page_become_navigation() -> None:
    menu = "".join(f'<div class="menu"><a href="/{i}">Menu entry {i}</a></div>' for i in range(30))
    story = "".join(f"<p>Sentence {i} tells how the pump was repaired in the year {1900 + i}.</p>" for i in range(40))
    document = read(f"<html><body>{menu}<article><h1>Story</h1>{story}</article>{menu}</body></html>", "p.html")
    assert len(texts(document, ElementKind.NAVIGATION)) == 60
    assert len(texts(document, ElementKind.PARAGRAPH)) == 40


def test_epub_has_chapters() -> None:
    document = read(epub_of(xhtml("<h1>Chapter one</h1><p>It begins.</p><ul><li>a</li><li>b</li></ul>")), "b.epub")
    assert document.title == "Small book"
    assert element_of(document, "It begins").heading == ("Chapter one",)
    assert texts(document, ElementKind.LIST) == ["- a\n- b"]


SPACES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
)


def test_odt_and_odp() -> None:
    body = '<text:h text:outline-level="1">Guide</text:h><text:p>Intro text.</text:p>'
    text = f"<office:body><office:text>{body}</office:text></office:body>"
    content = f"<office:document-content {SPACES}>{text}</office:document-content>"
    assert element_of(read(opendocument("text", content), "g.odt"), "Intro").heading == ("Guide",)
    frames = (
        '<draw:frame presentation:class="title"><draw:text-box><text:p>First</text:p></draw:text-box></draw:frame>'
        "<draw:frame><draw:text-box><text:list><text:list-item><text:p>a</text:p></text:list-item></text:list>"
        "</draw:text-box></draw:frame>"
    )
    body = f"<office:presentation><draw:page>{frames}</draw:page></office:presentation>"
    content = f"<office:document-content {SPACES}><office:body>{body}</office:body></office:document-content>"
    document = read(opendocument("presentation", content), "g.odp")
    assert texts(document) == ["First", "- a"]
    assert document.pages == 1


def test_rtf() -> None:
    assert read(rb"{\rtf1\ansi The pump \b runs\b0 .\par Second paragraph.}", "g.rtf").text.startswith("The pump runs")


def test_a_feed_has_its_items_as_headings() -> None:
    story = "&lt;p&gt;The pump &lt;b&gt;runs&lt;/b&gt;.&lt;/p&gt;"
    item = f"<item><title>News</title><description>{story}</description></item>"
    document = read(f'<?xml version="1.0"?><rss><channel><title>Blog</title>{item}</channel></rss>', "f.xml")
    assert element_of(document, "The pump runs").heading == ("Blog", "News")


def test_other_xml_is_read_by_its_blocks() -> None:
    section = "<section><title>One</title><para>Text <b>here</b>.</para></section>"
    source = f'<?xml version="1.0"?><book><title>Guide</title>{section}</book>'
    assert element_of(read(source, "b.xml"), "Text here.").heading == ("Guide", "One")


def test_a_zip_archive_reads_its_members() -> None:
    document = read(zipped({"b/two.md": "# Two\n\ntext", "a.csv": "x,y\n1,2\n", "c.bin": bytes(99)}), "all.zip")
    assert element_of(document, "| 1 | 2 |").heading == ("a.csv",)
    assert element_of(document, "text").heading == ("b/two.md", "Two")
    assert len(document.notes) == 1
    assert "'c.bin' was not read" in document.notes[0]


def test_images_name_the_extra() -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    with pytest.raises(ParseError, match=r"ocr = true .* pip install 'ragpress\[ocr\]'"):
        read(png, "scan.png")


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is not None, reason="the ocr extra is installed")
def test_ocr_without_the_extra_names_the_command() -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(buffer, "PNG")
    with pytest.raises(ParseError, match=r"pip install 'ragpress\[ocr\]'"):
        read(buffer.getvalue(), "scan.png", ParseSettings(ocr=True))


def test_an_encrypted_office_file_says_so() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(900)
    with pytest.raises(EncryptedError, match="without a password"):
        read(data, "secret.docx")


def test_a_bold_line_is_a_heading_and_a_title_nobody_gave_is_none() -> None:
    bold = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>"
    content = (
        b"BT /F2 11 Tf 72 700 Td (Warranty terms) Tj ET BT /F1 11 Tf 72 680 Td (Covered for three years,) Tj ET "
        b"BT /F1 11 Tf 72 667 Td (parts and labour included, wherever the pump is run.) Tj ET"
    )
    data = pdf_pages([content], b"", (bold,)).replace(b"/Font << /F1 3 0 R >>", b"/Font << /F1 3 0 R /F2 4 0 R >>")
    document = read(data, "m.pdf")
    assert [str(e.kind) for e in document.elements] == ["title", "paragraph"]
    assert document.title == "Warranty terms"


def test_arabic_ligatures_are_put_in_order() -> None:
    from ingest.parse.pdf import _ligatures

    assert _ligatures("األمن اإلقليمي") == "الأمن الإقليمي"
    assert _ligatures("plain") == "plain"


def test_chart_numbers_and_comments_of_a_workbook_are_read() -> None:
    chart = (
        '<c:chart xmlns:c="urn:c" xmlns:a="urn:a"><c:title><a:t>Sales</a:t></c:title><c:ser>'
        "<c:tx><c:v>Pumps</c:v></c:tx><c:cat><c:v>North</c:v></c:cat><c:val><c:v>4.4000000000000004</c:v></c:val></c:ser></c:chart>"
    )
    comments = '<comments xmlns="urn:x"><comment ref="B2"><text><t>Check this.</t></text></comment></comments>'
    import zipfile

    buffer = io.BytesIO(xlsx_of(xlsx_sheet([["Item"], ["Pump"]])))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("xl/charts/chart1.xml", chart)
        archive.writestr("xl/comments1.xml", comments)
    document = read(buffer.getvalue(), "s.xlsx")
    assert texts(document)[2:] == ["Sales", "|  | Pumps |\n| --- | --- |\n| North | 4.4 |", "- B2: Check this."]
