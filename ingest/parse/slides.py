"""PowerPoint: python-pptx slide by slide, xberg when it cannot open the file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ingest.parse import office, ooxml
from ingest.parse.builder import DocumentBuilder, Facts
from ingest.parse.limits import open_zip, refuse_entities
from ragpress.errors import ParseError, TooLargeError
from ragpress.types import ElementKind

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "python-pptx"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_GROUP_DEPTH = 20
_FOOTERS = ("FOOTER", "SLIDE_NUMBER", "DATE")


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:
    """Read slides: titles, text, tables, chart data, picture descriptions and speaker notes.

    Raises:
        EncryptedError: it needs a password.
        TooLargeError: it exceeds a limit.
        ParseError: neither parser can read it.
    """
    with open_zip(data) as archive:
        refuse_entities(archive)
    try:
        return _read(data, settings)
    except (TooLargeError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - python-pptx raises anything on odd parts; xberg decides
        try:
            return office.parse_as(data, name, settings, MEDIA_TYPE)
        except ParseError as second:
            raise second from error


def _read(data: bytes, settings: ParseSettings) -> ParsedDocument:
    import pptx  # noqa: PLC0415 - heavy; only presentations need it

    presentation = pptx.Presentation(io.BytesIO(data))
    builder = DocumentBuilder(settings.max_characters)
    slides = list(presentation.slides)
    for number, slide in enumerate(slides, 1):
        title = slide.shapes.title
        text = title.text_frame.text.replace("\v", " ").strip() if title is not None else ""
        builder.heading(1, text or f"Slide {number}", number)
        shapes = [shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id]
        _add_shapes(builder, shapes, number, settings, 0)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            builder.paragraphs(slide.notes_slide.notes_text_frame.text, number)
    own = presentation.core_properties
    metadata = {"author": own.author, "subject": own.subject, "created": str(own.created or "")}
    metadata = {key: value for key, value in metadata.items() if value}
    title = own.title if own.title and own.title != "PowerPoint Presentation" else builder.first_heading
    return builder.build(Facts(media_type=MEDIA_TYPE, parser=PARSER, title=title, pages=len(slides), metadata=metadata))


def _add_shapes(
    builder: DocumentBuilder, shapes: Iterable[Any], page: int, settings: ParseSettings, depth: int
) -> None:
    if depth > _GROUP_DEPTH:
        raise ParseError(f"Slide {page} nests groups deeper than {_GROUP_DEPTH} levels.")
    for shape in shapes:
        if hasattr(shape, "shapes"):
            _add_shapes(builder, shape.shapes, page, settings, depth + 1)
        elif getattr(shape, "has_table", False):
            _add_table(builder, shape.table, page, settings.max_table_cells)
        elif getattr(shape, "has_chart", False):
            _add_chart(builder, shape.chart, page)
        elif getattr(shape, "has_text_frame", False):
            _add_text(builder, shape, page)
        else:
            builder.add(ElementKind.PARAGRAPH, _description(shape), page)


def _add_text(builder: DocumentBuilder, shape: Any, page: int) -> None:
    kind = str(shape.placeholder_format.type) if shape.is_placeholder else ""
    lines = [(p.level, p.text.replace("\v", "\n").strip()) for p in shape.text_frame.paragraphs]
    lines = [(level, text) for level, text in lines if text]
    if kind.startswith(_FOOTERS):
        builder.add(ElementKind.FOOTER, "\n".join(text for _, text in lines), page)
    elif len(lines) > 1 and (kind.startswith(("BODY", "OBJECT")) or any(level for level, _ in lines)):
        builder.add(ElementKind.LIST, "\n".join(f"{'  ' * level}- {text}" for level, text in lines), page)
    else:
        builder.add(ElementKind.PARAGRAPH, "\n".join(text for _, text in lines), page)


def _add_table(builder: DocumentBuilder, table: Any, page: int, most: int) -> None:
    if len(table.rows) * len(table.columns) > most:
        raise TooLargeError(f"A table on slide {page} has more than {most:,} cells.")
    builder.table([[cell.text for cell in row.cells] for row in table.rows], page)


def _add_chart(builder: DocumentBuilder, chart: Any, page: int) -> None:
    title, rows = ooxml.chart_table(chart._chartSpace)
    builder.add(ElementKind.PARAGRAPH, title, page)
    builder.table(rows, page)


def _description(shape: Any) -> str:
    """The alternative text that an author gave a picture; generated file names are left out."""
    found = shape._element.xpath(".//*[local-name()='cNvPr']/@descr")
    text = str(found[0]) if found else ""
    return text if " " in text.strip() else ""
