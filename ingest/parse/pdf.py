"""PDF: pypdfium2 page by page, xberg as the second opinion on damage, OCR for pages without text."""

from __future__ import annotations

import ctypes
import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.parse import images, office
from ingest.parse.builder import DocumentBuilder, Facts
from ragpress.errors import EncryptedError, ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "pypdfium2"
MEDIA_TYPE = "application/pdf"
MOST_PAGES = 20_000
_PASSWORD_ERRORS = (4, 5)  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
# PDFium gives a word cut by a hyphen at a line's end as one line with this mark in the word.
_LINE = re.compile(r"(.*?)(\r\n|\n|[\x02\ufffe]|\Z)", re.DOTALL)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+\w[^.!?。]{2,80}\Z")
_BULLET = re.compile(r"[•‣◦▪●■–]\s*\S")
# After an alef, "alef lam" can only be a lam-alef turned around: no word has three in that order.
_LAM_ALEF = tuple((f"\u0627{alef}\u0644", f"\u0627\u0644{alef}") for alef in "\u0622\u0623\u0625\u0627")
_MOST_HEADING = 150
_MOST_BOLD = 0.3
# a sentence or its part, or the head of a table with its years
_NO_HEADING = re.compile(r"[.,;:。，；：]\Z|\b(?:19|20)\d\d\b.*\b(?:19|20)\d\d\b", re.DOTALL)
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
# LaTeX names its bold fonts by family: CMBX10, NimbusRomNo9L-Medi
_BOLD_FONT = re.compile(rb"bold|black|heavy|(?:cm|sf|lm)(?:ss)?bx|nimbus.*medi", re.I)
# what programs write when nobody gave a title
_NO_TITLE = re.compile(
    r"(?:untitled.*|\(?anonymous\)?|powerpoint presentation|.*\.(?:docx?|pdf|indd|tex|pptx?|xlsx?))\Z", re.I
)
_RENDER_SCALE = 200 / 72


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line of a page.

    Attributes:
        text: its text; a word cut at its end keeps a hyphen.
        y: baseline in points, None when unknown.
        size: font size of its first letter in points, 0 when unknown.
        bold: whether the fonts of its first and last letters are bold.
    """

    text: str
    y: float | None
    size: float
    bold: bool


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read a PDF's text, page by page.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: too many pages or characters.
        ParseError: no page can be read.
    """
    import pypdfium2  # noqa: PLC0415 - heavy; only PDFs need it

    try:
        document = pypdfium2.PdfDocument(data)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        # a failed load may leave the code of an earlier document's failure
        if getattr(error, "err_code", None) in _PASSWORD_ERRORS and b"/Encrypt" in data:
            raise EncryptedError("The PDF needs a password. Save it without one.") from error
        return _second_opinion(data, name, settings, str(error))
    try:
        return _read(document, pages, data, name, settings)
    finally:
        document.close()


def parse_pictures(data: bytes, settings: ParseSettings) -> ParsedDocument:
    """Read a PDF by recognising every page as a picture, whatever text it says it holds.

    Raises:
        TooLargeError: too many pages or characters.
        ParseError: it cannot be opened, or OCR is not installed.
    """
    import pypdfium2  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ParseError(f"The PDF cannot be opened ({error}). Restore it from its origin.") from error
    try:
        pages = len(document)
        if pages > MOST_PAGES:
            raise TooLargeError(f"The PDF has {pages:,} pages; at most {MOST_PAGES:,} are read. Split it.")
        lines: dict[int, list[Line]] = {}
        _recognise(document, list(range(1, pages + 1)), lines)
        builder = DocumentBuilder(settings.max_characters)
        _add_pages(builder, lines)
        facts = Facts(media_type=MEDIA_TYPE, parser=images.PARSER, title=builder.first_heading, pages=pages)
        return builder.build(facts)
    finally:
        document.close()


