"""A tiny PDF writer for the sample: text, tables, page headers and footers; the same bytes every time.

Latin text uses the standard font Helvetica (PDF 32000-1, 9.6.2.2). Chinese text uses the predefined
CMap ``UniGB-UTF16-H`` with a font that is not embedded (9.7.5.2), so no font file is needed.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

from examples.markup import Block

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595, 842, 64
SIZES = {"title": 20, "heading": 14, "paragraph": 11, "list": 11, "table": 10}
WIDE = 0x2E80  # from here on a character fills a whole em


@dataclass
class _Layout:
    """Lines that are placed on pages, as (x, y, size, text)."""

    pages: list[list[tuple[int, float, int, str]]] = field(default_factory=lambda: [[]])
    y: float = PAGE_HEIGHT - 100

    def line(self, cells: list[tuple[int, str]], size: int) -> None:
        """Place one line of (x, text) cells and move down; starts a page when this one is full."""
        if self.y < 90:
            self.pages.append([])
            self.y = PAGE_HEIGHT - 100
        self.pages[-1].extend((x, self.y, size, text) for x, text in cells)
        self.y -= size * 1.45


def write_pdf(blocks: list[Block], header: str, footer: str, *, chinese: bool = False) -> bytes:
    """Set blocks on A4 pages.

    Args:
        blocks: what to set.
        header: stands at the top of every page.
        footer: stands at the bottom; ``{page}`` and ``{pages}`` are filled in.
        chinese: use the Chinese font.

    Returns:
        the bytes of a PDF 1.5 file without compression.
    """
    layout = _Layout()
    for block in blocks:
        _set_block(layout, block)
    pages = [_content(lines, chinese=chinese) for lines in _framed(layout, header, footer)]
    title = next(block.text for block in blocks if block.kind == "title")
    return _with_table(_objects(pages, _font_objects(chinese=chinese)), title)


def _framed(layout: _Layout, header: str, footer: str) -> list[list[tuple[int, float, int, str]]]:
    count = len(layout.pages)
    return [
        [
            (MARGIN, PAGE_HEIGHT - 50, 9, header),
            *lines,
            (MARGIN, 45, 9, footer.format(page=number, pages=count)),
        ]
        for number, lines in enumerate(layout.pages, start=1)
    ]


def _set_block(layout: _Layout, block: Block) -> None:
    size = SIZES[block.kind]
    if block.kind == "table":
        for row in block.rows:
            step = (PAGE_WIDTH - 2 * MARGIN) // len(row)
            layout.line([(MARGIN + column * step, cell) for column, cell in enumerate(row)], size)
    else:
        texts = [f"- {row[0]}" for row in block.rows] or [block.text]
        for line in (line for text in texts for line in _wrap(text, size)):
            layout.line([(MARGIN, line)], size)
    layout.y -= 8


def _wrap(text: str, size: int) -> list[str]:
    room = (PAGE_WIDTH - 2 * MARGIN) / size
    lines, used = [""], 0.0
    for word in _breakable(text):
        width = sum(1.0 if ord(letter) >= WIDE else 0.52 for letter in word)
        if used + width > room and lines[-1]:
            lines.append("")
            used = 0.0
        lines[-1] += word
        used += width
    return [line.strip() for line in lines]


def _breakable(text: str) -> list[str]:
    """Pieces after which a line may end: words with their space, single Chinese characters."""
    pieces = [""]
    for letter in text:
        # a full stop may not start a line
        if ord(letter) >= WIDE and letter not in "，。；：、）？！":
            pieces.append("")
        pieces[-1] += letter
        if letter == " ":
            pieces.append("")
    return [piece for piece in pieces if piece]


def _content(lines: list[tuple[int, float, int, str]], *, chinese: bool) -> bytes:
    parts = []
    for x, y, size, text in lines:
        shown = f"<{text.encode('utf-16-be').hex()}>" if chinese else f"({_escape(text)})"
        parts.append(f"BT /F1 {size} Tf {x} {y:.1f} Td {shown} Tj ET")
    return "\n".join(parts).encode("cp1252")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _font_objects(*, chinese: bool) -> list[str]:
    if not chinese:
        return ["<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    return [
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [4 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /FontDescriptor 5 0 R "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> >>",
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 "
        "/Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
    ]


def _objects(contents: list[bytes], fonts: list[str]) -> list[bytes]:
    """Number the objects: catalog 1, page tree 2, fonts from 3, then a page and its content in turn."""
    first = 3 + len(fonts)
    kids = " ".join(f"{first + 2 * index} 0 R" for index in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        *(font.encode() for font in fonts),
    ]
    for index, content in enumerate(contents):
        page = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE_WIDTH} {PAGE_HEIGHT}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {first + 2 * index + 1} 0 R >>"
        )
        objects += [page.encode(), b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream"]
    return objects


def _with_table(content: list[bytes], title: str) -> bytes:
    """The file: header, objects with an information dictionary as the last, cross-reference table, trailer."""
    marked = (codecs.BOM_UTF16_BE + title.encode("utf-16-be")).hex()
    objects = [*content, f"<< /Title <{marked}> >>".encode()]
    body = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n" % number + item + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    count = len(objects)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        count + 1,
        count,
        len(body),
    )
    return body + head + table + trailer