def _read(document: Any, pages: int, data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    if pages > MOST_PAGES:
        raise TooLargeError(f"The PDF has {pages:,} pages; at most {MOST_PAGES:,} are read. Split it.")
    lines, empty, failed = _lines_of_pages(document, pages, settings.max_characters)
    if pages == 0 or len(failed) == pages:
        return _second_opinion(data, name, settings, "no page can be opened")
    notes = [f"partial: {pages - len(failed)} of {pages} pages could be read"] if failed else []
    if b"%%EOF" not in data[-2048:]:
        notes.append("partial: the end of the file is missing, it may be truncated")
    if empty and settings.ocr:
        _recognise(document, empty, lines)
    elif empty:
        notes.append(
            f"{len(empty)} of {pages} pages hold no text; if they are scans, set ocr = true under [parse] "
            f"and install it with: {images.INSTALL}"
        )
    builder = DocumentBuilder(settings.max_characters)
    _add_pages(builder, lines)
    metadata = _metadata(document)
    title = metadata.pop("title", "")
    if _NO_TITLE.match(title) or not any(character.isalpha() for character in title):
        title = builder.first_heading
    return builder.build(
        Facts(media_type=MEDIA_TYPE, parser=PARSER, title=title, pages=pages, metadata=metadata, notes=tuple(notes))
    )


def _lines_of_pages(document: Any, pages: int, most: int) -> tuple[dict[int, list[Line]], list[int], list[int]]:
    """Lines by page number, pages without text, and pages that could not be opened."""
    import pypdfium2  # noqa: PLC0415

    lines: dict[int, list[Line]] = {}
    empty: list[int] = []
    failed: list[int] = []
    total = 0
    for number in range(1, pages + 1):
        try:
            page = document[number - 1]
            lines[number] = page_lines(page)
            page.close()
        except pypdfium2.PdfiumError:
            failed.append(number)
            continue
        total += sum(len(line.text) for line in lines[number])
        if total > most:
            raise TooLargeError(f"The PDF holds more than {most:,} characters of text. Split it.")
        if not any(line.text.strip() for line in lines[number]):
            empty.append(number)
    return lines, empty, failed


def page_lines(page: Any) -> list[Line]:
    """The lines of one page in reading order, with what is needed to tell headings and paragraphs."""
    textpage = page.get_textpage()
    text = _ligatures(textpage.get_text_range())
    exact = textpage.count_chars() == len(text)
    lines = []
    for found in _LINE.finditer(text):
        line = found[1].strip()
        if not line:
            continue
        if found[2] in ("\x02", "\ufffe"):
            line += "-"
        at = found.start() + len(found[1]) - len(found[1].lstrip())
        lines.append(_measured(textpage, line, at) if exact else Line(line, None, 0.0, False))
    textpage.close()
    return lines


def _ligatures(text: str) -> str:
    """Put the letters of Arabic lam-alef ligatures, which PDFium gives in visual order, back in order."""
    for wrong, right in _LAM_ALEF if "\u0644" in text else ():
        text = text.replace(wrong, right)
    return text


def _measured(textpage: Any, text: str, at: int) -> Line:
    from pypdfium2 import raw  # noqa: PLC0415

    x, y = ctypes.c_double(), ctypes.c_double()
    known = raw.FPDFText_GetCharOrigin(textpage, at, ctypes.byref(x), ctypes.byref(y))
    size = raw.FPDFText_GetFontSize(textpage, at)
    bold = _bold(textpage, at) and _bold(textpage, at + len(text.rstrip("-")) - 1)
    # the nominal size ignores the text matrix; glyph height stands in where fonts are declared as 1 point
    if size < 2:
        size = _glyph_height(textpage, at)
    return Line(text, y.value if known else None, round(size, 1), bold)


def _bold(textpage: Any, at: int) -> bool:
    from pypdfium2 import raw  # noqa: PLC0415

    font = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(textpage, at, font, 128, ctypes.byref(ctypes.c_int()))
    return bool(_BOLD_FONT.search(font.value))


def _glyph_height(textpage: Any, at: int) -> float:
    from pypdfium2 import raw  # noqa: PLC0415

    box = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(textpage, at, ctypes.byref(box)):
        return 0.0
    return abs(float(box.top) - float(box.bottom))


def _add_pages(builder: DocumentBuilder, pages: dict[int, list[Line]]) -> None:
    sizes: Counter[float] = Counter()
    for lines in pages.values():
        for line in lines:
            sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted((size for size in sizes if body and size >= 1.15 * body), reverse=True)
    levels = {size: min(level, 4) for level, size in enumerate(larger, 1)}
    bold = sum(len(line.text) for lines in pages.values() for line in lines if line.bold)
    if bold > _MOST_BOLD * sum(sizes.values()):
        pages = {number: [_light(line) for line in lines] for number, lines in pages.items()}
    for number, lines in sorted(pages.items()):
        for block in paragraphs(lines):
            _add_block(builder, block, number, levels)


def _light(line: Line) -> Line:
    """In a document set in bold, bold says nothing."""
    return Line(line.text, line.y, line.size, False)


def paragraphs(lines: list[Line]) -> list[list[Line]]:
    """Group a page's lines: a wider gap, another font size or a bullet starts a new paragraph."""
    gaps = sorted(a.y - b.y for a, b in itertools.pairwise(lines) if a.y is not None and b.y is not None)
    usual = next((gap for gap in gaps[len(gaps) // 3 :] if gap > 1), 0.0)
    blocks: list[list[Line]] = []
    for line in lines:
        if not blocks or _breaks(blocks[-1][-1], line, usual):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _breaks(above: Line, line: Line, usual: float) -> bool:
    if above.text.endswith("-") and line.size == above.size:
        return False
    if abs(above.size - line.size) > 0.1 * max(above.size, line.size) or _BULLET.match(line.text):
        return True
    if above.bold != line.bold:
        return True
    if above.y is None or line.y is None or not usual:
        return False
    gap = above.y - line.y
    if gap < -0.5 * usual:  # the top of the next column: the paragraph goes on unless its sentence ended
        return above.text.endswith((".", "!", "?", ":", "。", "！", "？"))
    return gap > 1.35 * usual


def _add_block(builder: DocumentBuilder, block: list[Line], page: int, levels: dict[float, int]) -> None:
    text = "\n".join(line.text for line in block)
    first = block[0]
    level = levels.get(first.size)
    if level is None and all(line.bold for line in block) and not _NO_HEADING.search(text):
        numbered = _NUMBERED.match(text)
        level = 5 + (numbered[1].count(".") if numbered else 0)
    words = sum(character.isalpha() for character in text)
    if level is not None and len(block) <= 3 and len(text) <= _MOST_HEADING and words >= 2:
        builder.heading(level, text, page)
    else:
        builder.add(ElementKind.LIST if _BULLET.match(text) else ElementKind.PARAGRAPH, text, page)


def _recognise(document: Any, numbers: list[int], lines: dict[int, list[Line]]) -> None:
    for number in numbers:
        picture = document[number - 1].render(scale=_RENDER_SCALE).to_pil()
        lines[number] = [Line(text, None, 0.0, False) for text in images.recognise(picture)]


def _metadata(document: Any) -> dict[str, str]:
    names = {
        "Title": "title",
        "Author": "author",
        "Subject": "subject",
        "CreationDate": "created",
        "ModDate": "modified",
    }
    found = document.get_metadata_dict()
    values = {name: str(found.get(key) or "").replace("\0", "").strip() for key, name in names.items()}
    for name in ("created", "modified"):
        date = _DATE.match(values[name])
        values[name] = "-".join(part for part in date.groups() if part) if date else values[name]
    return {name: value for name, value in values.items() if value}


def _second_opinion(data: bytes, name: str, settings: ParseSettings, reason: str) -> ParsedDocument:
    """Let xberg try a file that PDFium cannot open; what it reads is marked as partial."""
    try:
        parsed = office.parse_as(data, name, settings, MEDIA_TYPE)
    except EncryptedError:
        raise
    except ParseError as error:
        raise ParseError(f"The PDF is damaged and no page can be read ({reason}). Restore it.") from error
    if not parsed.text.strip():
        raise ParseError(f"The PDF is damaged and no text can be read ({reason}). Restore it from its origin.")
    note = f"partial: the file is damaged, {parsed.pages or 'some'} pages could be read"
    return msgspec.structs.replace(parsed, notes=(*parsed.notes, note))
